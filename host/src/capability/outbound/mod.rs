//! Requests that functions send over HTTP and HTTPS, to where the grants of their app say and nowhere else.
//!
//! [`policy`] reads where a request is going and finds the rule that allows it (pure), [`resolve`] looks the name
//! up and keeps the addresses that the rule allows ([`reach`], pure), [`connection`] connects to one of those very
//! addresses, and [`head`] says nothing on it that the rule was not matched with. [`held`] and [`count`] bound
//! what an invocation, an app and the worker take.
//!
//! No redirect is followed here: a guest that follows one sends another request, which is judged like the first.
//! No proxy is used, whatever the environment says: who connects by proxy cannot know what it connects to.
//! Invariant: every byte that leaves does so by [`Errand::send`].

mod config;
mod connection;
mod count;
mod error;
mod head;
mod held;
mod metrics;
mod policy;
mod reach;
mod resolve;
#[cfg(test)]
mod tests;
mod tls;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use steading_protocol::{OutboundRule, Scheme};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use self::config::OutboundConfig;
pub(crate) use self::connection::ResponseBody;
pub(crate) use self::error::{Awaited, Limit, OutboundError};
pub(crate) use self::metrics::OutboundMetrics;

use self::count::{Budget, Counted};
use self::held::Places;
use self::policy::Destination;
use self::resolve::{Resolve, System};
use self::tls::Tls;
use crate::metrics::Metrics;

/// The body of a request.
pub(crate) type RequestBody = UnsyncBoxBody<Bytes, io::Error>;

/// Moves the bytes of one exchange, and is to be polled for as long as there are any. Dropped, it closes the
/// connection.
pub(crate) type Driver = Pin<Box<dyn Future<Output = Result<(), OutboundError>> + Send>>;

/// The way out of a worker, for all of its apps.
pub(crate) struct Exit {
    config: OutboundConfig,
    tls: Tls,
    resolver: Box<dyn Resolve>,
    places: Arc<Semaphore>,
    metrics: Arc<Metrics>,
}

/// Where the functions of one version of an app may send requests.
pub(crate) struct Outbound {
    rules: Vec<OutboundRule>,
    places: Arc<Semaphore>,
    exit: Arc<Exit>,
}

/// The requests of one invocation. Dropped, it closes every connection that is still open.
pub(crate) struct Errand {
    outbound: Arc<Outbound>,
    places: Arc<Semaphore>,
    budget: Arc<Budget>,
    stop: CancellationToken,
    _stopping: DropGuard,
}

/// How long to wait, where the deadline of the function is not soon enough.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Patience {
    /// For a connection.
    pub(crate) connection: Option<Duration>,
    /// For the head of the response.
    pub(crate) response: Option<Duration>,
    /// For every further piece of its body.
    pub(crate) body: Option<Duration>,
}

impl Exit {
    /// The system's resolver, its authorities and those of the operator's file, which must be readable.
    pub(crate) fn new(config: &OutboundConfig, metrics: &Arc<Metrics>) -> io::Result<Arc<Self>> {
        Self::with(config, Box::new(System::new()), metrics)
    }

    fn with(
        config: &OutboundConfig,
        resolver: Box<dyn Resolve>,
        metrics: &Arc<Metrics>,
    ) -> io::Result<Arc<Self>> {
        let tls = Tls::new(config.ca_file.as_deref())?;
        let places = places(config.connections_max);
        let (config, metrics) = (config.clone(), Arc::clone(metrics));
        Ok(Arc::new(Self { config, tls, resolver, places, metrics }))
    }
}

impl Outbound {
    /// A version with these rules; without any it sends nothing.
    pub(super) fn new(rules: Vec<OutboundRule>, exit: &Arc<Exit>) -> Arc<Self> {
        let places = places(exit.config.app_connections_max);
        Arc::new(Self { rules, places, exit: Arc::clone(exit) })
    }

    /// The requests of one invocation.
    pub(crate) fn errand(self: &Arc<Self>) -> Errand {
        let Exit { config, metrics, .. } = &*self.exit;
        let stop = CancellationToken::new();
        Errand {
            outbound: Arc::clone(self),
            places: places(config.invocation_connections_max),
            budget: Arc::new(Budget::new(config.invocation_bytes_max(), Arc::clone(metrics))),
            _stopping: stop.clone().drop_guard(),
            stop,
        }
    }

    fn rule(&self, to: &Destination) -> Result<&OutboundRule, OutboundError> {
        to.rule(&self.rules).ok_or_else(|| {
            let rules: Vec<_> = self.rules.iter().map(ToString::to_string).collect();
            let rules = if rules.is_empty() { "none".to_owned() } else { rules.join(", ") };
            let text = format!("no rule of the grant `outbound` allows it; the rules are: {rules}");
            OutboundError::Denied(text)
        })
    }
}

impl Errand {
    /// Sends a request, if it may, and waits for the head of its response. The bodies pass while the driver is
    /// polled.
    pub(crate) async fn send(
        &self,
        request: Request<RequestBody>,
        patience: Patience,
    ) -> Result<(Response<ResponseBody>, Driver), OutboundError> {
        let sent = self.sent(request, patience).await;
        let outcome = sent.as_ref().err().map_or("ok", OutboundError::code);
        self.outbound.exit.metrics.outbound.request(outcome);
        sent
    }

    async fn sent(
        &self,
        mut request: Request<RequestBody>,
        patience: Patience,
    ) -> Result<(Response<ResponseBody>, Driver), OutboundError> {
        let exit = &self.outbound.exit;
        let to = Destination::of(request.uri()).map_err(OutboundError::UrlInvalid)?;
        let rule = self.outbound.rule(&to)?;
        head::sendable(&mut request, &to)?;
        let (worker, app) = (&exit.places, &self.outbound.places);
        let places = Places { worker, app, invocation: &self.places };
        let held = (places.take(&exit.metrics)?, self.stop.clone());
        let most = Duration::from_millis(exit.config.connect_ms_max);
        let most = patience.connection.map_or(most, |own| own.min(most));
        let until = Instant::now() + most;
        let opening = async {
            let addresses = resolve::resolved(&*exit.resolver, &to, rule).await?;
            let stream = connection::opened(&addresses, until).await?;
            let stream = Counted::new(stream, Arc::clone(&self.budget));
            Ok(match to.scheme {
                Scheme::Http => Stream::Plain(stream),
                Scheme::Https => {
                    let stream = exit.tls.connect(&to.host, stream).await;
                    Stream::Tls(Box::new(stream.map_err(OutboundError::Tls)?))
                }
            })
        };
        let late = |what| move |_| OutboundError::TimedOut(what);
        let stream = timeout(most, opening).await.map_err(late(Awaited::Connection))??;
        let exchange = async {
            match stream {
                Stream::Plain(stream) => connection::exchanged(stream, request, held).await,
                Stream::Tls(stream) => connection::exchanged(stream, request, held).await,
            }
        };
        let exchange = Box::pin(exchange);
        let (mut response, driver) = match patience.response {
            None => exchange.await?,
            Some(time) => timeout(time, exchange).await.map_err(late(Awaited::Response))??,
        };
        head::without_connection(response.headers_mut());
        Ok((response.map(|body| ResponseBody::new(body, patience.body)), driver))
    }
}

/// An open connection.
enum Stream {
    Plain(Counted<tokio::net::TcpStream>),
    Tls(Box<tokio_rustls::client::TlsStream<Counted<tokio::net::TcpStream>>>),
}

fn places(count: u32) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(count as usize))
}
