//! What every request passes before a handler sees it: who may call, how much may be sent, how long
//! it may take. Decides from one table of [`Rule`]s; what has no rule gets the strict defaults, so a
//! new route is closed until its rule says otherwise.
//!
//! One invariant: a handler runs only after its rule's [`Access`] was met, and finds the
//! [`Caller`](crate::auth::Caller) in the request's extensions.

mod access;
mod rule;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderValue, header};
use http_body::Body as _;
use http_body_util::Limited;

pub(crate) use rule::{Access, BodyMax, Rule};

use crate::auth;
use crate::error::{ApiError, Code};
use crate::state::Shared;

/// Where the portal signs people in, and sets the first password.
pub(crate) const SIGN_IN_PATH: &str = "/sign-in";
/// Where the portal sets the first password.
pub(crate) const SET_UP_PATH: &str = "/setup";

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
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let request = limit_body(shared, rule, request)?;
    let request = access::admit(shared, rule.access, request).await?;
    Ok(next.run(request).await)
}

fn limit_body(shared: &Shared, rule: &Rule, request: Request) -> Result<Request, ApiError> {
    let (max, code) = match rule.body_max {
        BodyMax::Bytes(max) => (max, Code::BodyTooLarge),
        BodyMax::Module => (shared.settings.module_bytes_max, Code::ModuleTooLarge),
    };
    let stated = request.body().size_hint().lower();
    if stated > max {
        return Err(ApiError::new(
            code,
            format!("the body has {stated} bytes; at most {max} are taken"),
        ));
    }
    let max = usize::try_from(max).unwrap_or(usize::MAX);
    Ok(request.map(|body| Body::new(Limited::new(body, max))))
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
