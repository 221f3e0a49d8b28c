//! Fragments that keep themselves up to date: an element that asks for itself every two seconds
//! and is answered 204 while nothing changed, so that a selection, the focus and a screen reader
//! are left in peace.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::error::ApiError;

/// What a poll says of the page that it comes from.
#[derive(Deserialize)]
pub(crate) struct Poll {
    /// The fragment that the page shows.
    pub(crate) seen: Option<String>,
}

/// A fragment with the address that renders it again.
#[derive(Template)]
#[template(path = "live.html")]
pub(crate) struct Live {
    id: &'static str,
    /// Ends with `?` or `&`: what is on the page already is appended as `seen`.
    url: String,
    seen: String,
    inner: String,
}

impl Live {
    /// Wraps what `inner` renders; `path` is the fragment's own address, with or without a query.
    pub(crate) fn new(
        id: &'static str,
        path: &str,
        inner: &impl Template,
    ) -> Result<Self, askama::Error> {
        let inner = inner.render()?;
        let seen = hex::encode(&Sha256::digest(inner.as_bytes())[..8]);
        let joint = if path.contains('?') { '&' } else { '?' };
        Ok(Self { id, url: format!("{path}{joint}"), seen, inner })
    }

    /// The answer to a poll: nothing when the page shows this already.
    pub(crate) fn answer(&self, poll: &Poll) -> Result<Response, ApiError> {
        if poll.seen.as_ref() == Some(&self.seen) {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        super::html(StatusCode::OK, self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Template)]
    #[template(source = "<p>{{ text }}</p>", ext = "html")]
    struct Text {
        text: &'static str,
    }

    impl Text {
        fn live(text: &'static str) -> Live {
            Live::new("thing", "/thing?version=1", &Self { text }).unwrap()
        }
    }

    #[test]
    fn a_poll_is_answered_only_when_something_changed() {
        let first = Text::live("one");
        assert!(first.render().unwrap().contains("/thing?version=1&#38;seen="));
        let again = Poll { seen: Some(first.seen.clone()) };
        assert_eq!(first.answer(&again).unwrap().status(), StatusCode::NO_CONTENT);
        assert_eq!(first.answer(&Poll { seen: None }).unwrap().status(), StatusCode::OK);
        assert_eq!(Text::live("two").answer(&again).unwrap().status(), StatusCode::OK);
    }
}
