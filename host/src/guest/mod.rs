//! Guests: what a request and a response are to one, what can go wrong in one, and the kinds there
//! are: [`native`], which speaks the ABI of `sdk/ABI.md`, [`command`], which is spoken to as CGI, and
//! [`component`], which is spoken to as `wasi:http`.
//!
//! What a kind adds is its way of giving the request and taking the response; limits, deadline and faults
//! are the same for all ([`run`], [`exchange`]). A guest's fault is a value ([`GuestError`]), never
//! a panic and never the worker's end.

mod body;
mod command;
mod component;
mod conduit;
mod cpu;
mod exchange;
mod granted;
mod head;
mod log;
mod log_stream;
mod module;
pub(crate) mod native;
mod outgoing;
mod outlet;
mod path;
mod run;
mod writes;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

pub(crate) use body::{RequestBody, Rest};
pub(crate) use conduit::Conduit;
pub(crate) use cpu::Metered;
pub(crate) use module::{Guest, GuestModule, Linkers, Unusable, WeakGuestModule};

use crate::idle::Idle;

/// Instances that wait for the next invocation of their function.
pub(crate) type IdleInstances = Idle<component::Kept>;

/// What a guest is called with.
pub(crate) struct GuestRequest {
    /// The request as it came in.
    pub(crate) head: http::request::Parts,
    /// Who is at the other end of the connection: the caller, or a gateway or proxy before it.
    pub(crate) caller: IpAddr,
    /// Its route parameters, decoded.
    pub(crate) parameters: Vec<(String, String)>,
    /// Its body, not yet read.
    pub(crate) body: RequestBody,
    /// The id of this invocation.
    pub(crate) invocation: String,
}

/// The caller in tests and benchmarks.
pub(crate) const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The head of a guest's response.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ResponseHead {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
}

/// How a guest that ended without a fault has answered.
#[derive(Debug)]
pub(crate) enum Answer {
    /// With this.
    Whole(GuestResponse),
    /// With what has left by the conduit's outlet, and what still waits there.
    Streamed {
        /// What went wrong in the guest after its response was complete, as in [`GuestResponse`].
        late_fault: Option<GuestError>,
    },
}

/// A response that was given whole.
#[derive(Debug)]
pub(crate) struct GuestResponse {
    pub(crate) head: ResponseHead,
    pub(crate) body: Bytes,
    /// What went wrong in the guest after its response was complete; the caller gets the response, the
    /// record gets the fault.
    pub(crate) late_fault: Option<GuestError>,
}

/// Why there is no answer from a guest.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GuestError {
    #[error("the function did not answer within its {} ms", .0.as_millis())]
    DeadlineExceeded(Duration),
    #[error("the function computed for longer than its {} ms", .0.as_millis())]
    CpuExceeded(Duration),
    #[error("the function needed more than its {} MiB of memory", bytes_max >> 20)]
    MemoryExceeded { bytes_max: u64 },
    #[error("the function wrote more to files than its {} KiB", bytes_max >> 10)]
    FileWriteExceeded { bytes_max: u64 },
    #[error("the function used up its stack")]
    StackExhausted,
    #[error("the function trapped: {reason}")]
    Trapped { reason: String },
    #[error("the function returned without a response")]
    NoResponse,
    #[error("the function failed with code {0}")]
    Failed(i32),
    #[error("the function answered with the error `{0}`")]
    ErrorGiven(String),
    #[error("the function's response cannot be sent: {0}")]
    ResponseInvalid(String),
    #[error("the function's response head is too large: {0}")]
    ResponseHeadTooLarge(String),
    #[error("the function's response is longer than its {bytes_max} bytes")]
    ResponseTooLarge { bytes_max: u64 },
    #[error("the request body is longer than the function's {bytes_max} bytes")]
    RequestTooLarge { bytes_max: u64 },
    #[error("an instance of the function could not be made: {reason}")]
    Instantiate { reason: String },
}
