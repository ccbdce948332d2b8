//! Probes for the program that starts and stops the service: whether it runs, and whether it can work. Neither shows what is inside.

use axum::{extract::State, http::StatusCode};
use basket_mongo::{Maintenance, Until};

use super::{App, problem::Problem};

/// The process answers. It says nothing of MongoDB: to start the process again would not bring that back.
pub(super) async fn health() -> StatusCode {
    StatusCode::OK
}

/// The primary answers, and the collection can hold events. One that is not there yet can: the first append makes it.
pub(super) async fn ready(State(app): State<App>) -> Result<StatusCode, Problem> {
    let faults = Until::new(&app.store, app.settings.probe).faults().await?;
    for fault in &faults {
        tracing::warn!(is_warning = fault.is_warning, why = fault.why, "the collection is not as it should be");
    }
    match faults.iter().all(|fault| fault.is_warning) {
        true => Ok(StatusCode::OK),
        false => Err(Problem::unsuitable()),
    }
}
