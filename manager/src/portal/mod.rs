//! The portal: pages for people, rendered on the server. Holds no state of its own and decides
//! nothing; what a page can do, the API can do as well, through the same functions.
//!
//! A page is a struct of plain data and a template: built from the protocol's types, so that a test
//! renders it without a store. The handlers below a struct read the store and build it. Fragments
//! that change by themselves are [`live`]. Everything works without scripts; htmx and one small
//! script of our own add progress, live states and results in place.
//!
//! Considered and left: a single-page application over the API. It needs a second tool chain, and
//! five pages of forms and tables gain nothing from it.
//!
//! One invariant: text from outside reaches a page only through the templates' escaping.

mod setup;
mod sign_in;

mod apps;
mod upload;

mod app;
mod function;
mod grants;
mod placements;
mod settings;
mod test_pane;
mod test_result;

mod tokens;
mod workers;

mod errors;

mod assets;
mod body;
mod live;
mod multipart;
mod pill;
mod view;

#[cfg(test)]
pub(crate) mod sample;

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::Router;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use steading_protocol::AppName;

pub(crate) use errors::as_page;

use crate::api::{self, CALL_TIME_MAX};
use crate::error::{ApiError, Code};
use crate::gate::{Access, BodyMax, Rule, SET_UP_PATH, SIGN_IN_PATH};
use crate::state::Shared;

/// A package of 100 MiB over a line of 2 Mbit/s, as for the API.
const UPLOAD_TIME_MAX: Duration = Duration::from_secs(600);

/// A body for the test pane: as much as the API's `invoke` takes, before base64.
const TEST_BYTES_MAX: u64 = 10 << 20;

/// What a test needs beside the call itself.
const SLACK: Duration = Duration::from_secs(5);

/// What the gate lets through on portal routes beyond its strict defaults (a signed-in operator, a
/// small body, a short time).
pub(crate) const RULES: &[Rule] = &[
    Rule::new(Method::GET, "/assets/{name}").access(Access::Open),
    Rule::new(Method::GET, SET_UP_PATH).access(Access::Open),
    Rule::new(Method::POST, SET_UP_PATH).access(Access::Open),
    Rule::new(Method::GET, SIGN_IN_PATH).access(Access::Open),
    Rule::new(Method::POST, SIGN_IN_PATH).access(Access::Open),
    Rule::new(Method::POST, "/upload")
        .access(Access::OperatorMultipart)
        .body_max(BodyMax::Module)
        .time_max(UPLOAD_TIME_MAX),
    Rule::new(Method::POST, "/apps/{app}/test")
        .access(Access::OperatorMultipart)
        .body_max(BodyMax::Bytes(TEST_BYTES_MAX))
        .time_max(CALL_TIME_MAX.saturating_add(SLACK)),
];

/// The portal's routes, mounted at `/`.
pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route(SET_UP_PATH, get(setup::show).post(setup::submit))
        .route(SIGN_IN_PATH, get(sign_in::show).post(sign_in::submit))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/", get(apps::show))
        .route("/live/apps", get(apps::poll))
        .route("/upload", post(upload::submit))
        .route("/apps/{app}", get(app::show))
        .route("/apps/{app}/default", post(app::make_default))
        .route("/apps/{app}/serve", post(app::serve))
        .route("/apps/{app}/rollout/end", post(app::end_rollout))
        .route("/apps/{app}/delete", post(app::delete))
        .route("/apps/{app}/settings", post(settings::set))
        .route("/apps/{app}/settings/unset", post(settings::unset))
        .route("/apps/{app}/test", post(test_result::run))
        .route("/live/apps/{app}/placements", get(placements::poll))
        .route("/workers", get(workers::show))
        .route("/workers/join-token", post(workers::reveal))
        .route("/live/workers", get(workers::poll))
        .route("/tokens", get(tokens::show).post(tokens::make))
        .route("/tokens/{id}/revoke", post(tokens::revoke))
        .route("/assets/{name}", get(assets::serve))
}

/// A rendered page or fragment as a response.
fn html(status: StatusCode, template: &impl Template) -> Result<Response, ApiError> {
    Ok((status, Html(template.render()?)).into_response())
}

/// The app of an address. A name that no app can have is an app that is not there.
struct AppPath(AppName);

impl<S: Send + Sync> FromRequestParts<S> for AppPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let api::Path(name) = api::Path::<String>::from_request_parts(parts, state).await?;
        let unknown = |_| ApiError::new(Code::AppUnknown, format!("there is no app `{name}`"));
        name.parse().map(Self).map_err(unknown)
    }
}

/// Whether a script of the page asks, and wants a fragment instead of a page.
fn is_htmx(headers: &HeaderMap) -> bool {
    headers.contains_key("hx-request")
}

impl From<askama::Error> for ApiError {
    fn from(error: askama::Error) -> Self {
        Self::new(Code::Internal, "the page cannot be shown; see the manager's log")
            .caused_by(error)
    }
}
