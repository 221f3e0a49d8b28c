//! The wish of the operating system or the user that this process ends. Not the drain itself: the
//! roles do that when the token is cancelled.
//!
//! The first signal cancels the token; a second one, from someone who does not want to wait, ends
//! the process at once.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

#[cfg(unix)]
use unix::Signals;
#[cfg(windows)]
use windows::Signals;

/// A token that is cancelled when the process should end. Signals count from this call on, also
/// while the roles are still starting.
pub(crate) fn shutdown() -> anyhow::Result<CancellationToken> {
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        let signal = signals.next().await;
        tracing::info!(signal, "Stopping, waiting for what is in flight");
        cancelled.cancel();
        let signal = signals.next().await;
        tracing::warn!(signal, "Stopped without waiting");
        std::process::exit(1);
    });
    Ok(token)
}
