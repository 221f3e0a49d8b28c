//! Running the test pane's call, and what the function answered: a fragment.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Multipart, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use steading_protocol::api::InvokeReply;
use steading_protocol::{AppName, FunctionName};

use super::app::AppPage;
use super::body::Body;
use super::errors::Alert;
use super::multipart::MultipartForm;
use super::test_pane::TestCall;
use super::view::{Frame, Section};
use super::{AppPath, app, view};
use crate::api;
use crate::auth::Session;
use crate::error::{ApiError, Code};
use crate::state::Shared;

/// The fragment.
#[derive(Template)]
#[template(path = "test_result.html")]
pub(crate) struct TestResult {
    status: u16,
    reason: &'static str,
    tone: &'static str,
    time: String,
    size: String,
    worker_name: String,
    headers: Vec<(String, String)>,
    body: Body,
}

impl TestResult {
    pub(crate) fn new(reply: InvokeReply, worker_name: String) -> Self {
        // The manager wrote the base64 itself; an empty body is what remains if it ever is not.
        let body = STANDARD.decode(&reply.body_base64).unwrap_or_default();
        let content_type =
            reply.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case("content-type"));
        Self {
            status: reply.status,
            reason: StatusCode::from_u16(reply.status)
                .ok()
                .and_then(|status| status.canonical_reason())
                .unwrap_or_default(),
            tone: match reply.status {
                200..300 => "good",
                300..400 => "plain",
                400..500 => "busy",
                _ => "bad",
            },
            time: time(reply.duration_us),
            size: view::bytes(body.len() as u64),
            worker_name,
            body: Body::new(content_type.map_or("", |(_, value)| value), &body),
            headers: reply.headers,
        }
    }
}

/// Milliseconds to one place, and to two below ten.
fn time(duration_us: u64) -> String {
    let ms = duration_us as f64 / 1000.0;
    if ms < 10.0 { format!("{ms:.2} ms") } else { format!("{ms:.1} ms") }
}

/// `POST /apps/{app}/test`. A script gets the answer as a fragment; a plain form the whole page.
pub(crate) async fn run(
    State(shared): State<Arc<Shared>>,
    session: Session,
    AppPath(name): AppPath,
    headers: HeaderMap,
    multipart: Multipart,
) -> Result<Response, ApiError> {
    let form = MultipartForm::read(&session, &headers, multipart).await?;
    let call = TestCall::from(form);
    let answer = invoke(&shared, &name, &call).await;
    if super::is_htmx(&headers) {
        return super::html(StatusCode::OK, &answer?);
    }
    let (status, answer) = match answer {
        Ok(result) => (StatusCode::OK, result.render()?),
        Err(error) => (error.status(), Alert::new(&error).render()?),
    };
    let mut parts = app::parts(&shared, &session, &name).await?;
    parts.test = parts.test.answered(call, answer);
    super::html(status, &AppPage::new(Frame::new(&session, Section::Apps), parts))
}

async fn invoke(shared: &Shared, app: &AppName, call: &TestCall) -> Result<TestResult, ApiError> {
    let invalid = |message: String| ApiError::new(Code::BodyInvalid, message);
    let function: FunctionName =
        call.function.parse().map_err(|_| invalid("choose a function".into()))?;
    let request = call.request().map_err(invalid)?;
    let reply = api::invoke(shared, app, &function, request).await?;
    let worker = shared.store.worker_get(&reply.worker).await?;
    let name = worker.map_or_else(|| reply.worker.to_string(), |worker| worker.name);
    Ok(TestResult::new(reply, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(content_type: &str, body: &[u8]) -> String {
        let reply = InvokeReply {
            worker: "w-1".parse().unwrap(),
            status: 201,
            headers: vec![("content-type".into(), content_type.into())],
            body_base64: STANDARD.encode(body),
            duration_us: 3_217,
        };
        TestResult::new(reply, "barn".into()).render().unwrap()
    }

    #[test]
    fn the_answer_shows_status_time_worker_headers_and_body() {
        let html = rendered("application/json", b"{\"total\":12}");
        for part in
            ["201 Created", "3.22 ms", "barn", "application/json", "id=\"test-response-body\""]
        {
            assert!(html.contains(part), "{part} in {html}");
        }
        assert!(
            rendered("image/png", b"\x89PNG").contains("src=\"data:image/png;base64,iVBORw==\"")
        );
    }

    #[test]
    fn a_hostile_answer_is_only_text() {
        let html = rendered("text/html\"><script>", b"<script>alert(1)</script>");
        assert!(!html.contains("<script>"), "{html}");
    }
}
