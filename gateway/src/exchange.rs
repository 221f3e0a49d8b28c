//! One request and its reply: picks a worker, sends, and asks another one where that is safe.
//!
//! A request may go to a second worker when the first refused the connection, closed it before it took
//! anything, or said that it began no invocation; and once, when the connection broke before the reply or something
//! answered that is no worker, if the method is idempotent. Each time all of the body must still be here. Invariant:
//! nothing is sent twice that a worker may have acted on, unless its method is idempotent.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use http::{Request, Response, StatusCode, header, request};
use hyper::body::{Body as _, Incoming};
use steading_protocol::problem::REFUSED;

use crate::balance::Candidate as _;
use crate::forward;
use crate::line::{Line, LineError};
use crate::metrics::Metrics;
use crate::problem::Refusal;
use crate::reply::{ReplyBody, Streamed};
use crate::resend::{Asked, Resend, Sending};
use crate::routes::Target;
use crate::upstream::{InFlight, Upstream};
use crate::verdict::{is_of_worker, is_passing};

/// Workers that are tried while none takes the connection: one may have died just now, or two; with more
/// than that the caller is better told.
const WORKERS_MAX: usize = 4;

/// A request on its way.
pub(crate) struct Exchange<'t> {
    target: &'t Target,
    metrics: &'t Metrics,
    head: request::Parts,
    body: Resend,
    tried: Vec<Arc<Upstream>>,
    /// It went to a worker and is on its way to another.
    is_second: bool,
    /// A connection broke: another old one may be as dead, and there is no third attempt.
    needs_new_line: bool,
}

/// What became of one attempt.
enum Attempt {
    Reply(Response<ReplyBody>),
    /// Not sent; another worker, or another connection, may take it.
    Unsent(Refusal),
    /// Answered, and another worker may do better: this one began nothing, or it is none and the method is idempotent.
    Declined(Response<ReplyBody>),
    /// Sent, and who knows.
    Broken(Refusal),
    /// Sent, waited for long enough.
    Over(Refusal),
}

impl<'t> Exchange<'t> {
    /// `head` is what the worker gets.
    pub(crate) fn new(
        target: &'t Target,
        metrics: &'t Metrics,
        mut head: request::Parts,
        body: Incoming,
    ) -> Self {
        // the server's notes about this connection mean nothing on another
        head.extensions.clear();
        let (tried, body) = (vec![], Resend::new(body));
        Self { target, metrics, head, body, tried, is_second: false, needs_new_line: false }
    }

    /// Whether the caller has sent all of its body.
    pub(crate) fn body_has_ended(&self) -> bool {
        self.body.has_ended()
    }

    /// Sends it, to as many workers as it takes and is safe.
    pub(crate) async fn run(&mut self) -> Result<Response<ReplyBody>, Refusal> {
        let mut last = Refusal::NoWorker;
        while let Some(upstream) = self.pick() {
            match self.attempt(&upstream).await {
                Attempt::Reply(reply) => return Ok(reply),
                Attempt::Over(refusal) => return Err(refusal),
                Attempt::Unsent(refusal) => {
                    self.needs_new_line = true;
                    last = refusal;
                }
                Attempt::Declined(reply) => {
                    if self.is_second || !self.body.is_whole() || self.is_last(&upstream) {
                        return Ok(reply);
                    }
                    self.is_second = true;
                    last = Refusal::NoWorker;
                    self.metrics.sent_again();
                }
                Attempt::Broken(refusal) => {
                    let may = self.head.method.is_idempotent() && self.body.is_whole();
                    if self.is_second || !may {
                        return Err(refusal);
                    }
                    (self.is_second, self.needs_new_line) = (true, true);
                    last = refusal;
                    self.metrics.sent_again();
                }
            }
            self.tried.push(upstream);
        }
        Err(last)
    }

