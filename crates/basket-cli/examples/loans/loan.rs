//! A book that is lent until a day, renewed, and given back; who is late pays. The aggregate, how its events are stored, and what the
//! tools need to know.

use basket_cli::domain::{Domain, Row};
use basket_domain::{Aggregate, Reversible};
use basket_mongo::{
    Codec, Upcaster,
    store::codec::{text, whole_number},
};
use bson::{Bson, Document, RawBsonRef, RawDocument, doc};
use jiff::{Span, civil::Date};

/// What a day too late costs.
const CENTS_A_DAY: i64 = 20;

#[derive(Debug, Clone, PartialEq)]
pub enum LoanEvent {
    BookLent { to: String, until: Date },
    LoanRenewed { until: Date },
    BookReturned { on: Date, fine: i64 },
    FinePaid { cents: i64 },
}
use LoanEvent::{BookLent, BookReturned, FinePaid, LoanRenewed};

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    #[error("the book is lent to {0}")]
    Lent(String),
    #[error("the book is not lent")]
    NotLent,
    #[error("it is lent until {0} already")]
    NotLater(Date),
    #[error("{0} cents of a fine are left to pay first")]
    FineOwed(i64),
    #[error("there are {owed} cents to pay, and not {paid}")]
    NotOwed { owed: i64, paid: i64 },
    #[error("what was paid or said at the desk stays so")]
    NoWayBack,
}

/// One book, and who has it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Loan {
    lent: Option<(String, Date)>,
    owed: i64,
}

impl Loan {
    pub fn lend(&self, to: &str, until: Date) -> Result<Vec<LoanEvent>, Refusal> {
        match &self.lent {
            Some((to, _)) => Err(Refusal::Lent(to.clone())),
            None if self.owed > 0 => Err(Refusal::FineOwed(self.owed)),
            None => Ok(vec![BookLent { to: to.into(), until }]),
        }
    }

    pub fn renew(&self, until: Date) -> Result<Vec<LoanEvent>, Refusal> {
        match &self.lent {
            None => Err(Refusal::NotLent),
            Some((_, due)) if until <= *due => Err(Refusal::NotLater(*due)),
            Some(_) => Ok(vec![LoanRenewed { until }]),
        }
    }

    pub fn take_back(&self, on: Date) -> Result<Vec<LoanEvent>, Refusal> {
        let (_, due) = self.lent.as_ref().ok_or(Refusal::NotLent)?;
        let late = (on - *due).get_days().max(0);
        Ok(vec![BookReturned { on, fine: i64::from(late) * CENTS_A_DAY }])
    }

    pub fn pay(&self, cents: i64) -> Result<Vec<LoanEvent>, Refusal> {
        match self.owed {
            owed if cents <= 0 || cents > owed => Err(Refusal::NotOwed { owed, paid: cents }),
            _ => Ok(vec![FinePaid { cents }]),
        }
    }
}

impl Aggregate for Loan {
    type Id = String;
    type Event = LoanEvent;

    fn apply(&mut self, event: &LoanEvent) {
        match event {
            BookLent { to, until } => self.lent = Some((to.clone(), *until)),
            LoanRenewed { until } => self.lent.iter_mut().for_each(|(_, due)| *due = *until),
            BookReturned { fine, .. } => (self.lent, self.owed) = (None, self.owed + fine),
            FinePaid { cents } => self.owed -= cents,
        }
    }
}

impl Reversible for Loan {
    type Refusal = Refusal;

    fn decide_again(&self, event: &LoanEvent) -> Result<Vec<LoanEvent>, Refusal> {
        match event {
            BookLent { to, until } => self.lend(to, *until),
            LoanRenewed { until } => self.renew(*until),
            BookReturned { on, .. } => self.take_back(*on),
            FinePaid { cents } => self.pay(*cents),
        }
    }

    /// Who has a book is changed at the desk and nowhere else; only the day can be another one.
    fn lead_to(&self, target: &Self) -> Result<Vec<LoanEvent>, Refusal> {
        match (&self.lent, &target.lent) {
            _ if self == target => Ok(Vec::new()),
            (Some((to, _)), Some((again, until))) if to == again && self.owed == target.owed => {
                Ok(vec![LoanRenewed { until: *until }])
            }
            _ => Err(Refusal::NoWayBack),
        }
    }
}

/// How the events of a [`Loan`] are stored.
#[derive(Debug, Clone, Copy)]
pub struct Loans;

