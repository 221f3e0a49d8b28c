//! The one path of every invocation, whatever triggered it, and the one place that records it.
//!
//! A call runs inside the task that asked for it. When the guest answers whole, that is all there is. When
//! it starts a response and goes on, the call moves into the response's body: whoever sends the body
//! drives the guest, so a slow caller slows the guest, and a caller that goes away ends it. What a guest still
//! does after its response has ended is driven by a task of its own, until the deadline.

mod record;
mod reply;

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use steading_protocol::{AppName, FunctionName, HttpTrigger, Limits, VersionNumber};
use tokio::time::Instant;

pub(crate) use record::Took;
pub(crate) use reply::{Reply, ReplyBody};

use self::record::Record;
use self::reply::{Call, Streamed};
use crate::admission::{Caps, Permit};
use crate::guest::{Answer, Conduit, Guest, GuestError, GuestRequest, Metered};
use crate::metrics::FunctionMetrics;

/// A function that is loaded and can be invoked.
pub(crate) struct Function {
    pub(crate) app: AppName,
    pub(crate) version: VersionNumber,
    pub(crate) name: FunctionName,
    pub(crate) http: HttpTrigger,
    pub(crate) limits: Limits,
    pub(crate) caps: Caps,
    pub(crate) guest: Guest,
    pub(crate) metrics: FunctionMetrics,
}

/// How often a guest may let others run before the head of its response leaves. A guest that waits
/// has its head sent at once. One that still computes may be about to end, or to fail: while nothing has
/// left, a whole response or a clear refusal can be sent.
const YIELDS_BEFORE_HEAD: u32 = 8;

/// Runs a function once, until there is the head of a response or none to be had.
pub(crate) async fn invoke(
    function: &Arc<Function>,
    request: GuestRequest,
    permit: Permit,
) -> Result<Reply, GuestError> {
    let conduit = Arc::new(Conduit::new(&function.limits));
    let deadline = Instant::now() + Duration::from_millis(function.limits.deadline_ms_max);
    let record = Record::begin(function, &request.invocation, &conduit);
    let inner = run(record, request, permit);
    let mut call: Call = Box::pin(Metered { conduit: Arc::clone(&conduit), inner });
    let mut yields_left = YIELDS_BEFORE_HEAD;
    let ended = poll_fn(|context| {
        if let Poll::Ready(ended) = call.as_mut().poll(context) {
            return Poll::Ready(Ok(ended));
        }
        if conduit.yielded.swap(false, Ordering::Relaxed) && yields_left > 0 {
            yields_left -= 1;
            return Poll::Pending;
        }
        conduit.outlet.take_head().map_or(Poll::Pending, |head| Poll::Ready(Err(head)))
    });
    match ended.await {
        Err(head) => {
            let body = ReplyBody::Streamed(Streamed::new(call, conduit, deadline));
            Ok(Reply { head, body })
        }
        Ok(Err(fault)) => Err(fault),
        Ok(Ok(Answer::Whole(response))) => Ok(Reply::whole(response.head, response.body, None)),
        // it was written in pieces that all fitted into the outlet
        Ok(Ok(Answer::Streamed { .. })) => {
            let head = conduit.outlet.take_head().ok_or(GuestError::NoResponse)?;
            let body = conduit.outlet.take_pieces().unwrap_or_default();
            Ok(Reply::whole(head, body, conduit.outlet.take_trailers()))
        }
    }
}

/// The call with its record and its permit, which is held until the invocation is recorded.
async fn run(
    mut record: Record,
    request: GuestRequest,
    mut permit: Permit,
) -> Result<Answer, GuestError> {
    let answer = record.function.guest.call(request, &record.conduit, &mut permit).await;
    record.end(&answer);
    drop(permit);
    answer
}
