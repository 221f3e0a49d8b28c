//! Publishing through the portal: the form's parts, and what came of it.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Multipart, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use steading_protocol::AppName;
use steading_protocol::api::PublishReply;

use super::errors::Alert;
use super::multipart::MultipartForm;
use super::{apps, view};
use crate::auth::Session;
use crate::error::{ApiError, Code};
use crate::publish::{self, Package};
use crate::state::Shared;
use crate::store::NewGrants;

/// The field with which an operator says yes to new grants.
const ALLOW: &str = "allow_new_grants";

/// The form's own values.
pub(crate) struct UploadForm {
    pub(crate) bytes_max: u64,
    pub(crate) bytes_max_text: String,
    pub(crate) app: String,
    /// The rendered outcome, when the page comes back without scripts.
    pub(crate) outcome: Option<String>,
}

/// A publish that went well: a fragment.
#[derive(Template)]
#[template(path = "upload_done.html")]
pub(crate) struct UploadDone {
    app: AppName,
    version: u32,
    created: bool,
    functions: Vec<String>,
}

impl UploadForm {
    pub(crate) fn new(bytes_max: u64, app: String, outcome: Option<String>) -> Self {
        Self { bytes_max, bytes_max_text: view::bytes(bytes_max), app, outcome }
    }
}

impl UploadDone {
    pub(crate) fn new(reply: &PublishReply) -> Self {
        Self {
            app: reply.app.clone(),
            version: reply.version.0,
            created: reply.created,
            functions: reply.functions.iter().map(|f| f.spec.name.to_string()).collect(),
        }
    }
}

/// `POST /upload`. A script gets a fragment; a plain form the app's page, or this page again with
/// what went wrong.
pub(crate) async fn submit(
    State(shared): State<Arc<Shared>>,
    session: Session,
    headers: HeaderMap,
    multipart: Multipart,
) -> Result<Response, ApiError> {
    let mut form = MultipartForm::read(&session, &headers, multipart).await?;
    let app = form.take("app").trim().to_owned();
    let outcome = publish(&shared, &app, form).await;
    if super::is_htmx(&headers) {
        let mut response = super::html(StatusCode::CREATED, &UploadDone::new(&outcome?))?;
        let changed = HeaderValue::from_static("app-list-changed");
        response.headers_mut().insert("hx-trigger", changed);
        return Ok(response);
    }
    match outcome {
        Ok(reply) => Ok(Redirect::to(&format!("/apps/{}", reply.app)).into_response()),
        Err(error) if error.status().is_client_error() => {
            let alert = Alert::new(&error).render()?;
            apps::page(&shared, &session, error.status(), app, Some(alert)).await
        }
        Err(error) => Err(error),
    }
}

async fn publish(
    shared: &Arc<Shared>,
    app: &str,
    mut form: MultipartForm,
) -> Result<PublishReply, ApiError> {
    let new_grants =
        if form.take(ALLOW).is_empty() { NewGrants::Refused } else { NewGrants::Allowed };
    let file = form.file.filter(|file| !file.bytes.is_empty());
    let bytes = file.map(|file| file.bytes).ok_or_else(|| {
        ApiError::new(Code::BodyInvalid, "choose a `.wasm` or `.zip` file that is not empty")
    })?;
    let app = app
        .parse::<AppName>()
        .map_err(|invalid| ApiError::new(Code::NameInvalid, invalid.to_string()))?;
    let package = Package { app, bytes, default: false, percent: 100, new_grants };
    publish::publish(shared, package).await
}

#[cfg(test)]
mod tests {
    use steading_protocol::VersionNumber;

    use super::*;
    use crate::portal::sample;

    #[test]
    fn a_publish_names_the_version_and_a_repeated_one_says_so() {
        let mut reply = PublishReply {
            app: sample::name(),
            version: VersionNumber(3),
            created: true,
            grants: sample::grants(),
            functions: vec![sample::function()],
        };
        let html = UploadDone::new(&reply).render().unwrap();
        assert!(html.contains("is published as version 3"), "{html}");
        assert!(html.contains("<code>place</code>"), "{html}");
        reply.created = false;
        let html = UploadDone::new(&reply).render().unwrap();
        assert!(html.contains("nothing changed"), "{html}");
    }
}