impl Codec for Loans {
    type Aggregate = Loan;

    const COLLECTION: &'static str = "loans";
    const KEY: &'static str = "book_id";
    const UPCASTERS: &'static [Upcaster] = &[Upcaster { kind: "BookLent", from: 1, step: until_a_day }];

    fn key(id: &String) -> Bson {
        id.into()
    }

    fn id(key: RawBsonRef<'_>) -> Option<String> {
        key.as_str().map(str::to_owned)
    }

    fn encode(event: &LoanEvent) -> (&'static str, Document) {
        match event {
            BookLent { to, until } => ("BookLent", doc! { "to": to, "until": until.to_string() }),
            LoanRenewed { until } => ("LoanRenewed", doc! { "until": until.to_string() }),
            BookReturned { on, fine } => ("BookReturned", doc! { "on": on.to_string(), "fine": *fine }),
            FinePaid { cents } => ("FinePaid", doc! { "cents": *cents }),
        }
    }

    fn decode(_: &String, kind: &str, data: &RawDocument) -> Result<LoanEvent, String> {
        match kind {
            "BookLent" => Ok(BookLent { to: text(data, "to")?.to_owned(), until: day(data, "until")? }),
            "LoanRenewed" => Ok(LoanRenewed { until: day(data, "until")? }),
            "BookReturned" => Ok(BookReturned { on: day(data, "on")?, fine: whole_number(data, "fine")? }),
            "FinePaid" => Ok(FinePaid { cents: whole_number(data, "cents")? }),
            unknown => Err(format!("its type '{unknown}' is none that a loan has")),
        }
    }
}

/// A loan had a first day and a number of days once; now it has its last day.
fn until_a_day(mut data: Document) -> Result<Document, String> {
    let first: Date = data.get_str("on").ok().and_then(|on| on.parse().ok()).ok_or("data.on is no day")?;
    let days = data.get_i64("days").map_err(|_| "data.days is no whole number")?;
    let until = Span::new().try_days(days).and_then(|days| first.checked_add(days));
    let until = until.map_err(|error| format!("data.days: {error}"))?;
    data.insert("until", until.to_string());
    Ok(data)
}

fn day(data: &RawDocument, field: &str) -> Result<Date, String> {
    text(data, field)?.parse().map_err(|error| format!("data.{field} is no day: {error}"))
}

impl Domain for Loans {
    type Value = String;

    const TYPES: &'static [&'static str] = &["BookLent", "LoanRenewed", "BookReturned", "FinePaid"];
    const ROW: &'static str = "fact";
    const VALUE: &'static str = "value";
    const EXAMPLE_ID: &'static str = "'Moby Dick'";

    fn parse_id(text: &str) -> Result<String, String> {
        Ok(text.to_owned())
    }

    fn in_words(event: &LoanEvent) -> String {
        match event {
            BookLent { to, until } => format!("lent it to {to} until {until}"),
            LoanRenewed { until } => format!("renewed it until {until}"),
            BookReturned { on, fine: 0 } => format!("took it back on {on}"),
            BookReturned { on, fine } => format!("took it back on {on}, {fine} cents too late"),
            FinePaid { cents } => format!("was paid {cents} cents"),
        }
    }

    fn about(event: &LoanEvent) -> Vec<&str> {
        match event {
            BookLent { .. } => vec!["reader", "until"],
            LoanRenewed { .. } => vec!["until"],
            BookReturned { .. } => vec!["reader", "until", "fine"],
            FinePaid { .. } => vec!["fine"],
        }
    }

    fn rows(loan: &Loan) -> Vec<Row<String>> {
        let lent = loan.lent.iter().flat_map(|(to, until)| [("reader", to.clone()), ("until", until.to_string())]);
        let fine = (loan.owed > 0).then(|| ("fine", loan.owed.to_string()));
        lent.chain(fine).map(|(name, value)| Row { name: name.into(), value }).collect()
    }
}

#[cfg(test)]
mod tests {
    use basket_domain::scenario::given;
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_day_too_late_costs_twenty_cents() {
        let lent = BookLent { to: "ann".into(), until: date(2026, 12, 24) };
        given::<Loan>([lent])
            .when(|loan| loan.take_back(date(2026, 12, 27)))
            .then([BookReturned { on: date(2026, 12, 27), fine: 60 }]);
    }
}
