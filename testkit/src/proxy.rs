//! A connection that breaks at the worst time: a proxy in front of a real MongoDB passes on what the client sends, and
//! swallows answers to commands of one name.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
};

use basket_mongo::{Baskets, EventStore, MongoStore};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::mongo::{REPLICA_SET, TestDatabase, created, server};

/// A store behind a proxy that swallows the answers to the next `swallow` commands of one name.
pub struct Proxied {
    pub store: MongoStore<Baskets>,
    pub swallow: Arc<AtomicU32>,
    /// Whether the proxy drops new connections after that.
    pub dies: Arc<AtomicBool>,
}

pub async fn proxied(db: &TestDatabase, command: &'static str) -> Proxied {
    let target = server(REPLICA_SET).trim_start_matches("mongodb://").trim_end_matches('/').to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (swallow, dies) = (Arc::<AtomicU32>::default(), Arc::<AtomicBool>::default());
    let (left, mortal) = (swallow.clone(), dies.clone());
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            if mortal.load(SeqCst) && left.load(SeqCst) == 0 {
                continue;
            }
            let server = TcpStream::connect(&target).await.unwrap();
            tokio::spawn(relay(client, server, command, left.clone()));
        }
    });
    let address = format!("mongodb://127.0.0.1:{port}/{}?directConnection=true", db.database.name());
    let store = MongoStore::at(&address).await.unwrap();
    // Its connections and the collection are there before the first answer is swallowed.
    store.save(&mut created()).await.unwrap();
    Proxied { store, swallow, dies }
}

/// Passes on one request and one answer at a time; closes the connection instead of an answer that it swallows.
async fn relay(mut client: TcpStream, mut server: TcpStream, command: &str, swallow: Arc<AtomicU32>) {
    while let Some(request) = message(&mut client).await {
        server.write_all(&request).await.unwrap();
        let Some(answer) = message(&mut server).await else { return };
        // An OP_MSG carries its command as the first key of its document.
        let is_it = request.get(26..).is_some_and(|body| body.starts_with(command.as_bytes()));
        if is_it && swallow.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok() {
            return;
        }
        if client.write_all(&answer).await.is_err() {
            return;
        }
    }
}

/// A wire message: its length, then the rest of it.
async fn message(from: &mut TcpStream) -> Option<Vec<u8>> {
    let length = from.read_u32_le().await.ok()?;
    let mut message = length.to_le_bytes().to_vec();
    message.resize(length as usize, 0);
    from.read_exact(&mut message[4..]).await.ok()?;
    Some(message)
}
