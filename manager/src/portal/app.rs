//! `/apps/{app}`: one app with its functions, placements, versions and test pane.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use jiff::Timestamp;
use serde::Deserialize;
use steading_protocol::api::{App, RolloutRequest, Version, WorkerState};
use steading_protocol::{AppName, VersionNumber};

use super::AppPath;
use super::function::FunctionView;
use super::grants::GrantsView;
use super::live::Live;
use super::placements;
use super::settings::{self, SettingsView};
use super::test_pane::TestPane;
use super::view::{Frame, Moment, Section, bytes, counted};
use crate::api;
use crate::auth::Session;
use crate::error::ApiError;
use crate::state::Shared;

/// The page.
#[derive(Template)]
#[template(path = "app.html")]
pub(crate) struct AppPage {
    frame: Frame,
    app: AppName,
    version: u32,
    default: bool,
    hosts: Vec<String>,
    test: TestPane,
    placements: Live,
    grants: GrantsView,
    settings: SettingsView,
    versions: Vec<VersionView>,
    delete_problem: Option<String>,
}

/// What the page is made of, as the store and the API give it.
pub(crate) struct AppParts {
    pub(crate) app: App,
    pub(crate) versions: Vec<Version>,
    pub(crate) placements: Live,
    pub(crate) test: TestPane,
    pub(crate) settings: SettingsView,
    /// Why a delete was refused, just now.
    pub(crate) delete_problem: Option<String>,
    pub(crate) now: Timestamp,
}

struct VersionView {
    version: u32,
    current: bool,
    /// How far it is, when it is on its way.
    rollout: Option<&'static str>,
    /// What bringing it into service is called.
    serve: &'static str,
    published: Moment,
    size: String,
    functions: String,
    package: String,
    package_short: String,
}

impl AppPage {
    pub(crate) fn new(frame: Frame, parts: AppParts) -> Self {
        let AppParts { app, versions, placements, test, settings, delete_problem, now } = parts;
        let grants = GrantsView::new(&app, &versions);
        let rollout = app.rollout.clone();
        let versions = versions.into_iter().map(|version| VersionView {
            version: version.version.0,
            current: version.version == app.version,
            rollout: rollout
                .as_ref()
                .filter(|r| r.version == version.version)
                .map(|r| r.state.as_str()),
            serve: if version.version < app.version { "Go back to it" } else { "Roll it out" },
            published: Moment::new(version.published_at, now),
            size: bytes(version.size_bytes),
            functions: counted(version.functions.len() as u64, "function"),
            package_short: version.package.short().to_owned(),
            package: version.package.to_string(),
        });
        Self {
            frame,
            version: app.version.0,
            default: app.default,
            hosts: app.hosts,
            app: app.app,
            test,
            placements,
            grants,
            settings,
            versions: versions.collect(),
            delete_problem,
        }
    }
}

/// `GET /apps/{app}`.
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    session: Session,
    AppPath(app): AppPath,
) -> Result<Response, ApiError> {
    let parts = parts(&shared, &session, &app).await?;
    super::html(StatusCode::OK, &AppPage::new(Frame::new(&session, Section::Apps), parts))
}

/// `POST /apps/{app}/default`.
pub(crate) async fn make_default(
    State(shared): State<Arc<Shared>>,
    _: Session,
    AppPath(app): AppPath,
) -> Result<Response, ApiError> {
    api::make_default(&shared, &app).await?;
    Ok(Redirect::to(&format!("/apps/{app}")).into_response())
}

/// What the button beside a version sends.
#[derive(Deserialize)]
pub(crate) struct ServeForm {
    version: VersionNumber,
}

