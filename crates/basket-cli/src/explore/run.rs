//! The loop of `explore`: keys and updates come in, the model changes, the view draws. It holds the terminal.

use std::io;

use anyhow::{Context, Result};
use crossterm::{clipboard::CopyToClipboard, event::Event, execute};
use tokio::sync::{mpsc, watch};

use super::{
    model::{Command, Model},
    reader::{DocumentUpdate, Request, Update, serve, serve_documents},
    screen::{self, Job, Screen},
    undo::{self, Undo},
    view::{self, Palette},
};
use crate::{
    domain::{Domain, Id},
    signature::Signature,
    store::Store,
};

/// How many updates may wait for the screen before the reader of the store has to wait.
const WAITING: usize = 4;

/// Shows the streams of a store, or the one that is named, until the user leaves.
pub(crate) async fn run<D: Domain>(store: &impl Store<D>, signature: &Signature, id: Option<Id<D>>) -> Result<()> {
    screen::must_exist::<D>()?;
    let model = Model::<D>::new(store.name().to_owned(), id);
    let (requests, requested) = watch::channel(model.request());
    let (wanted, want) = watch::channel(None);
    let (send_updates, updates) = mpsc::channel(WAITING);
    let (send_documents, documents) = mpsc::channel(WAITING);
    let (undos, asked) = mpsc::channel(WAITING);
    let (send_undone, undone) = mpsc::channel(WAITING);
    let ui = Ui { model, palette: Palette::of_environment(), requests, wanted, updates, documents, undos, undone };
    let served = async {
        tokio::join!(
            serve(store, requested, send_updates),
            serve_documents(store, want, send_documents),
            undo::serve(store, signature, asked, send_undone),
        )
    };
    tokio::select! {
        end = ui.run() => end,
        _ = served => Ok(()),
    }
}

struct Ui<D: Domain> {
    model: Model<D>,
    palette: Palette,
    requests: watch::Sender<Request<Id<D>>>,
    wanted: watch::Sender<Option<(Id<D>, u64)>>,
    updates: mpsc::Receiver<Update<D>>,
    documents: mpsc::Receiver<DocumentUpdate<D>>,
    undos: mpsc::Sender<Undo<Id<D>>>,
    undone: mpsc::Receiver<undo::Answer<Id<D>>>,
}

impl<D: Domain> Ui<D> {
    async fn run(mut self) -> Result<()> {
        let mut screen = Screen::take()?;
        let (mut events, mut job) = (screen::events(), Job::listen()?);
        let mut end = std::pin::pin!(ended());
        loop {
            screen.terminal.draw(|frame| view::draw(frame, &mut self.model, self.palette))?;
            let wanted = self.model.wanted();
            if *self.wanted.borrow() != wanted {
                self.wanted.send_replace(wanted);
            }
            tokio::select! {
                biased;
                () = &mut end => return Ok(()),
                () = job.continued() => screen.retake()?,
                event = events.recv() => {
                    let mut event = event.unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()));
                    // Keys that were pressed while the screen was drawn are handled before it is drawn again.
                    loop {
                        match self.handle(event?)? {
                            Some(Command::Quit) => return Ok(()),
                            Some(Command::Suspend) => {
                                job.suspend().await?;
                                screen.retake()?;
                            }
                            _ => {}
                        }
                        let Ok(next) = events.try_recv() else { break };
                        event = next;
                    }
                }
                update = self.updates.recv() => self.model.update(update.context("the reader of the store has ended")?)?,
                Some(undone) = self.undone.recv() => self.model.undone(undone),
                Some((of, read)) = self.documents.recv() => self.model.show_document(of, read),
            }
        }
    }

    fn handle(&mut self, event: Event) -> Result<Option<Command<Id<D>>>> {
        // A new size needs no handling: the screen is drawn after every event.
        let Event::Key(key) = event else { return Ok(None) };
        #[cfg(debug_assertions)]
        panic_for_a_test(key);
        let command = self.model.key(key);
        match &command {
            Some(Command::Read(request)) => drop(self.requests.send_replace(request.clone())),
            Some(Command::Undo(undo)) if self.undos.try_send(undo.clone()).is_err() => {
                self.model.undone((undo.clone(), Err("the store has not answered the last ones yet".into())));
            }
            Some(Command::Copy(text)) => execute!(io::stdout(), CopyToClipboard::to_clipboard_from(text))?,
            _ => {}
        }
        Ok(command)
    }
}

#[cfg(debug_assertions)]
#[allow(clippy::panic, reason = "tests see that the terminal is restored")]
fn panic_for_a_test(key: crossterm::event::KeyEvent) {
    if key.code == crossterm::event::KeyCode::Char('!') && std::env::var_os(screen::PANIC).is_some() {
        panic!("as wished");
    }
}

/// Waits for a signal that asks the process to end.
#[cfg(unix)]
pub(crate) async fn ended() {
    use tokio::signal::unix::{SignalKind, signal};
    let wait = async |kind| match signal(kind) {
        Ok(mut signal) => drop(signal.recv().await),
        Err(_) => std::future::pending().await,
    };
    tokio::select! {
        () = wait(SignalKind::terminate()) => {}
        () = wait(SignalKind::hangup()) => {}
        () = wait(SignalKind::interrupt()) => {}
    }
}

#[cfg(not(unix))]
pub(crate) async fn ended() {
    tokio::signal::ctrl_c().await.ok();
}
