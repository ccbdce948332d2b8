//! What ends the service: Ctrl-C, and SIGTERM from the program that runs it. `main` waits for it.

use std::io;

/// Returns at the first signal. It listens from this call on, not from the first time that it is awaited.
#[cfg(unix)]
pub fn first() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(not(unix))]
pub fn first() -> io::Result<impl Future<Output = ()>> {
    Ok(async { drop(tokio::signal::ctrl_c().await) })
}
