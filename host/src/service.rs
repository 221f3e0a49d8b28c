//! One request: find the function, ask whether the caller may, take a permit, invoke, answer.

use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::{HeaderValue, Request, Response, Version, header};
use hyper::body::{Body, Incoming};
use steading_protocol::problem::{INVOCATION, REFUSED};
use steading_router::{Match, ROLLS, RouteTable};
use steading_server::{HeadLimits, host};
use uuid::Uuid;

use crate::admission::{Admission, Permit};
use crate::auth;
use crate::availability::Openness;
use crate::guest::{GuestRequest, RequestBody, Rest};
use crate::invoke::{Function, ReplyBody, invoke};
use crate::metrics::Metrics;
use crate::problem::Refusal;

/// The routes of a worker, swapped whole when its desired state changes.
pub(crate) type Routes = Arc<ArcSwap<RouteTable<Arc<Function>>>>;

/// Answers function calls.
pub(crate) struct Service {
    pub(crate) routes: Routes,
    pub(crate) admission: Arc<Admission>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) openness: Arc<Openness>,
    pub(crate) head: HeadLimits,
}

/// Counts an open connection until dropped, and knows who is at its other end.
pub(crate) struct OpenConnection {
    metrics: Arc<Metrics>,
    caller: IpAddr,
}

impl steading_server::Service for Service {
    type Connection = OpenConnection;
    type Body = ReplyBody;

    fn connected(&self, caller: IpAddr) -> OpenConnection {
        self.metrics.connections.inc();
        OpenConnection { metrics: Arc::clone(&self.metrics), caller }
    }

    async fn call(
        &self,
        connection: &OpenConnection,
        request: Request<Incoming>,
    ) -> Response<ReplyBody> {
        let version = request.version();
        let (mut response, rest) = match self.admit(&request) {
            Ok((found, permit)) => self.run(found, permit, (connection.caller, request)).await,
            Err(refusal) => {
                self.metrics.refused(refusal.status_and_code().1);
                (refusal.response(), Rest::All(request.into_body()))
            }
        };
        if !rest.discard().await && version <= Version::HTTP_11 {
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
    /// Everything that can be refused before a guest is involved.
    fn admit(
        &self,
        request: &Request<Incoming>,
    ) -> Result<(Match<Arc<Function>>, Permit), Refusal> {
        self.head.check(request)?;
        self.openness.check()?;
        let routes = self.routes.load();
        let roll = || rand::random_range(0..ROLLS);
        let found = routes.find(host(request), request.uri().path(), request.method(), roll)?;
        let function = &*found.function;
        let permit = self.permit(function, request.body()).inspect_err(|refusal| {
            let (app, code) = (function.app.as_str(), refusal.status_and_code().1);
            tracing::debug!(app, function = function.name.as_str(), code, "Invocation refused");
        })?;
        Ok((found, permit))
    }

    /// What the function itself, its app and the worker have to say.
    fn permit(&self, function: &Function, body: &Incoming) -> Result<Permit, Refusal> {
        auth::check(function.http.auth)?;
        let bytes_max = function.limits.request_body_bytes_max;
        if body.size_hint().lower() > bytes_max {
            return Err(Refusal::TooLarge { bytes_max });
        }
        Ok(self.admission.admit(&function.caps)?)
    }

    async fn run(
        &self,
        found: Match<Arc<Function>>,
        permit: Permit,
        (caller, request): (IpAddr, Request<Incoming>),
    ) -> (Response<ReplyBody>, Rest) {
        let function = found.function;
        let invocation = Uuid::now_v7().simple().to_string();
        let named = HeaderValue::from_str(&invocation).expect("an id is header text");
        let (head, body) = request.into_parts();
        let (body, rest) = RequestBody::streamed(body, function.limits.request_body_bytes_max);
        let request = GuestRequest {
            head,
            caller,
            parameters: found.parameters,
            body,
            invocation: invocation.clone(),
        };
        let mut response = match invoke(&function, request, permit).await {
            Ok(reply) => {
                let mut response = Response::new(reply.body);
                *response.status_mut() = reply.head.status;
                *response.headers_mut() = reply.head.headers;
                // a function that claims that it did not run is not believed
                response.headers_mut().remove(REFUSED);
                response
            }
            Err(fault) => fault.response(&invocation),
        };
        response.headers_mut().insert(INVOCATION, named);
        (response, rest)
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.metrics.connections.dec();
    }
}
