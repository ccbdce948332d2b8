//! A relay between one client and a server that counts the bytes of one conversation, and can cut the connection after any of them.
//! It knows nothing of what the bytes say, so TLS makes no difference to it.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
    time::sleep,
};

/// Who sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    Client,
    Server,
}

/// Where a conversation is cut: both ends of its connection are closed once so many bytes of one sender were passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut {
    pub(super) sender: Sender,
    pub(super) after: usize,
    /// Whether nothing gets through any more from then on, on any connection.
    pub(super) is_last: bool,
}

/// How many bytes a client has sent, and how many it was answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Bytes {
    pub(super) sent: usize,
    pub(super) answered: usize,
}

/// A relay of one client.
pub(super) struct Relay {
    pub(super) port: u16,
    state: Arc<Mutex<State>>,
    accepting: JoinHandle<()>,
    /// Ends the connections.
    is_dead: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    /// Where to cut.
    cut: Option<Cut>,
    /// The connection of the conversation: the first one on which the client sends after the cut was ordered. Those that only ask
    /// whether the server is alive are silent then.
    connection: Option<usize>,
    /// What has passed on it.
    bytes: Bytes,
    /// Whether it was cut.
    is_cut: bool,
    /// When anything was passed on last.
    last: Option<Instant>,
}

impl Relay {
    pub(super) async fn to(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let here = listener.local_addr()?.port();
        let (state, is_dead) = (Arc::<Mutex<State>>::default(), watch::Sender::new(false));
        let accepting = tokio::spawn(accept(listener, port, Arc::clone(&state), is_dead.clone()));
        Ok(Self { port: here, state, accepting, is_dead })
    }

    /// Cuts the next conversation, once it has come so far.
    pub(super) fn order(&self, cut: Cut) {
        *lock(&self.state) = State { cut: Some(cut), ..State::default() };
    }

    /// What has passed since then, and whether it was cut.
    pub(super) fn passed(&self) -> (Bytes, bool) {
        let state = lock(&self.state);
        (state.bytes, state.is_cut)
    }

    /// Waits until nothing is sent any more.
    pub(super) async fn is_quiet(&self) {
        const A_WHILE: Duration = Duration::from_millis(15);
        while lock(&self.state).last.is_some_and(|last| last.elapsed() < A_WHILE) {
            sleep(A_WHILE).await;
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
        self.is_dead.send_replace(true);
    }
}

impl State {
    /// How many of these bytes are passed on, and whether the connection is cut after them.
    fn let_pass(&mut self, connection: usize, sender: Sender, many: usize) -> (usize, bool) {
        self.last = Some(Instant::now());
        let Some(cut) = self.cut else { return (many, false) };
        if self.connection.is_none() && sender == Sender::Client {
            self.connection = Some(connection);
        }
        if self.connection != Some(connection) {
            return (many, false);
        }
        let bytes = match sender {
            Sender::Client => &mut self.bytes.sent,
            Sender::Server => &mut self.bytes.answered,
        };
        let left = cut.after.saturating_sub(*bytes);
        let is_cut = cut.sender == sender && many >= left;
        let passed = if is_cut { left } else { many };
        *bytes += passed;
        if is_cut {
            (self.cut, self.is_cut) = (None, true);
        }
        (passed, is_cut)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, port: u16, state: Arc<Mutex<State>>, is_dead: watch::Sender<bool>) {
    for connection in 0.. {
        let Ok((client, _)) = listener.accept().await else { return };
        if *is_dead.borrow() {
            continue;
        }
        let (state, is_dead) = (Arc::clone(&state), is_dead.clone());
        tokio::spawn(async move {
            let mut died = is_dead.subscribe();
            tokio::select! {
                _ = relay(client, port, connection, &state, &is_dead) => {}
                _ = died.wait_for(|is_dead| *is_dead) => {}
            }
        });
    }
}

/// Passes on what both ends send, until one of them closes, or it is cut.
async fn relay(
    mut client: TcpStream,
    port: u16,
    connection: usize,
    state: &Mutex<State>,
    is_dead: &watch::Sender<bool>,
) -> io::Result<()> {
    let mut server = TcpStream::connect(("127.0.0.1", port)).await?;
    for end in [&client, &server] {
        end.set_nodelay(true)?;
    }
    let (mut sent, mut answered) = ([0; 1 << 14], [0; 1 << 14]);
    loop {
        let (sender, many) = tokio::select! {
            many = client.read(&mut sent) => (Sender::Client, many?),
            many = server.read(&mut answered) => (Sender::Server, many?),
        };
        if many == 0 {
            return Ok(());
        }
        let cut = lock(state).cut;
        let (passed, is_cut) = lock(state).let_pass(connection, sender, many);
        match sender {
            Sender::Client => server.write_all(&sent[..passed]).await?,
            Sender::Server => client.write_all(&answered[..passed]).await?,
        }
        if is_cut {
            if cut.is_some_and(|cut| cut.is_last) {
                is_dead.send_replace(true);
            }
            return Ok(());
        }
    }
}