    fn pick(&self) -> Option<Arc<Upstream>> {
        if self.tried.len() >= WORKERS_MAX {
            return None;
        }
        let picked = self.target.pick(|it| self.tried.iter().any(|tried| Arc::ptr_eq(tried, it)));
        // an only worker gets a second chance over a new connection, when the first was an old one
        let again = || self.tried.first().filter(|it| self.tried.len() == 1 && !it.is_ejected());
        picked.or_else(|| again().cloned())
    }

    fn is_last(&self, upstream: &Arc<Upstream>) -> bool {
        let is_known = |it: &Arc<Upstream>| {
            Arc::ptr_eq(it, upstream) || self.tried.iter().any(|tried| Arc::ptr_eq(tried, it))
        };
        self.target.pick(is_known).is_none()
    }

    async fn attempt(&self, upstream: &Arc<Upstream>) -> Attempt {
        let in_flight = InFlight::new(Arc::clone(upstream));
        let idle = if self.needs_new_line { None } else { upstream.idle_line() };
        let mut line = match idle {
            Some(line) => line,
            None => match upstream.connect().await {
                Ok(line) => line,
                Err(error) => {
                    upstream.failed();
                    let worker = upstream.worker.clone();
                    tracing::debug!(%worker, url = upstream.url, %error, "Worker cannot be reached");
                    return Attempt::Unsent(Refusal::Unreachable(worker));
                }
            },
        };
        let was_used = line.is_used;
        match line.send(self.request()).await {
            Ok(reply) => {
                upstream.answered();
                let is_declined = is_passing(reply.headers())
                    || (!is_of_worker(reply.headers()) && self.head.method.is_idempotent());
                let reply = self.reply(reply, line, in_flight).await;
                if is_declined { Attempt::Declined(reply) } else { Attempt::Reply(reply) }
            }
            Err(error) => Self::fault(&error, upstream, was_used),
        }
    }

    fn fault(error: &LineError, upstream: &Arc<Upstream>, was_used: bool) -> Attempt {
        let worker = upstream.worker.clone();
        tracing::debug!(%worker, url = upstream.url, %error, "No reply from worker");
        // an old connection breaks when a worker closes it just now, which says nothing of the worker
        if !was_used {
            upstream.failed();
        }
        match error {
            LineError::Unsent(_) => Attempt::Unsent(Refusal::Unreachable(worker)),
            LineError::Broken(_) => Attempt::Broken(Refusal::BrokenOff(worker)),
            LineError::Silent(_) => Attempt::Over(Refusal::Silent(worker)),
        }
    }

    fn request(&self) -> Request<Sending> {
        let head = self.head.clone();
        if !head.headers.contains_key(header::EXPECT) {
            return Request::from_parts(head, self.body.send(None));
        }
        let asked = Arc::new(Asked::default());
        let mut request = Request::from_parts(head, self.body.send(Some(Arc::clone(&asked))));
        hyper::ext::on_informational(&mut request, move |reply| {
            if reply.status() == StatusCode::CONTINUE {
                asked.ask();
            }
        });
        request
    }

    /// The reply for the caller. What of its body is here already is taken along, so that the connection
    /// of a short one is free at once.
    async fn reply(
        &self,
        reply: Response<Incoming>,
        mut line: Box<Line>,
        in_flight: InFlight,
    ) -> Response<ReplyBody> {
        let (mut head, mut body) = reply.into_parts();
        forward::strip(&mut head.headers);
        head.headers.remove(REFUSED);
        head.extensions.clear();
        let first = poll_fn(|context| Poll::Ready(line.poll_frame(&mut body, context))).await;
        let body = match first {
            Poll::Ready(Some(Ok(frame))) if body.is_end_stream() && frame.is_data() => {
                in_flight.0.put_back(line);
                ReplyBody::Whole(frame.into_data().ok())
            }
            Poll::Ready(None) => {
                in_flight.0.put_back(line);
                ReplyBody::Whole(None)
            }
            Poll::Ready(first) => {
                ReplyBody::Streamed(Box::new(Streamed::new(first, body, line, in_flight)))
            }
            Poll::Pending => {
                ReplyBody::Streamed(Box::new(Streamed::new(None, body, line, in_flight)))
            }
        };
        Response::from_parts(head, body)
    }
}
