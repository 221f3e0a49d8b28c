//! Modules, and the archives of folders of packages: their bytes by digest, for workers.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use http::header;
use steading_protocol::Digest;
use steading_protocol::problem::ErrorBody;

use super::extract::Path;
use crate::error::{ApiError, Code};
use crate::state::Shared;

/// The bytes of a module, or of the archive of a package's folders.
#[utoipa::path(get, path = "/modules/{digest}", tag = "worker side", security(("worker" = [])),
    params(("digest" = String, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = "default", body = ErrorBody)))]
pub(super) async fn module_get(
    State(shared): State<Arc<Shared>>,
    Path(digest): Path<Digest>,
) -> Result<impl IntoResponse, ApiError> {
    let bytes = shared.store.module_get(&digest).await?.ok_or_else(|| {
        ApiError::new(Code::ModuleUnknown, format!("there is no module `{digest}`"))
    })?;
    let content = if bytes.starts_with(b"PK") { "application/zip" } else { "application/wasm" };
    Ok(([(header::CONTENT_TYPE, content)], bytes))
}
