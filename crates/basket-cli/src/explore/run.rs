//! The loop of `basket explore`: keys and news come in, the model changes, the view draws. It holds the terminal.

use std::{io, thread};

use anyhow::{Context, Result};
use basket_domain::BasketId;
use basket_mongo::EventLog;
use crossterm::event::Event;
use tokio::sync::{mpsc, watch};

use crate::{
    explore::{
        model::{Command, Model},
        news::{DocumentNews, News, Request, serve, serve_documents},
        screen::{self, Screen},
        view::{self, Palette},
    },
    store::Store,
};

/// How many pieces of news wait for the screen at most; then whoever reads the store waits.
const WAITING: usize = 4;

/// Shows the baskets of a store, or the one that is named, until somebody has seen enough.
///
/// # Errors
/// [`screen::NoTerminal`]; what the store could not do before there was anything to see; the terminal does not answer.
pub async fn run(store: &Store, id: Option<BasketId>) -> Result<()> {
    screen::is_there()?;
    let model = Model::new(store.name(), id);
    let (requests, requested) = watch::channel(model.request());
    let (wanted, want) = watch::channel(None);
    let (send_news, news) = mpsc::channel(WAITING);
    let (send_documents, documents) = mpsc::channel(WAITING);
    let ui = Ui { model, palette: Palette::of_environment(), requests, wanted, news, documents };
    let answer = async |store: &Store| {
        tokio::join!(serve(store, requested, send_news), serve_documents(store, want, send_documents));
    };
    match store {
        // SQLite is called where it stands, which is where no key has to wait for it.
        Store::Embedded(file) => {
            let file = Store::Embedded(file.clone());
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
            thread::spawn(move || runtime.block_on(answer(&file)));
            ui.run().await
        }
        Store::Mongo(_) => tokio::select! {
            end = ui.run() => end,
            () = answer(store) => Ok(()),
        },
    }
}

/// All that comes in, and what it changes.
struct Ui {
    model: Model,
    palette: Palette,
    requests: watch::Sender<Request>,
    wanted: watch::Sender<Option<(BasketId, u64)>>,
    news: mpsc::Receiver<News>,
    documents: mpsc::Receiver<DocumentNews>,
}

impl Ui {
    async fn run(mut self) -> Result<()> {
        let mut screen = Screen::take()?;
        let mut events = screen::events();
        let mut end = std::pin::pin!(ended());
        loop {
            screen.terminal.draw(|frame| view::draw(frame, &mut self.model, self.palette))?;
            let wanted = self.model.wanted();
            self.wanted.send_if_modified(|before| std::mem::replace(before, wanted) != wanted);
            tokio::select! {
                biased;
                () = &mut end => return Ok(()),
                event = events.recv() => {
                    let mut event = event.unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()));
                    // Keys that were pressed while the screen was drawn are done with before it is drawn again.
                    loop {
                        if self.meet(event?) == Some(Command::Quit) {
                            return Ok(());
                        }
                        match events.try_recv() {
                            Ok(next) => event = next,
                            Err(_) => break,
                        }
                    }
                }
                news = self.news.recv() => self.model.hear(news.context("nobody reads the store any more")?)?,
                Some((of, read)) = self.documents.recv() => self.model.show_document(of, read),
            }
        }
    }

    fn meet(&mut self, event: Event) -> Option<Command> {
        // A new size is seen when the screen is drawn.
        let Event::Key(key) = event else { return None };
        #[cfg(debug_assertions)]
        panic_if_wished(key);
        let command = self.model.key(key)?;
        if let Command::Read(request) = &command {
            self.requests.send_replace(request.clone());
        }
        Some(command)
    }
}

#[cfg(debug_assertions)]
#[allow(clippy::panic, reason = "tests see what becomes of the terminal")]
fn panic_if_wished(key: crossterm::event::KeyEvent) {
    if key.code == crossterm::event::KeyCode::Char('!') && std::env::var_os(screen::PANIC).is_some() {
        panic!("as wished");
    }
}

/// Somebody wants the process to end.
#[cfg(unix)]
async fn ended() {
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

/// Somebody wants the process to end.
#[cfg(not(unix))]
async fn ended() {
    tokio::signal::ctrl_c().await.ok();
}
