//! A steady caller: one URL at a bounded rate until told to stop, counting what came back. Not a
//! benchmark; it asks often enough that a gap in service cannot pass unseen.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::{Client, StatusCode};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval};

use crate::http;

/// 100 requests a second: a gap of 10 ms is one request wide, and two cores hardly notice.
const CALL_EVERY: Duration = Duration::from_millis(10);

/// Requests under way at once; more are not begun, so a server that hangs is not flooded.
const IN_FLIGHT_MAX: usize = 16;

/// A steady caller at work.
#[derive(Debug)]
pub struct Load {
    stop: oneshot::Sender<()>,
    caller: JoinHandle<LoadReport>,
}

/// What a steady caller saw.
#[derive(Clone, Debug, Default)]
pub struct LoadReport {
    /// How often each body came with status 200.
    pub replies: BTreeMap<String, usize>,
    /// Everything else: other statuses with their body, and requests without a reply.
    pub failures: Vec<String>,
}

impl Load {
    /// Starts calling `url`.
    pub fn start(url: impl Into<String>) -> Self {
        let (stop, stopped) = oneshot::channel();
        let caller = tokio::spawn(call(url.into(), stopped));
        Self { stop, caller }
    }

    /// Stops calling, waits for what is under way, and reports. The last call is begun now, so that
    /// the report has what is there at the end.
    pub async fn stop(self) -> LoadReport {
        let _ = self.stop.send(());
        self.caller.await.expect("the caller does not panic")
    }
}

impl LoadReport {
    /// How many calls were answered with 200.
    pub fn answered(&self) -> usize {
        self.replies.values().sum()
    }

    /// Panics when any call failed.
    pub fn assert_no_failure(&self, who: &str) {
        let first: Vec<&String> = self.failures.iter().take(5).collect();
        assert!(
            self.failures.is_empty(),
            "{} of {} calls of {who} failed; the first: {first:#?}",
            self.failures.len(),
            self.failures.len() + self.answered(),
        );
    }
}

async fn call(url: String, mut stopped: oneshot::Receiver<()>) -> LoadReport {
    // A client of its own: no other test's connections are reused.
    let client = http::client(|builder| builder);
    let mut ticks = interval(CALL_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let (mut calls, mut report) = (JoinSet::new(), LoadReport::default());
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            Some(outcome) = calls.join_next() => report.add(outcome.expect("a call does not panic")),
            _ = ticks.tick(), if calls.len() < IN_FLIGHT_MAX => {
                calls.spawn(once(client.clone(), url.clone()));
            }
        }
    }
    calls.spawn(once(client, url));
    while let Some(outcome) = calls.join_next().await {
        report.add(outcome.expect("a call does not panic"));
    }
    report
}

/// One call: the body of a 200, or what came instead.
async fn once(client: Client, url: String) -> Result<String, String> {
    let reply = http::try_send(client.get(url)).await?;
    match reply.status {
        StatusCode::OK => Ok(reply.text()),
        status => Err(format!("{status} {}", reply.text())),
    }
}

impl LoadReport {
    fn add(&mut self, outcome: Result<String, String>) {
        match outcome {
            Ok(body) => *self.replies.entry(body).or_default() += 1,
            Err(failure) => self.failures.push(failure),
        }
    }
}
