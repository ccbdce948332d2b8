//! What is on the screen, and what a key or an update from the store does to it. Pure: no terminal, no store, no clock; it
//! returns a [`Command`] where one of these is needed. `run` calls it, [`view`](super::view) draws it.

use basket_mongo::StoreError;
use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::{
    keys::{self, Action, Binding},
    list::{List, Prompt},
    question::Question,
    reader::{Answer, Request, Update},
    timeline::Timeline,
    undo::{Back, Undo},
};
use crate::domain::{Domain, Id};

#[derive(Debug)]
pub struct Model<D: Domain> {
    pub(super) store: String,
    /// The list of streams, which is the first screen.
    pub list: List<D>,
    /// The stream that is open; it covers the list.
    pub timeline: Option<Timeline<D>>,
    pub document: Option<Document>,
    pub scroll: usize,
    /// The first line of the help, while that covers the screen.
    pub help: Option<usize>,
    /// What is about to be undone.
    pub question: Option<Question<Id<D>>>,
    /// What the last key has led to.
    pub said: Option<String>,
    /// The last error of the store, until it answers again.
    pub trouble: Option<String>,
    /// How many rows a page has; the view sets it.
    pub(super) page: usize,
    /// There is no list behind the timeline.
    alone: bool,
    /// Something was read; a later error is shown and does not end the program.
    settled: bool,
}

/// The stored document of an event, line by line; without lines before it was read.
#[derive(Debug, Default)]
pub struct Document {
    pub(super) version: u64,
    pub(super) lines: Vec<String>,
}

/// What the loop has to do after a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command<I> {
    /// Leave.
    Quit,
    /// Give the terminal back to the shell, until it continues this program.
    Suspend,
    /// Read something else from now on.
    Read(Request<I>),
    /// Plan an undo, or do it.
    Undo(Undo<I>),
    /// Put a text into the terminal's clipboard.
    Copy(String),
}

impl<D: Domain> Model<D> {
    /// The first screen: the list, or a stream that is named.
    pub fn new(store: String, id: Option<Id<D>>) -> Self {
        Self {
            store,
            list: List::default(),
            alone: id.is_some(),
            timeline: id.map(Timeline::new),
            document: None,
            scroll: 0,
            help: None,
            question: None,
            said: None,
            trouble: None,
            page: 10,
            settled: false,
        }
    }

    /// What has to be read for this screen.
    pub fn request(&self) -> Request<Id<D>> {
        match &self.timeline {
            Some(timeline) => Request::Stream(timeline.id.clone()),
            None => Request::List(self.list.row.clone()),
        }
    }

    /// The event whose document has to be read.
    pub fn wanted(&self) -> Option<(Id<D>, u64)> {
        let (timeline, document) = (self.timeline.as_ref()?, self.document.as_ref()?);
        let version = timeline.cursor() as u64;
        (version > 0 && document.version != version).then(|| (timeline.id.clone(), version))
    }

