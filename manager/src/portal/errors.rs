//! Pages for what is not there and what went wrong, in the same calm style as the rest.

use askama::Template;
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::view::{Span, prose, spans};
use crate::error::ApiError;
use crate::trace::RequestId;

/// A page that says one thing.
#[derive(Template)]
#[template(path = "message.html")]
pub(crate) struct MessagePage {
    status: u16,
    title: &'static str,
    message: Vec<Span>,
    request_id: Option<String>,
}

/// The same for a script: a fragment in the place of the result.
#[derive(Template)]
#[template(path = "alert.html")]
pub(crate) struct Alert {
    message: Vec<Span>,
    /// New grants that wait for a yes.
    grants: Vec<Vec<Span>>,
}

impl Alert {
    pub(crate) fn new(error: &ApiError) -> Self {
        let grants: Vec<_> = error.items().iter().map(|line| spans(line)).collect();
        let message = match grants.is_empty() {
            true => prose(error.message()),
            false => prose("it asks to reach what this app could not reach before"),
        };
        Self { message, grants }
    }
}

impl MessagePage {
    fn new(error: &ApiError, request: Option<&RequestId>) -> Self {
        let title = match error.status() {
            StatusCode::NOT_FOUND => "Not found",
            StatusCode::UNAUTHORIZED => "Not signed in",
            StatusCode::FORBIDDEN => "Not allowed",
            StatusCode::PAYLOAD_TOO_LARGE => "Too large",
            status if status.is_client_error() => "That did not work",
            _ => "Something went wrong",
        };
        Self {
            status: error.status().as_u16(),
            title,
            message: prose(error.message()),
            // Of use only where the log has more to say.
            request_id: request.filter(|_| error.status().is_server_error()).map(|id| id.0.clone()),
        }
    }
}

/// The middleware that gives an error outside the API its page, or its fragment when a script
/// asked. The error stays in the response's extensions, from where it is logged.
pub(crate) async fn as_page(request: Request, next: Next) -> Response {
    if request.uri().path().starts_with("/api/") {
        return next.run(request).await;
    }
    let htmx = super::is_htmx(request.headers());
    let id = request.extensions().get::<RequestId>().cloned();
    let response = next.run(request).await;
    match response.extensions().get::<ApiError>() {
        Some(error) if !response.headers().contains_key(CONTENT_TYPE) => {
            let page = page_of(error, htmx, id.as_ref());
            with(page, response.headers(), error)
        }
        _ => response,
    }
}

fn page_of(error: &ApiError, htmx: bool, id: Option<&RequestId>) -> Response {
    let page = if htmx {
        super::html(error.status(), &Alert::new(error))
    } else {
        super::html(error.status(), &MessagePage::new(error, id))
    };
    page.unwrap_or_else(ApiError::into_response)
}

fn with(mut page: Response, headers: &HeaderMap, error: &ApiError) -> Response {
    page.headers_mut().extend(headers.clone());
    page.extensions_mut().insert(error.clone());
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;
    use crate::portal::sample;

    #[test]
    fn an_error_page_says_what_went_wrong_and_escapes_it() {
        let error =
            ApiError::new(Code::AppUnknown, format!("there is no app `{}`", sample::HOSTILE));
        let id = RequestId("0198f2".into());
        let html = MessagePage::new(&error, Some(&id)).render().unwrap();
        sample::check(&html);
        assert!(html.contains("There is no app"), "{html}");
        assert!(!html.contains("0198f2"), "{html}");
        sample::check(&Alert::new(&error).render().unwrap());

        let error = ApiError::new(Code::StoreFailed, "the manager's store failed");
        let html = MessagePage::new(&error, Some(&id)).render().unwrap();
        assert!(html.contains("0198f2"), "{html}");
    }
}
