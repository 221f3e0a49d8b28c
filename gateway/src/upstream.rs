//! One worker: where it is, its connections that wait to be used again, how many requests it has, and
//! whether it is left alone for its failures.
//!
//! After some failures in a row a worker is left alone and asked by a task of its own, in growing pauses,
//! until it answers, whatever it says. The manager may need ten seconds to call it lost; callers should
//! not. Invariant: a request counts here from before it is sent until its reply's body is gone.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use http::{HeaderValue, Request, header};
use steading_protocol::WorkerId;
use tokio::net::TcpStream;
use tokio::time::Instant;
use url::{Host, Url};

use crate::UpstreamConfig;
use crate::balance::Candidate;
use crate::line::Line;
use crate::metrics::Metrics;
use crate::resend::Resend;
use crate::verdict::is_of_worker;

/// Connections to one worker that may wait to be used again; more are closed when their request ends.
const IDLE_MAX: usize = 512;

/// How long one may wait: half of what a worker allows, so that it is rarely the worker that closes.
const IDLE_TIME_MAX: Duration = Duration::from_secs(30);

/// How long a probe may take.
const PROBE_TIME_MAX: Duration = Duration::from_secs(2);

/// A worker.
pub(crate) struct Upstream {
    pub(crate) worker: WorkerId,
    /// As the manager has it, for people.
    pub(crate) url: String,
    host: String,
    port: u16,
    config: UpstreamConfig,
    metrics: Arc<Metrics>,
    in_flight: AtomicU32,
    failures: AtomicU32,
    is_ejected: AtomicBool,
    /// Oldest first.
    idle: Mutex<VecDeque<(Instant, Box<Line>)>>,
}

/// A request that counts as in flight until this is dropped.
pub(crate) struct InFlight(pub(crate) Arc<Upstream>);

/// A URL at which a worker cannot be called.
#[derive(Debug, thiserror::Error)]
#[error("`{url}` is not `http://host:port`")]
pub(crate) struct Uncallable {
    url: String,
}

impl Upstream {
    pub(crate) fn new(
        worker: WorkerId,
        url: String,
        config: UpstreamConfig,
        metrics: Arc<Metrics>,
    ) -> Result<Arc<Self>, Uncallable> {
        let Some((host, port)) = address(&url) else { return Err(Uncallable { url }) };
        Ok(Arc::new(Self {
            worker,
            url,
            host,
            port,
            config,
            metrics,
            in_flight: AtomicU32::new(0),
            failures: AtomicU32::new(0),
            is_ejected: AtomicBool::new(false),
            idle: Mutex::default(),
        }))
    }

    /// A connection that waits to be used again.
    pub(crate) fn idle_line(&self) -> Option<Box<Line>> {
        loop {
            // the one that was used last is the one that is most surely open
            let (_, mut line) = self.idle().pop_back()?;
            if line.is_open() {
                return Some(line);
            }
        }
    }

    /// A new connection.
    pub(crate) async fn connect(&self) -> io::Result<Box<Line>> {
        let connecting = TcpStream::connect((self.host.as_str(), self.port));
        let time_max = Duration::from_millis(self.config.connect_ms_max);
        let stream = tokio::time::timeout(time_max, connecting).await??;
        Line::over(stream, Duration::from_millis(self.config.silence_ms_max)).await
    }

    /// Takes a connection back whose reply has been read.
    pub(crate) fn put_back(&self, mut line: Box<Line>) {
        if !line.is_open() {
            return;
        }
        let mut idle = self.idle();
        if idle.len() < IDLE_MAX {
            idle.push_back((Instant::now(), line));
        }
    }

    /// Closes connections that have waited for long.
    pub(crate) fn close_old(&self) {
        let mut idle = self.idle();
        while idle.front().is_some_and(|(since, _)| since.elapsed() > IDLE_TIME_MAX) {
            idle.pop_front();
        }
    }

