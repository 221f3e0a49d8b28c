//! `/tokens`: API tokens for the command line and for programs. A token's text is on the page once,
//! in the answer to making it.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use jiff::Timestamp;
use steading_protocol::api::{Token, TokenReply, TokenRequest};

use super::view::{Frame, Moment, Section, sentence};
use crate::api::{self, Path};
use crate::auth::Session;
use crate::error::ApiError;
use crate::state::Shared;

/// The page.
#[derive(Template)]
#[template(path = "tokens.html")]
pub(crate) struct TokensPage {
    pub(crate) frame: Frame,
    pub(crate) rows: Vec<TokenRow>,
    pub(crate) made: Option<TokenReply>,
    pub(crate) problem: Option<String>,
}

/// One token of the list.
pub(crate) struct TokenRow {
    id: String,
    name: String,
    made: Moment,
}

impl TokenRow {
    pub(crate) fn new(token: Token, now: Timestamp) -> Self {
        let made = Moment::new(token.created_at, now);
        Self { id: token.id, name: token.name, made }
    }
}

/// `GET /tokens`.
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    session: Session,
) -> Result<Response, ApiError> {
    page(&shared, &session, StatusCode::OK, None, None).await
}

/// What the form sends.
#[derive(serde::Deserialize)]
pub(crate) struct TokenForm {
    name: String,
}

/// `POST /tokens`: answers with the page itself, the only one that shows the token.
pub(crate) async fn make(
    State(shared): State<Arc<Shared>>,
    session: Session,
    Form(form): Form<TokenForm>,
) -> Result<Response, ApiError> {
    match api::make_token(&shared, &TokenRequest { name: form.name }).await {
        Ok(made) => page(&shared, &session, StatusCode::CREATED, Some(made), None).await,
        Err(error) if error.status().is_client_error() => {
            let problem = Some(sentence(error.message()));
            page(&shared, &session, error.status(), None, problem).await
        }
        Err(error) => Err(error),
    }
}

/// `POST /tokens/{id}/revoke`.
pub(crate) async fn revoke(
    State(shared): State<Arc<Shared>>,
    _: Session,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    api::revoke_token(&shared, &id).await?;
    Ok(Redirect::to("/tokens").into_response())
}

async fn page(
    shared: &Shared,
    session: &Session,
    status: StatusCode,
    made: Option<TokenReply>,
    problem: Option<String>,
) -> Result<Response, ApiError> {
    let now = shared.now();
    let tokens = shared.store.token_list().await?;
    let page = TokensPage {
        frame: Frame::new(session, Section::Tokens),
        rows: tokens.into_iter().map(|token| TokenRow::new(token, now)).collect(),
        made,
        problem,
    };
    super::html(status, &page)
}

#[cfg(test)]
mod tests {
    use steading_protocol::Secret;

    use super::*;
    use crate::portal::sample;

    #[test]
    fn a_new_token_is_shown_and_names_are_escaped() {
        let token = Token {
            id: sample::HOSTILE.into(),
            name: sample::HOSTILE.into(),
            created_at: sample::now(),
        };
        let page = TokensPage {
            frame: sample::frame(),
            rows: vec![TokenRow::new(token, sample::now())],
            made: Some(TokenReply {
                id: "t-1".into(),
                name: sample::HOSTILE.into(),
                token: Secret::new("the-new-token"),
            }),
            problem: Some(sample::HOSTILE.into()),
        };
        let html = page.render().unwrap();
        sample::check(&html);
        assert!(html.contains("the-new-token"), "{html}");
    }
}
