//! What is on the screen, and what a key or news of the store does to it. Pure: no terminal, no store, no clock; what it
//! wants of them it returns as a [`Command`]. [`run`](super::run) feeds it, [`view`](super::view) draws it.

use basket_domain::{BasketId, Product};
use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::explore::{
    keys::{self, Action, Binding},
    list::{List, Prompt},
    news::{News, Request, Told},
    timeline::Timeline,
};

/// All that there is to see.
#[derive(Debug)]
pub struct Model {
    /// The store's name.
    pub store: String,
    /// The list of baskets, which is the first screen.
    pub list: List,
    /// The basket that is open; it covers the list.
    pub basket: Option<Timeline>,
    /// The document pane, where it is shown.
    pub document: Option<Document>,
    /// How many lines the panes beside the timeline are scrolled.
    pub scroll: usize,
    /// The keys cover everything; from this line on.
    pub help: Option<usize>,
    /// What the store said last, where it is not well.
    pub trouble: Option<String>,
    /// How many rows a page has; the view knows.
    pub page: usize,
    /// There is no list behind the basket.
    alone: bool,
    /// Something was read; what goes wrong from now on is no reason to end.
    settled: bool,
}

/// The stored document of an event, line by line.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// Of which version.
    pub version: u64,
    /// Its lines; none before it was read.
    pub lines: Vec<String>,
}

/// What the model wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Leave.
    Quit,
    /// Read something else from now on.
    Read(Request),
}

impl Model {
    /// The first screen: the list, or a basket that was asked for.
    pub fn new(store: String, id: Option<BasketId>) -> Self {
        Self {
            store,
            list: List::default(),
            basket: id.map(Timeline::new),
            document: None,
            scroll: 0,
            help: None,
            trouble: None,
            page: 10,
            alone: id.is_some(),
            settled: false,
        }
    }

    /// What has to be read for this screen.
    pub fn request(&self) -> Request {
        match &self.basket {
            Some(basket) => Request::Basket(basket.id()),
            None => Request::List(self.list.product.clone()),
        }
    }

    /// The event whose document has to be read.
    pub fn wanted(&self) -> Option<(BasketId, u64)> {
        let (basket, document) = (self.basket.as_ref()?, self.document.as_ref()?);
        let version = basket.cursor() as u64;
        (version > 0 && document.version != version).then(|| (basket.id(), version))
    }

