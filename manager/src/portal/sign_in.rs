//! `/sign-in` and signing out. The one-time link of `dev` is the business of `auth`.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use steading_protocol::Secret;

use super::view::sentence;
use crate::auth::{self, ClientAddress, Session};
use crate::error::ApiError;
use crate::gate::{SET_UP_PATH, SIGN_IN_PATH};
use crate::state::Shared;

/// The page.
#[derive(Template, Default)]
#[template(path = "sign_in.html")]
pub(crate) struct SignInPage {
    pub(crate) problem: Option<String>,
}

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct SignInForm {
    password: Secret,
}

/// `GET /sign-in`.
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    session: Option<Session>,
) -> Result<Response, ApiError> {
    if session.is_some() {
        return Ok(Redirect::to("/").into_response());
    }
    if auth::needs_set_up(&shared).await? {
        return Ok(Redirect::to(SET_UP_PATH).into_response());
    }
    super::html(StatusCode::OK, &SignInPage::default())
}

/// `POST /sign-in`.
pub(crate) async fn submit(
    State(shared): State<Arc<Shared>>,
    ClientAddress(address): ClientAddress,
    Form(form): Form<SignInForm>,
) -> Result<Response, ApiError> {
    match auth::sign_in(&shared, address, &form.password).await {
        Ok(session) => Ok(([(SET_COOKIE, session.cookie)], Redirect::to("/")).into_response()),
        Err(error) if error.status().is_client_error() => {
            let problem = Some(sentence(error.message()));
            super::html(error.status(), &SignInPage { problem })
        }
        Err(error) => Err(error),
    }
}

/// `POST /sign-out`.
pub(crate) async fn sign_out(
    State(shared): State<Arc<Shared>>,
    session: Session,
) -> Result<Response, ApiError> {
    let cookie = auth::sign_out(&shared, &session).await?;
    Ok(([(SET_COOKIE, cookie)], Redirect::to(SIGN_IN_PATH)).into_response())
}
