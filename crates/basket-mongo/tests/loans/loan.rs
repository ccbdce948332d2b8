//! A book that is lent, renewed and given back.

use basket_domain::Aggregate;
use basket_mongo::{
    Codec,
    store::codec::{text, whole_number},
};
use bson::{Bson, Document, RawBsonRef, RawDocument, doc};

#[derive(Debug, Clone, PartialEq)]
pub enum LoanEvent {
    Lent { to: String },
    Renewed { times: i64 },
    GivenBack,
}
use LoanEvent::{GivenBack, Lent, Renewed};

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    #[error("the book is lent already")]
    LentAlready,
    #[error("the book is not lent")]
    NotLent,
}

#[derive(Debug, Default)]
pub struct Loan {
    to: Option<String>,
    renewed: i64,
}

impl Loan {
    pub fn is_lent(&self) -> bool {
        self.to.is_some()
    }

    pub fn lend(&self, to: &str) -> Result<Vec<LoanEvent>, Refusal> {
        if self.is_lent() { Err(Refusal::LentAlready) } else { Ok(vec![Lent { to: to.into() }]) }
    }

    pub fn renew(&self) -> Result<Vec<LoanEvent>, Refusal> {
        if self.is_lent() { Ok(vec![Renewed { times: self.renewed + 1 }]) } else { Err(Refusal::NotLent) }
    }

    pub fn give_back(&self) -> Result<Vec<LoanEvent>, Refusal> {
        if self.is_lent() { Ok(vec![GivenBack]) } else { Err(Refusal::NotLent) }
    }
}

impl Aggregate for Loan {
    type Id = String;
    type Event = LoanEvent;

    fn apply(&mut self, event: &LoanEvent) {
        match event {
            Lent { to } => (self.to, self.renewed) = (Some(to.clone()), 0),
            Renewed { times } => self.renewed = *times,
            GivenBack => self.to = None,
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Loans;

impl Codec for Loans {
    type Aggregate = Loan;

    const COLLECTION: &'static str = "loans";
    const KEY: &'static str = "loan_id";

    fn key(id: &String) -> Bson {
        id.into()
    }

    fn id(key: RawBsonRef<'_>) -> Option<String> {
        key.as_str().map(str::to_owned)
    }

    fn encode(event: &LoanEvent) -> (&'static str, Document) {
        match event {
            Lent { to } => ("Lent", doc! { "to": to }),
            Renewed { times } => ("Renewed", doc! { "times": times }),
            GivenBack => ("GivenBack", doc! {}),
        }
    }

    fn decode(_: &String, kind: &str, data: &RawDocument) -> Result<LoanEvent, String> {
        match kind {
            "Lent" => Ok(Lent { to: text(data, "to")?.to_owned() }),
            "Renewed" => Ok(Renewed { times: whole_number(data, "times")? }),
            "GivenBack" => Ok(GivenBack),
            unknown => Err(format!("its type '{unknown}' is none that a loan knows")),
        }
    }
}
