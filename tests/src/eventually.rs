//! Waiting for a state instead of sleeping for a time.

use std::fmt::Display;
use std::future::Future;
use std::time::{Duration, Instant};

/// Short enough that a test hardly waits longer than it must, long enough to leave a core free.
const PROBE_EVERY: Duration = Duration::from_millis(25);

/// Probes until the answer is `Ok`, and gives its value; an `Err` says what was seen instead.
/// After `within` it panics with `what` and with what was seen last.
pub async fn eventually<T, S, F, P>(what: &str, within: Duration, mut probe: P) -> T
where
    S: Display,
    F: Future<Output = Result<T, S>>,
    P: FnMut() -> F,
{
    let until = Instant::now() + within;
    loop {
        match probe().await {
            Ok(value) => return value,
            Err(seen) if Instant::now() >= until => {
                panic!("waited {within:?} for {what}; last seen: {seen}")
            }
            Err(_) => tokio::time::sleep(PROBE_EVERY).await,
        }
    }
}
