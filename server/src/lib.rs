//! The sockets of a role that callers reach: the worker's and the gateway's. Calls on one port, the
//! role's own state on another.
//!
//! Not here: what a request means; a [`Service`] says that. Invariant: everything a caller can make us
//! hold has a bound: connections, the time to send a head, the size of a head, idle time.

mod config;

mod accept;
mod bind;
mod connections;
mod patience;

mod control;
mod discard;
mod head;
mod problem;

use std::error::Error;
use std::net::IpAddr;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Incoming};

pub use accept::{drained, serve};
pub use bind::{BindError, bind};
pub(crate) use config::HYPER_HEADERS_MAX;
pub use config::{ServerConfig, ServerConfigError};
pub use control::{Control, ControlServer};
pub use discard::discard;
pub use head::{HeadFault, HeadLimits, host};
pub use problem::problem;

/// What answers requests.
pub trait Service: Send + Sync + 'static {
    /// What belongs to one connection; dropped when it ends.
    type Connection: Send + Sync + 'static;
    /// The body of an answer.
    type Body: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>>
        + Send
        + Unpin
        + 'static;

    /// A caller has connected.
    fn connected(&self, peer: IpAddr) -> Self::Connection;

    /// Answers one request. Dropped when the caller goes away.
    fn call(
        &self,
        connection: &Self::Connection,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Self::Body>> + Send;

    /// A connection ended without a request that could be answered; `code` says why.
    fn refused(&self, code: &'static str);
}
