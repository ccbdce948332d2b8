//! The edge of the service by hand: it creates, changes and tries again. It does not know a request that is repeated, a deadline
//! or If-Match: each of them would be another loop.

use std::sync::Arc;

use basket_domain::EventSourced;
use basket_mongo::{Commit, DynEventStore, EventStore, Expected, StoreError};

use crate::loan::{Loan, LoanEvent, Refusal};

#[derive(Debug)]
#[allow(dead_code, reason = "they are printed by a test that fails")]
pub enum Failed {
    Refused(Refusal),
    Store(StoreError),
    Busy,
}

pub async fn put(
    loans: &Arc<dyn DynEventStore<Loan>>,
    id: &String,
    decide: impl Fn(&Loan) -> Result<Vec<LoanEvent>, Refusal>,
) -> Result<u64, Failed> {
    for attempt in 0..16 {
        let mut loan = match loans.get(id).await {
            Ok(loan) => loan,
            Err(StoreError::NotFound { .. }) => EventSourced::new(id.clone()),
            Err(error) => return Err(Failed::Store(error)),
        };
        loan.decide(&decide).map_err(Failed::Refused)?;
        let expected = Expected::Loaded(loan.saved_version());
        match loans.append(id, expected, &Commit::default(), loan.new_events()).await {
            Ok(_) => {
                loan.mark_saved();
                return Ok(loan.version());
            }
            Err(StoreError::Conflict { .. }) => {
                tokio::time::sleep(std::time::Duration::from_millis(fastrand::u64(0..2 << attempt))).await;
            }
            Err(error) => return Err(Failed::Store(error)),
        }
    }
    Err(Failed::Busy)
}
