//! One request of a caller: look at its head, find the app, pass it on, answer.

use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderValue, Method, Request, Response, Version, header};
use hyper::body::Incoming;
use steading_router::ROLLS;
use steading_server::{HeadLimits, discard, host};

use crate::Network;
use crate::exchange::Exchange;
use crate::forward::{self, Origin};
use crate::metrics::Metrics;
use crate::problem::Refusal;
use crate::reply::ReplyBody;
use crate::routes::{Routes, Target};

/// Answers callers.
pub(crate) struct Service {
    pub(crate) routes: Routes,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) head: HeadLimits,
    pub(crate) trust_forwarded_from: Vec<Network>,
}

/// One caller's connection.
pub(crate) struct Caller {
    origin: Origin,
    metrics: Arc<Metrics>,
}

impl steading_server::Service for Service {
    type Connection = Caller;
    type Body = ReplyBody;

    fn connected(&self, peer: IpAddr) -> Caller {
        self.metrics.connections.inc();
        let peer = peer.to_canonical();
        let address = HeaderValue::from_str(&peer.to_string()).expect("an address is header text");
        let trusted = self.trust_forwarded_from.iter().any(|network| network.contains(peer));
        Caller { origin: Origin { address, trusted }, metrics: Arc::clone(&self.metrics) }
    }

    async fn call(&self, caller: &Caller, request: Request<Incoming>) -> Response<ReplyBody> {
        let version = request.version();
        let (mut response, has_ended) = match self.find(&request) {
            Ok(target) => self.pass(caller, &target, request).await,
            Err(refusal) => {
                // reading the body of a caller that waits for `100 Continue` would ask for it
                let asks = request.headers().contains_key(header::EXPECT);
                (self.refuse(&refusal), !asks && discard(request.into_body()).await)
            }
        };
        // what is left of a body would be taken for the next request
        if !has_ended && version <= Version::HTTP_11 {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    fn refused(&self, code: &'static str) {
        self.metrics.refused(code);
        tracing::debug!(code, "Connection refused");
    }
}

impl Service {
    fn find(&self, request: &Request<Incoming>) -> Result<Arc<Target>, Refusal> {
        self.head.check(request)?;
        if wants_upgrade(request) {
            return Err(Refusal::Upgrade);
        }
        let table = self.routes.load();
        let roll = || rand::random_range(0..ROLLS);
        let found = table.find(host(request), request.uri().path(), request.method(), roll)?;
        Ok(found)
    }

    async fn pass(
        &self,
        caller: &Caller,
        target: &Target,
        request: Request<Incoming>,
    ) -> (Response<ReplyBody>, bool) {
        let (mut head, body) = request.into_parts();
        forward::to_worker(&mut head, &caller.origin);
        let mut exchange = Exchange::new(target, &self.metrics, head, body);
        let response = match exchange.run().await {
            Ok(response) => {
                target.metrics.replied(response.status());
                response
            }
            Err(refusal) => self.refuse(&refusal),
        };
        (response, exchange.body_has_ended())
    }

    fn refuse(&self, refusal: &Refusal) -> Response<ReplyBody> {
        self.metrics.refused(refusal.status_and_code().1);
        refusal.response()
    }
}

/// Whether a caller wants to go on with another protocol, which HTTP/1.1 can do without, as with `h2c`, or
/// cannot.
fn wants_upgrade<B>(request: &Request<B>) -> bool {
    if request.method() == Method::CONNECT {
        return true;
    }
    let Some(protocol) = request.headers().get(header::UPGRADE) else { return false };
    !protocol.as_bytes().eq_ignore_ascii_case(b"h2c")
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.metrics.connections.dec();
    }
}
