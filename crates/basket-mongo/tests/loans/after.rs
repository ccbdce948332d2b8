//! The edge of the service with a command: create, change, repeat, time out, If-Match.

use std::{sync::Arc, time::Duration};

use basket_mongo::{Done, DynEventStore, EventStore, Require, store::command::Handled};

use crate::loan::{Loan, LoanEvent, Refusal};

pub async fn put(
    loans: &Arc<dyn DynEventStore<Loan>>,
    id: &String,
    request: &str,
    if_match: Option<u64>,
    decide: impl Fn(&Loan) -> Result<Vec<LoanEvent>, Refusal>,
) -> Handled<Done<Loan>, Loan, Refusal> {
    let command = loans.command(id).once(request).deadline(Duration::from_secs(1));
    let command = if let Some(version) = if_match { command.require(Require::Version(version)) } else { command };
    command.run(decide).await
}