    pub(super) fn bindings(&self) -> &'static [Binding] {
        if self.timeline.is_some() { keys::TIMELINE } else { keys::LIST }
    }

    pub fn key(&mut self, key: KeyEvent) -> Option<Command<Id<D>>> {
        if key.kind == KeyEventKind::Release {
            return None;
        }
        if key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) {
            return match (key.modifiers, key.code) {
                (KeyModifiers::CONTROL, KeyCode::Char('c' | 'C')) => Some(Command::Quit),
                (KeyModifiers::CONTROL, KeyCode::Char('z' | 'Z')) => Some(Command::Suspend),
                _ => None,
            };
        }
        self.said = None;
        if let Some(question) = self.question.take() {
            return self.answer(question, key.code);
        }
        if let Some(line) = self.help {
            // Any other key closes the help.
            self.help = match keys::action(self.bindings(), key.code) {
                Some(Action::On | Action::PageOn) => Some(line.saturating_add(1)),
                Some(Action::Back | Action::PageBack) => Some(line.saturating_sub(1)),
                _ => None,
            };
            return None;
        }
        match &mut self.timeline {
            Some(timeline) if timeline.is_typed => {
                timeline.type_key(key.code);
                return None;
            }
            None if self.list.prompt.is_some() => return self.type_key(key.code),
            _ => {}
        }
        self.act(keys::action(self.bindings(), key.code)?)
    }

    fn leave(&mut self) -> Option<Command<Id<D>>> {
        match &mut self.timeline {
            Some(timeline) if !timeline.search.is_empty() => {
                timeline.search("");
                return None;
            }
            Some(_) if self.alone => return Some(Command::Quit),
            Some(_) => (self.timeline, self.document, self.trouble) = (None, None, None),
            None if !self.list.search.is_empty() => {
                self.list.search(String::new());
                return None;
            }
            None if self.list.row.is_some() => self.list.ask_for(None),
            None => return Some(Command::Quit),
        }
        Some(Command::Read(self.request()))
    }

    /// Does what a binding of the screen names.
    fn act(&mut self, action: Action) -> Option<Command<Id<D>>> {
        let page = self.page.cast_signed();
        match action {
            Action::Back => self.step(-1),
            Action::On => self.step(1),
            Action::PageBack => self.step(-page),
            Action::PageOn => self.step(page),
            Action::First => self.go_to_end(false),
            Action::Last => self.go_to_end(true),
            Action::Find => match &mut self.timeline {
                Some(timeline) => timeline.is_typed = true,
                None => self.list.prompt = Some(Prompt::new(false, &self.list.search)),
            },
            Action::Row => {
                let before = self.list.row.as_deref().unwrap_or_default();
                self.list.prompt = Some(Prompt::new(true, before));
            }
            Action::Open => {
                self.timeline = Some(Timeline::new(self.list.selected()?));
                (self.scroll, self.trouble) = (0, None);
                return Some(Command::Read(self.request()));
            }
            Action::Mark => self.timeline.iter_mut().for_each(Timeline::toggle_mark),
            Action::Document => {
                self.document = self.document.take().is_none().then(Document::default);
                self.scroll = 0;
            }
            // The view limits it to the last line.
            Action::ScrollDown => self.scroll = self.scroll.saturating_add(1),
            Action::ScrollUp => self.scroll = self.scroll.saturating_sub(1),
            Action::Copy => {
                let open = self.timeline.as_ref().map(|timeline| timeline.id.clone());
                let id = open.or_else(|| self.list.selected())?.to_string();
                self.said = Some(format!("copied {id}"));
                return Some(Command::Copy(id));
            }
            Action::Revert => return self.ask(Back::Revert),
            Action::Restore => return self.ask(Back::Restore),
            Action::Reload => {
                self.trouble = None;
                return Some(Command::Read(self.request()));
            }
            Action::Help => self.help = Some(0),
            Action::Leave => return self.leave(),
        }
        None
    }

    fn step(&mut self, by: isize) {
        match &mut self.timeline {
            Some(timeline) => timeline.step(by),
            None => self.list.step(by),
        }
    }

    fn go_to_end(&mut self, last: bool) {
        match &mut self.timeline {
            Some(timeline) => timeline.go_to_end(last),
            None => self.list.go(if last { usize::MAX } else { 0 }),
        }
    }

    fn type_key(&mut self, key: KeyCode) -> Option<Command<Id<D>>> {
        let prompt = self.list.prompt.as_mut()?;
        prompt.wrong = None;
        match key {
            KeyCode::Esc => {
                let prompt = self.list.prompt.take()?;
                if !prompt.is_row {
                    self.list.search(String::new());
                }
            }
            KeyCode::Enter if prompt.is_row => {
                let text = Some(prompt.text.trim()).filter(|text| !text.is_empty());
                match text.map(D::parse_row).transpose() {
                    Err(why) => prompt.wrong = Some(why),
                    Ok(row) => {
                        self.list.prompt = None;
                        self.list.ask_for(row);
                        return Some(Command::Read(self.request()));
                    }
                }
            }
            KeyCode::Enter => self.list.prompt = None,
            KeyCode::Char(letter) => prompt.text.push(letter),
            KeyCode::Backspace => drop(prompt.text.pop()),
            KeyCode::Up => self.list.step(-1),
            KeyCode::Down => self.list.step(1),
            _ => {}
        }
        if let Some(Prompt { is_row: false, text, .. }) = &self.list.prompt {
            self.list.search(text.clone());
        }
        None
    }

    /// Takes an answer of the reader; one to an earlier request comes too late and changes nothing.
    /// An error means that the store failed before there was anything to show.
    pub fn update(&mut self, update: Update<D>) -> Result<(), StoreError> {
        if update.of != self.request() {
            return Ok(());
        }
        match (update.answer, &mut self.timeline) {
            (Answer::Failed(error), _) if self.settled => {
                self.trouble = Some(error.to_string());
                return Ok(());
            }
            (Answer::Failed(error), _) => return Err(error),
            (Answer::List(rows), None) => self.list.fill(rows),
            (Answer::Changed { rows, gone }, None) => self.list.update(rows, &gone),
            (Answer::Begins { head }, Some(timeline)) => {
                *timeline = timeline.anew(head);
                self.document = self.document.take().map(|_| Document::default());
            }
            (Answer::Events(entries), Some(timeline)) => entries.into_iter().for_each(|entry| timeline.push(entry)),
            (Answer::Complete, Some(timeline)) => timeline.complete(),
            _ => {}
        }
        (self.settled, self.trouble) = (true, None);
        Ok(())
    }

    /// Takes the document that was [`wanted`](Self::wanted), or the reason why it could not be read.
    pub fn show_document(&mut self, of: (Id<D>, u64), read: Result<Vec<String>, StoreError>) {
        let version = of.1;
        if self.wanted() == Some(of) {
            let lines = read.unwrap_or_else(|error| vec![error.to_string()]);
            self.document = Some(Document { version, lines });
        }
    }
}

impl Prompt {
    fn new(is_row: bool, text: &str) -> Self {
        Self { is_row, text: text.into(), wrong: None }
    }
}
