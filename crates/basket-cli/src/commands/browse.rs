//! `browse`: what `explore` shows, in a web page. This file has the arguments, and starts and ends the server.
//!
//! - [`http`]: the routes and the page; [`guard`]: who is answered
//! - [`reader`]: answers questions from the store; [`lines`]: an answer on its way

mod guard;
mod http;
mod lines;
mod reader;

use std::{
    io::{self, Write},
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use anyhow::Result;
use tokio::{
    net::TcpListener,
    sync::{broadcast, mpsc, oneshot},
    time::timeout,
};

use self::guard::Guard;
use crate::{
    domain::{Domain, Id, what},
    exit::{self, Failure, USAGE},
    explore::run::ended,
    named::{Named, find_if_named, stream},
    output::{Fields, json, unwritten},
    secrets::Secrets,
    store::Store,
};

/// Look at {streams} and their past in a web page of this machine, live
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  {program} browse\n  {program} browse {id}\n  \
                        {program} browse --port 7878\n\n\
                        It prints the address to open, changes nothing, and ends at Ctrl-C. Only this machine is\n\
                        answered, unless --host names another address: then the page needs the token that is printed\n\
                        with it. With the token, all {streams} can be read; the connection is not encrypted.")]
pub struct Browse<D: Domain> {
    /// The {stream} to begin with: its id, such as {id}
    #[arg(value_parser = stream::<D>)]
    id: Option<Named<Id<D>>>,
    /// The port to listen at; 0 is a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
    /// The address of this machine to listen at
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    host: IpAddr,
}

/// How many questions may wait, and how many events for a page that is slow.
const WAITING: usize = 256;

/// How long answers that are under way are waited for at the end.
const LAST_WORDS: Duration = Duration::from_secs(1);

impl<D: Domain> Browse<D> {
    pub(super) async fn run(self, store: &impl Store<D>) -> Result<()> {
        // A key that can't be used is refused before anything is shown.
        Secrets::of(store)?;
        let wanted = SocketAddr::new(self.host, self.port);
        let listener = TcpListener::bind(wanted).await.map_err(|why| taken(wanted, &why))?;
        let bound = listener.local_addr()?;
        let guard = Guard::of(bound)?;
        let id = find_if_named(store, self.id.as_ref()).await?;
        let address = address::<D>(bound, &guard, id.as_ref());

        let ((ask, questions), (live, _)) = (mpsc::channel(WAITING), broadcast::channel(WAITING));
        let (stop, stopped) = oneshot::channel::<()>();
        let pages = http::pages(about::<D>(store.name()), ask, live.clone(), guard);
        let serving = axum::serve(listener, pages).with_graceful_shutdown(async { drop(stopped.await) });
        let mut server = tokio::spawn(async move { serving.await });
        let note = format!("the {}s in {} are shown there; Ctrl-C ends it", what::<D>(), store.name());
        // Once the address is printed, a page may ask at once, or the user may end it: so both are awaited with it.
        let following = async {
            writeln!(io::stdout(), "{address}").and_then(|()| io::stdout().flush()).map_err(unwritten)?;
            exit::note(&note);
            reader::follow(store, live).await;
            anyhow::Ok(())
        };
        tokio::select! {
            biased;
            () = ended() => {}
            ended = following => ended?,
            () = reader::serve(store, questions) => {}
            done = &mut server => return Ok(done??),
        }
        // The reader is gone now, and with it the end of each open answer: the server has nothing to wait for but the network.
        drop(stop);
        timeout(LAST_WORDS, server).await.ok();
        Ok(())
    }
}

/// What the page has to know of the domain.
fn about<D: Domain>(store: &str) -> String {
    let none = json(&D::Value::default());
    let fields = [("store", store), ("stream", what::<D>()), ("row", D::ROW), ("value", D::VALUE)];
    let fields = fields.into_iter().map(|(name, text)| (name, json(text)));
    json(&Fields(fields.chain([("none", none)]).collect())).to_string()
}

fn address<D: Domain>(bound: SocketAddr, guard: &Guard, id: Option<&Id<D>>) -> String {
    let token = guard.token().map(|token| format!("?token={token}")).unwrap_or_default();
    let stream = id.map(|id| format!("#{}", escaped(&id.to_string()))).unwrap_or_default();
    format!("http://{bound}/{token}{stream}")
}

/// A text as a part of an address.
fn escaped(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let escape = |byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(escape).collect()
}

fn taken(wanted: SocketAddr, why: &io::Error) -> Failure {
    let why = match why.kind() {
        io::ErrorKind::AddrInUse => format!("port {} is taken; leave --port out for a free one", wanted.port()),
        io::ErrorKind::AddrNotAvailable => format!("{} is no address of this machine; --host needs one", wanted.ip()),
        io::ErrorKind::PermissionDenied => {
            format!("port {} is not for every user; choose one from 1024", wanted.port())
        }
        _ => format!("{wanted} can't be listened at: {why}"),
    };
    Failure(USAGE, why)
}
