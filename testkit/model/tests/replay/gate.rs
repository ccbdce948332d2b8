//! A connection that does what a test says: each insert is held until it is let through, answered, or lost; one that was lost may
//! be let through later. Everything else passes.

use std::sync::{Arc, Mutex};

use bson::{Document, RawDocument, doc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot},
};

/// What becomes of the next insert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Pass,
    Hold,
    /// Its connection breaks, and it goes nowhere.
    Break,
    /// It is answered in place of the server: nothing was written.
    Refuse,
}

pub struct Gate {
    pub port: u16,
    pub switch: Switch,
    held: mpsc::UnboundedReceiver<Held>,
}

/// What says what becomes of inserts.
#[derive(Clone)]
pub struct Switch(Arc<Mutex<Rules>>);

impl Switch {
    pub fn set(&self, mode: Mode) {
        self.0.lock().unwrap().mode = mode;
    }
}

/// The session of an operation, and its number there.
type Operation = (Vec<u8>, i64);

struct Rules {
    mode: Mode,
    /// The operation whose repeat by the driver breaks, too.
    lost: Option<Operation>,
}

/// An insert that waits.
pub struct Held {
    operation: Operation,
    orders: mpsc::UnboundedSender<Order>,
}

enum Order {
    /// Send it to the server, and say whether that one refuses it.
    Arrive(oneshot::Sender<bool>),
    Answer,
    Refuse,
    Lose,
}

impl Held {
    /// Lets it through to the server; whether that one has refused it.
    pub async fn arrive(&self) -> bool {
        let (done, is_refused) = oneshot::channel();
        self.orders.send(Order::Arrive(done)).ok().unwrap();
        is_refused.await.unwrap()
    }

    /// Lets the answer through.
    pub fn answer(&self) {
        self.orders.send(Order::Answer).ok().unwrap();
    }

    /// Answers in place of the server: nothing was written.
    pub fn refuse(&self) {
        self.orders.send(Order::Refuse).ok().unwrap();
    }
}

impl Gate {
    /// A gate before a server, through which everything passes.
    pub async fn before(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let rules = Arc::new(Mutex::new(Rules { mode: Mode::Pass, lost: None }));
        let (holds, held) = mpsc::unbounded_channel();
        let shared = Arc::clone(&rules);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&target).await.unwrap();
                tokio::spawn(relay(client, server, Arc::clone(&shared), holds.clone()));
            }
        });
        Self { port, switch: Switch(rules), held }
    }

    /// The next insert.
    pub async fn next(&mut self) -> Held {
        self.held.recv().await.unwrap()
    }

    /// Breaks the connection of an insert, and that of its repeat.
    pub fn lose(&self, held: &Held) {
        self.switch.0.lock().unwrap().lost = Some(held.operation.clone());
        held.orders.send(Order::Lose).ok().unwrap();
    }
}

async fn relay(client: TcpStream, mut server: TcpStream, rules: Arc<Mutex<Rules>>, holds: mpsc::UnboundedSender<Held>) {
    let mut client = Some(client);
    while let Some(request) = message(client.as_mut()).await {
        let Some(operation) = insert(&request) else {
            server.write_all(&request).await.unwrap();
            let Some(answer) = message(Some(&mut server)).await else { return };
            if !pass(client.as_mut(), &answer).await {
                return;
            }
            continue;
        };
        let mode = {
            let rules = rules.lock().unwrap();
            if rules.lost.as_ref() == Some(&operation) { Mode::Break } else { rules.mode }
        };
        let (orders, mut given) = mpsc::unbounded_channel();
        match mode {
            Mode::Break => return,
            Mode::Refuse => {
                pass(client.as_mut(), &refusal(&request)).await;
                continue;
            }
            Mode::Hold => holds.send(Held { operation, orders }).ok().unwrap(),
            Mode::Pass => {
                orders.send(Order::Arrive(oneshot::channel().0)).ok().unwrap();
                orders.send(Order::Answer).ok().unwrap();
            }
        }
        let mut answer = None;
        while let Some(order) = given.recv().await {
            match order {
                Order::Arrive(done) => {
                    server.write_all(&request).await.unwrap();
                    answer = message(Some(&mut server)).await;
                    let has = |text: &[u8]| answer.iter().any(|a: &Vec<u8>| a.windows(text.len()).any(|w| w == text));
                    done.send(has(b"writeErrors")).ok();
                }
                Order::Answer => {
                    pass(client.as_mut(), &answer.take().unwrap()).await;
                    break;
                }
                Order::Refuse => {
                    pass(client.as_mut(), &refusal(&request)).await;
                    break;
                }
                Order::Lose => client = None,
            }
        }
    }
}

async fn pass(to: Option<&mut TcpStream>, message: &[u8]) -> bool {
    match to {
        Some(to) => to.write_all(message).await.is_ok(),
        None => false,
    }
}

/// Which operation it is, if it is an insert of events: the repeat by the driver has the same session and number.
fn insert(request: &[u8]) -> Option<Operation> {
    let body = body(request)?;
    let session = || body.get_document("lsid").unwrap().as_bytes().to_vec();
    (body.get_str("insert").ok()? == "baskets").then(|| (session(), body.get_i64("txnNumber").unwrap()))
}

/// The document of a message.
fn body(message: &[u8]) -> Option<&RawDocument> {
    let body = message.get(21..)?;
    let length = u32::from_le_bytes(body.get(..4)?.try_into().ok()?);
    RawDocument::from_bytes(body.get(..length as usize)?).ok()
}

/// What a server says that is not the primary any more, and has written nothing.
fn refusal(request: &[u8]) -> Vec<u8> {
    let labels = ["RetryableWriteError", "NoWritesPerformed"];
    let answer: Document = doc! { "ok": 0, "code": 10_107, "codeName": "NotWritablePrimary", "errmsg": "not primary", "errorLabels": labels.to_vec() };
    let body = bson::serialize_to_vec(&answer).unwrap();
    let mut message = (body.len() as u32 + 21).to_le_bytes().to_vec();
    message.extend([0; 4]);
    message.extend(&request[4..8]);
    message.extend(2_013_u32.to_le_bytes());
    message.extend([0; 5]);
    message.extend(body);
    message
}

/// A wire message: its length, then the rest of it.
async fn message(from: Option<&mut TcpStream>) -> Option<Vec<u8>> {
    let from = from?;
    let length = from.read_u32_le().await.ok()?;
    let mut message = length.to_le_bytes().to_vec();
    message.resize(length as usize, 0);
    from.read_exact(&mut message[4..]).await.ok()?;
    Some(message)
}