/// `POST /apps/{app}/serve`: back to an earlier version at once, or a later one rolled out.
pub(crate) async fn serve(
    State(shared): State<Arc<Shared>>,
    _: Session,
    AppPath(app): AppPath,
    Form(ServeForm { version }): Form<ServeForm>,
) -> Result<Response, ApiError> {
    if version < api::app_of(&shared, &app).await?.version {
        api::roll_back(&shared, &app, Some(version)).await?;
    } else {
        api::roll_out(&shared, &app, RolloutRequest { version, percent: 100 }).await?;
    }
    Ok(Redirect::to(&format!("/apps/{app}")).into_response())
}

/// `POST /apps/{app}/rollout/end`: the version in service gets all calls.
pub(crate) async fn end_rollout(
    State(shared): State<Arc<Shared>>,
    _: Session,
    AppPath(app): AppPath,
) -> Result<Response, ApiError> {
    api::end_rollout(&shared, &app).await?;
    Ok(Redirect::to(&format!("/apps/{app}")).into_response())
}

/// What the delete form sends.
#[derive(Deserialize)]
pub(crate) struct DeleteForm {
    confirm: String,
}

/// `POST /apps/{app}/delete`: only with the app's name typed.
pub(crate) async fn delete(
    State(shared): State<Arc<Shared>>,
    session: Session,
    AppPath(app): AppPath,
    Form(form): Form<DeleteForm>,
) -> Result<Response, ApiError> {
    if form.confirm.trim() != app.as_str() {
        let mut parts = parts(&shared, &session, &app).await?;
        parts.delete_problem = Some("That is not the name of this app.".into());
        let page = AppPage::new(Frame::new(&session, Section::Apps), parts);
        return super::html(StatusCode::UNPROCESSABLE_ENTITY, &page);
    }
    api::remove_app(&shared, &app).await?;
    Ok(Redirect::to("/").into_response())
}

/// Everything that an app's page shows.
pub(super) async fn parts(
    shared: &Shared,
    session: &Session,
    name: &AppName,
) -> Result<AppParts, ApiError> {
    let app = api::app_of(shared, name).await?;
    let functions = api::functions_of(shared, name).await?;
    let choices = functions.iter().map(FunctionView::new).collect();
    let workers = shared.store.worker_list().await?;
    let live = workers.into_iter().filter(|worker| worker.state == WorkerState::Live);
    let workers = live.map(|worker| (worker.worker, worker.name)).collect();
    let csrf = session.csrf.expose().to_owned();
    let versions = shared.store.version_list(name).await?;
    Ok(AppParts {
        settings: settings::of(shared, session, &app, &versions).await?,
        versions,
        placements: placements::of(shared, &app, app.version).await?,
        test: TestPane::new(csrf, name.clone(), choices, workers),
        app,
        delete_problem: None,
        now: shared.now(),
    })
}

#[cfg(test)]
mod tests {
    use steading_protocol::desired::PlacementState;

    use super::*;
    use crate::portal::sample;

    #[test]
    fn the_page_shows_functions_versions_placements_and_the_test_pane() {
        let placements = vec![sample::placement(2, PlacementState::Failed)];
        let app = sample::app();
        let (name, version) = (app.app.clone(), app.version);
        let fragment = placements::Placements::new(&app, version, placements, sample::now());
        let workers = vec![("w-1".parse().unwrap(), sample::HOSTILE.to_owned())];
        let choices = vec![FunctionView::new(&sample::function())];
        let parts = AppParts {
            app,
            versions: vec![sample::version(2), sample::version(1)],
            placements: fragment.live(version).unwrap(),
            test: TestPane::new("csrf".into(), name, choices, workers),
            settings: settings::sample(),
            delete_problem: Some(sample::HOSTILE.into()),
            now: sample::now(),
        };
        let html = AppPage::new(sample::frame(), parts).render().unwrap();
        sample::check(&html);
        for part in [
            "/api/orders/{id}/items/{item?}",
            "data-copy=\"http://10.0.0.7:7071/api/orders/{id}\"",
            "data-version=\"1\"",
            "data-placement-state=\"failed\"",
            "id=\"test-run\"",
            "value=\"orders/{id}/items\"",
            "47 KiB",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
    }
}
