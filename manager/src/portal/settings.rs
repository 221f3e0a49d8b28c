//! Settings of an app: a fragment of its page, and the two forms in it. The value of a secret goes in and is
//! on no page, not even on the one that says why it was refused.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Extension, Form};
use jiff::Timestamp;
use serde::Deserialize;
use steading_protocol::api::{App, AppSetting, SettingRequest, Version};
use steading_protocol::{AppName, Grants, Secret, SettingName};

use super::AppPath;
use super::app::{self, AppPage};
use super::view::{Frame, Moment, Section, sentence};
use crate::api;
use crate::auth::{Caller, Session};
use crate::error::{ApiError, Code};
use crate::state::Shared;

/// The fragment.
#[derive(Template)]
#[template(path = "settings.html")]
pub(crate) struct SettingsView {
    csrf: String,
    app: AppName,
    version: u32,
    rows: Vec<Row>,
    /// The name that was refused just now, and why.
    name: String,
    problem: Option<String>,
}

struct Row {
    name: String,
    granted: bool,
    value: SettingText,
    changed: Option<Moment>,
}

enum SettingText {
    Unset,
    Secret,
    Plain(String),
}

impl SettingsView {
    pub(crate) fn new(
        csrf: String,
        (app, grants): (&App, &Grants),
        settings: Vec<AppSetting>,
        now: Timestamp,
    ) -> Self {
        let unset = |name: &&SettingName| {
            !settings.iter().any(|setting| setting.name.folded() == name.folded())
        };
        let unset = grants.settings.iter().filter(unset).map(|name| Row {
            name: name.to_string(),
            granted: true,
            value: SettingText::Unset,
            changed: None,
        });
        let mut rows: Vec<_> = unset.collect();
        rows.extend(settings.into_iter().map(|setting| Row {
            name: setting.name.to_string(),
            granted: setting.granted,
            value: setting.value.map_or(SettingText::Secret, SettingText::Plain),
            changed: Some(Moment::new(setting.changed_at, now)),
        }));
        rows.sort_by_key(|row| row.name.to_ascii_lowercase());
        let (app, version) = (app.app.clone(), app.version.0);
        Self { csrf, app, version, rows, name: String::new(), problem: None }
    }
}

/// The fragment of an app's page.
pub(super) async fn of(
    shared: &Shared,
    session: &Session,
    app: &App,
    versions: &[Version],
) -> Result<SettingsView, ApiError> {
    let current = versions.iter().find(|version| version.version == app.version);
    let grants = current.map(|version| version.grants.clone()).unwrap_or_default();
    let settings = api::setting_list(shared, &app.app).await?;
    let csrf = session.csrf.expose().to_owned();
    Ok(SettingsView::new(csrf, (app, &grants), settings, shared.now()))
}

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct SetForm {
    name: String,
    #[serde(default)]
    value: String,
    /// There when the box is ticked.
    secret: Option<String>,
}

/// `POST /apps/{app}/settings`.
pub(crate) async fn set(
    State(shared): State<Arc<Shared>>,
    session: Session,
    Extension(caller): Extension<Caller>,
    AppPath(app): AppPath,
    Form(SetForm { name, value, secret }): Form<SetForm>,
) -> Result<Response, ApiError> {
    // browsers send the line ends of a text with a carriage return each
    let value = Secret::new(value.replace("\r\n", "\n"));
    let request = SettingRequest { value, secret: secret.is_some() };
    let done = match setting_name(&name) {
        Ok(name) => api::set_setting(&shared, &caller, (&app, name), request).await,
        Err(refused) => Err(refused),
    };
    answer(&shared, &session, &app, (name, done)).await
}

/// What a button in the table sends.
#[derive(Deserialize)]
pub(crate) struct UnsetForm {
    name: String,
}

/// `POST /apps/{app}/settings/unset`.
pub(crate) async fn unset(
    State(shared): State<Arc<Shared>>,
    session: Session,
    Extension(caller): Extension<Caller>,
    AppPath(app): AppPath,
    Form(UnsetForm { name }): Form<UnsetForm>,
) -> Result<Response, ApiError> {
    let done = match setting_name(&name) {
        Ok(name) => api::unset_setting(&shared, &caller, (&app, &name)).await,
        Err(refused) => Err(refused),
    };
    answer(&shared, &session, &app, (name, done)).await
}

fn setting_name(text: &str) -> Result<SettingName, ApiError> {
    let name = text.trim().parse::<SettingName>();
    name.map_err(|invalid| ApiError::new(Code::NameInvalid, invalid.to_string()))
}

/// The app's page, again with what went wrong.
async fn answer(
    shared: &Shared,
    session: &Session,
    app: &AppName,
    (name, done): (String, Result<(), ApiError>),
) -> Result<Response, ApiError> {
    let refused = match done {
        Ok(()) => return Ok(Redirect::to(&format!("/apps/{app}#settings")).into_response()),
        Err(error) if error.code() == Code::AppUnknown => return Err(error),
        Err(error) if error.status().is_client_error() => error,
        Err(error) => return Err(error),
    };
    let mut parts = app::parts(shared, session, app).await?;
    (parts.settings.name, parts.settings.problem) = (name, Some(sentence(refused.message())));
    let page = AppPage::new(Frame::new(session, Section::Apps), parts);
    super::html(refused.status(), &page)
}

/// One that renders hostile texts.
#[cfg(test)]
pub(super) fn sample() -> SettingsView {
    use crate::portal::sample;
    let setting = |name: &str, value: Option<&str>| AppSetting {
        name: name.parse().unwrap(),
        value: value.map(str::to_owned),
        secret: value.is_none(),
        granted: value.is_none(),
        changed_at: sample::now(),
    };
    let settings = vec![setting("API_KEY", None), setting("PLAIN", Some(sample::HOSTILE))];
    let mut grants = sample::grants();
    grants.settings.push("LATER".parse().unwrap());
    let app = sample::app();
    let mut view = SettingsView::new("csrf".into(), (&app, &grants), settings, sample::now());
    (view.name, view.problem) = (sample::HOSTILE.into(), Some(sample::HOSTILE.into()));
    view
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portal;

    #[test]
    fn settings_are_listed_with_what_is_missing_and_without_secrets() {
        let html = sample().render().unwrap();
        portal::sample::check(&html);
        let rows: Vec<_> = html.match_indices("data-setting=").collect();
        assert_eq!(rows.len(), 3, "{html}");
        for part in ["not set", ">secret<", "not named by version 2"] {
            assert!(html.contains(part), "{part} in {html}");
        }
    }
}
