//! Puts the routes of API and portal together under the layers that every request passes.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use http::{Method, Uri};
use tower_http::catch_panic::CatchPanicLayer;

use crate::error::{ApiError, Code};
use crate::gate::gate;
use crate::state::Shared;
use crate::trace::{panicked, trace};
use crate::{api, auth, health, portal};

/// All routes. The last layer is the outermost.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .merge(api::router())
        .merge(portal::router())
        .merge(health::router())
        .route(auth::TICKET_PATH, get(auth::open_ticket))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(Arc::clone(&shared), gate))
        .layer(CatchPanicLayer::custom(panicked))
        // The gate limits bodies, each route by its rule.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn(portal::as_page))
        .layer(from_fn(trace))
        .with_state(shared)
}

async fn not_found(uri: Uri) -> ApiError {
    ApiError::new(Code::NotFound, format!("there is nothing at `{}`", uri.path()))
}

async fn method_not_allowed(method: Method, uri: Uri) -> ApiError {
    ApiError::new(Code::MethodNotAllowed, format!("`{}` does not answer {method}", uri.path()))
}
