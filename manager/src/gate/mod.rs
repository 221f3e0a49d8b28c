//! What every request passes before a handler sees it: who may call, how much may be sent, how long
//! it may take. Decides from one table of [`Rule`]s; what has no rule gets the strict defaults, so a
//! new route is closed until its rule says otherwise.
//!
//! One invariant: a handler runs only after its rule's [`Access`] was met, and finds the
//! [`Caller`](crate::auth::Caller) in the request's extensions.

mod access;
mod rule;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderValue, header};
use http_body::Body as _;
use http_body_util::{BodyExt, Limited};

pub(crate) use rule::{Access, BodyMax, Rule};

use crate::auth;
use crate::error::{ApiError, Code};
use crate::state::Shared;

/// Where the portal signs people in, and sets the first password.
pub(crate) const SIGN_IN_PATH: &str = "/sign-in";
/// Where the portal sets the first password.
pub(crate) const SET_UP_PATH: &str = "/setup";

/// How long a refused client may go on sending before the connection is cut.
const LINGER_TIME_MAX: Duration = Duration::from_secs(10);

/// The middleware.
pub(crate) async fn gate(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let matched = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let rule = rule::find(request.method(), matched);
    let page = Page::of(&request);
    match tokio::time::timeout(rule.time_max, pass(&shared, &rule, request, next)).await {
        Ok(Err(error)) if error.code() == Code::Unauthorized && rule.access != Access::Open => {
            page.unauthorized(&shared, error).await
        }
        Ok(answer) => answer,
        Err(_) => Err(ApiError::new(
            Code::TimedOut,
            format!("the request took longer than {} s", rule.time_max.as_secs()),
        )),
    }
}

async fn pass(
    shared: &Arc<Shared>,
    rule: &Rule,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let admitted = match limit_body(shared, rule, &mut request) {
        Ok(()) => access::admit(shared, rule.access, &mut request).await,
        refused => refused,
    };
    if let Err(refused) = admitted {
        linger(request).await;
        return Err(refused);
    }
    // Taken before the first byte of the package is read.
    let _upload = match rule.body_max {
        BodyMax::Module => shared.uploads.acquire().await.ok(),
        BodyMax::Bytes(_) => None,
    };
    Ok(next.run(request).await)
}

fn limit_body(shared: &Shared, rule: &Rule, request: &mut Request) -> Result<(), ApiError> {
    let (max, code) = match rule.body_max {
        BodyMax::Bytes(max) => (max, Code::BodyTooLarge),
        BodyMax::Module => (shared.settings.package.bytes_max, Code::ModuleTooLarge),
    };
    let stated = request.body().size_hint().lower();
    if stated > max {
        return Err(ApiError::new(
            code,
            format!("the body has {stated} bytes; at most {max} are taken"),
        ));
    }
    let body = std::mem::take(request.body_mut());
    *request.body_mut() = Body::new(Limited::new(body, usize::try_from(max).unwrap_or(usize::MAX)));
    Ok(())
}

/// Reads and drops what a refused client is still sending, for a while: closing a connection on
/// unread bytes resets it, and the client would see that instead of the answer. A client that asks
/// first (`expect: 100-continue`) is sending nothing yet.
async fn linger(request: Request) {
    if request.headers().contains_key(header::EXPECT) {
        return;
    }
    let mut body = request.into_body();
    let drop_all = async { while let Some(Ok(_)) = body.frame().await {} };
    let _ = tokio::time::timeout(LINGER_TIME_MAX, drop_all).await;
}

/// Whether a person's browser waits for a page, or a program for an answer.
enum Page {
    Api,
    Browser,
    Htmx,
}

impl Page {
    fn of(request: &Request) -> Self {
        if request.uri().path().starts_with("/api/") {
            Self::Api
        } else if request.headers().contains_key("hx-request") {
            Self::Htmx
        } else {
            Self::Browser
        }
    }

    async fn unauthorized(self, shared: &Shared, error: ApiError) -> Result<Response, ApiError> {
        if matches!(self, Self::Api) {
            let mut response = error.into_response();
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            return Ok(response);
        }
        let path = if auth::needs_set_up(shared).await? { SET_UP_PATH } else { SIGN_IN_PATH };
        if matches!(self, Self::Browser) {
            return Ok(Redirect::to(path).into_response());
        }
        let mut response = error.into_response();
        response.headers_mut().insert("hx-redirect", HeaderValue::from_static(path));
        Ok(response)
    }
}
