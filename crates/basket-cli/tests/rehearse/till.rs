//! A till whose rules can be switched, for the tests of what finds a change of rules: 1 to 15 change a decider, 16 to 30 an
//! applier, and with 31 the domain can't decide again that a till was opened.

use std::{cell::Cell, collections::BTreeMap};

use basket_cli::domain::{Domain, Row};
use basket_domain::{Aggregate, Reversible};
use basket_mongo::{
    Codec,
    store::codec::{text, whole_number},
};
use bson::{Bson, Document, RawBsonRef, RawDocument, doc};

thread_local! {
    /// Which rule is changed in this thread.
    pub static CHANGE: Cell<u8> = const { Cell::new(0) };
}

fn changed(rule: u8) -> bool {
    CHANGE.get() == rule
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TillEvent {
    Opened,
    Put { item: String, many: u32 },
    Taken { item: String, many: u32 },
    Emptied,
    Closed,
}
use TillEvent::{Closed, Emptied, Opened, Put, Taken};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Till {
    open: bool,
    closed: bool,
    items: BTreeMap<String, u32>,
    puts: u32,
}

type Decided = Result<Vec<TillEvent>, String>;

fn refuse(why: &str) -> Decided {
    Err(why.to_owned())
}

// Deciders

impl Till {
    pub fn open(&self) -> Decided {
        match () {
            () if changed(1) => refuse("no till is opened any more"),
            () if self.open || self.closed => refuse("it was opened already"),
            () if changed(2) => Ok(vec![Opened, Emptied]),
            () => Ok(vec![Opened]),
        }
    }

    pub fn put(&self, item: &str, many: u32) -> Decided {
        let put = |many| Ok(vec![Put { item: item.to_owned(), many }]);
        let held = self.held(item);
        match () {
            () if !self.open => refuse("it is not open"),
            () if many > 9 || changed(3) && many > 5 => Err(format!("it can't hold {many} of '{item}' at once")),
            () if held + many > 30 || changed(4) && held + many > 12 => Err(format!("{held} of '{item}' are there")),
            () if changed(5) && many > 3 => put(3),
            () if changed(6) && item == "b" => refuse("there is no place for it"),
            () if changed(7) && many == 1 => Ok(vec![]),
            () => put(many),
        }
    }

    pub fn take(&self, item: &str, many: u32) -> Decided {
        let take = |many| Taken { item: item.to_owned(), many };
        let held = self.held(item);
        match () {
            () if !self.open => refuse("it is not open"),
            () if many > held || changed(8) && many == held => Err(format!("only {held} of '{item}' are there")),
            () if changed(9) && many == held && self.items.len() == 1 => Ok(vec![Emptied]),
            () if changed(10) && many > 2 => Ok(vec![take(many - 1), take(1)]),
            () if changed(11) && self.puts > 4 => refuse("it is worn out"),
            () => Ok(vec![take(many)]),
        }
    }

    pub fn empty(&self) -> Decided {
        let taken = |(item, many): (&String, &u32)| Taken { item: item.clone(), many: *many };
        match () {
            () if !self.open => refuse("it is not open"),
            () if self.items.is_empty() => refuse("there is nothing in it"),
            () if changed(12) && self.items.len() > 2 => refuse("there is too much in it"),
            () if changed(13) => Ok(self.items.iter().map(taken).collect()),
            () => Ok(vec![Emptied]),
        }
    }

    pub fn close(&self) -> Decided {
        match () {
            () if !self.open => refuse("it is not open"),
            () if changed(14) && !self.items.is_empty() => refuse("there is something in it"),
            () if changed(15) => Ok(vec![Emptied, Closed]),
            () => Ok(vec![Closed]),
        }
    }
}

// Appliers

impl Aggregate for Till {
    type Id = String;
    type Event = TillEvent;

    fn apply(&mut self, event: &TillEvent) {
        match event {
            Opened => {
                self.open = !changed(16);
                self.puts = 0;
            }
            Put { item, many } => {
                self.puts += u32::from(!changed(19));
                let item = if changed(21) { item.to_uppercase() } else { item.clone() };
                if changed(20) && item == "c" {
                    return;
                }
                let held = self.items.entry(item).or_default();
                *held = match () {
                    () if changed(17) => *held + many + 1,
                    () if changed(18) => *many,
                    () if changed(22) => (*held + many).min(15),
                    () => *held + many,
                };
            }
            Taken { item, many } => {
                self.puts = self.puts.saturating_sub(u32::from(changed(26)));
                let many = if changed(25) { &1 } else { many };
                let left = self.held(item).saturating_sub(*many);
                if left == 0 && !changed(24) || changed(23) {
                    self.items.remove(item);
                } else {
                    self.items.insert(item.clone(), left);
                }
            }
            Emptied => {
                if !changed(27) {
                    self.items.clear();
                }
                if changed(28) {
                    self.puts = 0;
                }
            }
            Closed => {
                (self.open, self.closed) = (changed(29), true);
                if changed(30) {
                    self.items.clear();
                }
            }
        }
    }
}

impl Reversible for Till {
    type Refusal = String;

    fn decide_again(&self, event: &TillEvent) -> Decided {
        match event {
            Opened => self.open(),
            Put { item, many } => self.put(item, *many),
            Taken { item, many } => self.take(item, *many),
            Emptied => self.empty(),
            Closed => self.close(),
        }
    }

    fn lead_to(&self, target: &Self) -> Decided {
        if self == target { Ok(vec![]) } else { refuse("there is no way back") }
    }
}

// Views

impl Till {
    pub fn is_open(&self) -> bool {
        self.open
    }

    pub fn held(&self, item: &str) -> u32 {
        self.items.get(item).copied().unwrap_or(0)
    }

    pub fn rows(&self) -> Vec<(String, u32)> {
        let flags = [("open", u32::from(self.open)), ("closed", u32::from(self.closed)), ("puts", self.puts)];
        let flags = flags.into_iter().filter(|(_, value)| *value > 0).map(|(name, value)| (name.to_owned(), value));
        self.items.iter().map(|(item, many)| (item.clone(), *many)).chain(flags).collect()
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Tills;

impl Codec for Tills {
    type Aggregate = Till;

    const COLLECTION: &'static str = "tills";
    const KEY: &'static str = "till";

    fn key(id: &String) -> Bson {
        id.into()
    }

    fn id(key: RawBsonRef<'_>) -> Option<String> {
        key.as_str().map(str::to_owned)
    }

    fn encode(event: &TillEvent) -> (&'static str, Document) {
        match event {
            Opened => ("Opened", doc! {}),
            Put { item, many } => ("Put", doc! { "item": item, "many": *many }),
            Taken { item, many } => ("Taken", doc! { "item": item, "many": *many }),
            Emptied => ("Emptied", doc! {}),
            Closed => ("Closed", doc! {}),
        }
    }

    fn decode(_: &String, kind: &str, data: &RawDocument) -> Result<TillEvent, String> {
        let item = || text(data, "item").map(str::to_owned);
        let many = || whole_number(data, "many").map(|many| many as u32);
        match kind {
            "Opened" => Ok(Opened),
            "Put" => Ok(Put { item: item()?, many: many()? }),
            "Taken" => Ok(Taken { item: item()?, many: many()? }),
            "Emptied" => Ok(Emptied),
            "Closed" => Ok(Closed),
            unknown => Err(format!("its type '{unknown}' is none that a till knows")),
        }
    }
}

impl Domain for Tills {
    type Value = u32;

    const TYPES: &'static [&'static str] = &["Opened", "Put", "Taken", "Emptied", "Closed"];
    const ROW: &'static str = "item";
    const VALUE: &'static str = "many";
    const EXAMPLE_ID: &'static str = "north";

    fn parse_id(text: &str) -> Result<String, String> {
        Ok(text.to_owned())
    }

    fn in_words(event: &TillEvent) -> String {
        format!("{event:?}")
    }

    fn about(event: &TillEvent) -> Vec<&str> {
        match event {
            Put { item, .. } | Taken { item, .. } => vec![item],
            Opened | Emptied | Closed => Vec::new(),
        }
    }

    fn rows(till: &Till) -> Vec<Row<u32>> {
        till.rows().into_iter().map(|(name, value)| Row { name, value }).collect()
    }

    fn again(till: &Till, event: &TillEvent) -> Option<Result<Vec<TillEvent>, String>> {
        match event {
            Opened if changed(31) => None,
            event => Some(till.decide_again(event)),
        }
    }
}