    /// The keys of this screen.
    pub fn bindings(&self) -> &'static [Binding] {
        if self.basket.is_some() { keys::BASKET } else { keys::LIST }
    }

    /// A key was pressed.
    pub fn key(&mut self, key: KeyEvent) -> Option<Command> {
        if key.kind == KeyEventKind::Release {
            return None;
        }
        if key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) {
            let is_end = key.modifiers == KeyModifiers::CONTROL && matches!(key.code, KeyCode::Char('c' | 'C'));
            return is_end.then_some(Command::Quit);
        }
        if let Some(line) = self.help {
            // Whatever other key it is, what the help covers comes first.
            self.help = match keys::action(self.bindings(), key.code) {
                Some(Action::On | Action::PageOn) => Some(line.saturating_add(1)),
                Some(Action::Back | Action::PageBack) => Some(line.saturating_sub(1)),
                _ => None,
            };
            return None;
        }
        if self.basket.is_none() && self.list.prompt.is_some() {
            return self.type_key(key.code);
        }
        match keys::action(self.bindings(), key.code)? {
            Action::Leave => self.leave(),
            Action::Reload => {
                self.trouble = None;
                Some(Command::Read(self.request()))
            }
            Action::Help => {
                self.help = Some(0);
                None
            }
            action => match &mut self.basket {
                Some(_) => {
                    self.on_basket(action);
                    None
                }
                None => self.on_list(action),
            },
        }
    }

    fn leave(&mut self) -> Option<Command> {
        if self.basket.is_some() && !self.alone {
            (self.basket, self.document, self.trouble) = (None, None, None);
            return Some(Command::Read(self.request()));
        }
        if self.basket.is_none() && !self.list.searched().is_empty() {
            self.list.search(String::new());
            return None;
        }
        if self.basket.is_none() && self.list.product.is_some() {
            self.list.ask_for(None);
            return Some(Command::Read(self.request()));
        }
        Some(Command::Quit)
    }

    fn on_list(&mut self, action: Action) -> Option<Command> {
        let page = self.page.cast_signed();
        match action {
            Action::Back => self.list.step(-1),
            Action::On => self.list.step(1),
            Action::PageBack => self.list.step(-page),
            Action::PageOn => self.list.step(page),
            Action::First => self.list.go(0),
            Action::Last => self.list.go(usize::MAX),
            Action::Find => self.list.prompt = Some(Prompt::new(false, self.list.searched())),
            Action::Product => {
                let before = self.list.product.as_ref().map_or("", Product::as_str);
                self.list.prompt = Some(Prompt::new(true, before));
            }
            Action::Open => {
                self.basket = Some(Timeline::new(self.list.selected()?));
                (self.scroll, self.trouble) = (0, None);
                return Some(Command::Read(self.request()));
            }
            _ => {}
        }
        None
    }

    fn on_basket(&mut self, action: Action) {
        let Some(basket) = &mut self.basket else { return };
        let page = self.page.cast_signed();
        match action {
            Action::Back => basket.step(-1),
            Action::On => basket.step(1),
            Action::PageBack => basket.step(-page),
            Action::PageOn => basket.step(page),
            Action::First => basket.go(1),
            Action::Last => basket.go(usize::MAX),
            Action::Mark => basket.toggle_mark(),
            Action::Document => {
                self.document = self.document.take().is_none().then(Document::default);
                self.scroll = 0;
            }
            // The view takes back what goes beyond the last line.
            Action::ScrollDown => self.scroll = self.scroll.saturating_add(1),
            Action::ScrollUp => self.scroll = self.scroll.saturating_sub(1),
            _ => {}
        }
    }

    fn type_key(&mut self, key: KeyCode) -> Option<Command> {
        let prompt = self.list.prompt.as_mut()?;
        prompt.wrong = None;
        match key {
            KeyCode::Esc => {
                let prompt = self.list.prompt.take()?;
                if !prompt.is_product {
                    self.list.search(String::new());
                }
                return None;
            }
            KeyCode::Enter if prompt.is_product => {
                let product = match prompt.text.trim() {
                    "" => None,
                    text => match Product::new(text) {
                        Ok(product) => Some(product),
                        Err(why) => {
                            prompt.wrong = Some(why.to_string());
                            return None;
                        }
                    },
                };
                self.list.prompt = None;
                self.list.ask_for(product);
                return Some(Command::Read(self.request()));
            }
            KeyCode::Enter => self.list.prompt = None,
            KeyCode::Char(letter) => prompt.text.push(letter),
            KeyCode::Backspace => drop(prompt.text.pop()),
            KeyCode::Up => self.list.step(-1),
            KeyCode::Down => self.list.step(1),
            _ => {}
        }
        if let Some(Prompt { is_product: false, text, .. }) = &self.list.prompt {
            self.list.search(text.clone());
        }
        None
    }

    /// News of the store. What is about another screen comes too late and says nothing.
    ///
    /// # Errors
    /// What the store could not do before anything was there to see.
    pub fn hear(&mut self, news: News) -> Result<(), basket_mongo::StoreError> {
        if news.of != self.request() {
            return Ok(());
        }
        match (news.told, &mut self.basket) {
            (Told::Failed(error), _) if self.settled => {
                self.trouble = Some(error.to_string());
                return Ok(());
            }
            (Told::Failed(error), _) => return Err(error),
            (Told::Baskets(rows), None) => self.list.fill(rows),
            (Told::Begins { head }, Some(basket)) => {
                *basket = basket.anew(head);
                self.document = self.document.take().map(|_| Document::default());
            }
            (Told::Events(entries), Some(basket)) => entries.into_iter().for_each(|entry| basket.push(entry)),
            (Told::Complete, Some(basket)) => basket.complete(),
            _ => {}
        }
        (self.settled, self.trouble) = (true, None);
        Ok(())
    }

    /// The document that was [`wanted`](Self::wanted), or why it could not be read.
    pub fn show_document(&mut self, of: (BasketId, u64), read: Result<Vec<String>, basket_mongo::StoreError>) {
        if self.wanted() != Some(of) {
            return;
        }
        let lines = read.unwrap_or_else(|error| vec![error.to_string()]);
        self.document = Some(Document { version: of.1, lines });
    }
}

impl Prompt {
    fn new(is_product: bool, text: &str) -> Self {
        Self { is_product, text: text.into(), wrong: None }
    }
}