    /// Counts a reply: whatever it says, the worker is there.
    pub(crate) fn answered(&self) {
        if self.failures.load(Relaxed) > 0 {
            self.failures.store(0, Relaxed);
        }
    }

    /// Counts a failure; after several in a row the worker is left alone.
    pub(crate) fn failed(self: &Arc<Self>) {
        let failures = self.failures.fetch_add(1, Relaxed) + 1;
        if failures >= self.config.eject_after && !self.is_ejected.swap(true, Relaxed) {
            tracing::warn!(worker = %self.worker, url = self.url, failures, "Worker left alone");
            self.metrics.ejected(&self.worker);
            tokio::spawn(probe(Arc::downgrade(self)));
        }
    }

    fn idle(&self) -> MutexGuard<'_, VecDeque<(Instant, Box<Line>)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Candidate for Arc<Upstream> {
    fn in_flight(&self) -> u32 {
        self.in_flight.load(Relaxed)
    }

    fn is_ejected(&self) -> bool {
        self.is_ejected.load(Relaxed)
    }
}

impl InFlight {
    pub(crate) fn new(upstream: Arc<Upstream>) -> Self {
        upstream.in_flight.fetch_add(1, Relaxed);
        Self(upstream)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}

fn address(url: &str) -> Option<(String, u16)> {
    let url: Url = url.parse().ok()?;
    let host = match url.host()? {
        Host::Domain(name) => name.to_owned(),
        Host::Ipv4(ip) => ip.to_string(),
        Host::Ipv6(ip) => ip.to_string(),
    };
    let is_plain = url.scheme() == "http" && url.path() == "/";
    is_plain.then_some((host, url.port_or_known_default()?))
}

/// Asks an ejected worker until it answers, or is no longer one of ours.
async fn probe(upstream: Weak<Upstream>) {
    let pauses = ExponentialBuilder::new()
        .with_jitter()
        .with_min_delay(Duration::from_millis(200))
        .with_max_delay(Duration::from_secs(10))
        .without_max_times()
        .build();
    for pause in pauses {
        tokio::time::sleep(pause).await;
        let Some(upstream) = upstream.upgrade() else { return };
        let answer = tokio::time::timeout(PROBE_TIME_MAX, ask(&upstream)).await;
        if let Ok(Ok(status)) = answer {
            tracing::info!(worker = %upstream.worker, url = upstream.url, status, "Worker is back");
            upstream.failures.store(0, Relaxed);
            upstream.is_ejected.store(false, Relaxed);
            upstream.metrics.returned(&upstream.worker);
            return;
        }
    }
}

/// One request; any answer of a worker will do, since its port knows functions only. One of something else, to which
/// the address went, will not.
async fn ask(upstream: &Upstream) -> io::Result<u16> {
    let mut line = upstream.connect().await?;
    let mut request = Request::new(Resend::default().send(None));
    *request.uri_mut() = http::Uri::from_static("/live");
    let host = HeaderValue::from_str(&upstream.host).map_err(io::Error::other)?;
    request.headers_mut().insert(header::HOST, host);
    let reply = line.send(request).await.map_err(io::Error::other)?;
    if !is_of_worker(reply.headers()) {
        return Err(io::Error::other("it is no worker that answers"));
    }
    Ok(reply.status().as_u16())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_called_at_a_plain_http_address() {
        let found = |url: &str| address(url).map(|(host, port)| format!("{host} {port}"));
        assert_eq!(found("http://10.0.0.7:7071").as_deref(), Some("10.0.0.7 7071"));
        assert_eq!(found("http://rack-2.example.org/").as_deref(), Some("rack-2.example.org 80"));
        assert_eq!(found("http://[::1]:7071").as_deref(), Some("::1 7071"));
        for url in ["https://10.0.0.7", "http://10.0.0.7/below", "10.0.0.7:7071", ""] {
            assert_eq!(found(url), None, "{url}");
        }
    }
}
