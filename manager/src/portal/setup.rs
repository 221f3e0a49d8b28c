//! `/setup`: whoever knows the set-up code from the manager's terminal chooses the administrator's
//! password. Gone once there is one.

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
use crate::auth::{self, ClientAddress, PASSWORD_CHARS_MIN};
use crate::error::ApiError;
use crate::gate::SIGN_IN_PATH;
use crate::state::Shared;

/// The page.
#[derive(Template)]
#[template(path = "setup.html")]
pub(crate) struct SetUpPage {
    problem: Option<String>,
    /// The code as it was typed, so that a mistake in the password does not ask for it again.
    code: String,
    password_chars_min: usize,
}

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct SetUpForm {
    code: Secret,
    password: Secret,
    repeat: Secret,
}

impl SetUpPage {
    pub(crate) fn new(code: String, problem: Option<String>) -> Self {
        Self { problem, code, password_chars_min: PASSWORD_CHARS_MIN }
    }
}

/// `GET /setup`.
pub(crate) async fn show(State(shared): State<Arc<Shared>>) -> Result<Response, ApiError> {
    if !auth::needs_set_up(&shared).await? {
        return Ok(Redirect::to(SIGN_IN_PATH).into_response());
    }
    super::html(StatusCode::OK, &SetUpPage::new(String::new(), None))
}

/// `POST /setup`.
pub(crate) async fn submit(
    State(shared): State<Arc<Shared>>,
    ClientAddress(address): ClientAddress,
    Form(form): Form<SetUpForm>,
) -> Result<Response, ApiError> {
    if !auth::needs_set_up(&shared).await? {
        return Ok(Redirect::to(SIGN_IN_PATH).into_response());
    }
    let code = form.code.expose().trim().to_owned();
    if form.password != form.repeat {
        let problem = Some("The two passwords are not the same.".to_owned());
        return super::html(StatusCode::UNPROCESSABLE_ENTITY, &SetUpPage::new(code, problem));
    }
    match auth::set_up(&shared, address, &Secret::new(code.as_str()), &form.password).await {
        Ok(session) => Ok(([(SET_COOKIE, session.cookie)], Redirect::to("/")).into_response()),
        Err(error) if error.status().is_client_error() => {
            let problem = Some(sentence(error.message()));
            super::html(error.status(), &SetUpPage::new(code, problem))
        }
        Err(error) => Err(error),
    }
}
