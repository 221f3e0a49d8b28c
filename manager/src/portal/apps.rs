//! `/`: the apps, and the form that publishes one.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use steading_protocol::AppName;
use steading_protocol::api::{App, Placement};

use super::live::{Live, Poll};
use super::pill::Pill;
use super::upload::UploadForm;
use super::view::{Frame, Section};
use crate::auth::Session;
use crate::error::ApiError;
use crate::state::Shared;

/// The page.
#[derive(Template)]
#[template(path = "apps.html")]
pub(crate) struct AppsPage {
    pub(crate) frame: Frame,
    pub(crate) list: Live,
    pub(crate) upload: UploadForm,
}

/// The table of apps, which keeps itself up to date.
#[derive(Template)]
#[template(path = "apps_list.html")]
pub(crate) struct AppList {
    rows: Vec<AppRow>,
}

struct AppRow {
    app: AppName,
    version: u32,
    default: bool,
    functions: usize,
    placements: Pill,
}

impl AppList {
    /// The apps with what their current versions hold and where they are.
    pub(crate) fn new(
        apps: Vec<App>,
        functions: &BTreeMap<AppName, usize>,
        placements: &[Placement],
    ) -> Self {
        let row = |app: App| {
            let own: Vec<_> = placements.iter().filter(|p| p.app == app.app).cloned().collect();
            AppRow {
                version: app.version.0,
                default: app.default,
                functions: functions.get(&app.app).copied().unwrap_or_default(),
                placements: Pill::of_app(app.version, &own),
                app: app.app,
            }
        };
        Self { rows: apps.into_iter().map(row).collect() }
    }
}

/// `GET /`.
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    session: Session,
) -> Result<Response, ApiError> {
    page(&shared, &session, StatusCode::OK, String::new(), None).await
}

/// `GET /live/apps`.
pub(crate) async fn poll(
    State(shared): State<Arc<Shared>>,
    _: Session,
    Query(poll): Query<Poll>,
) -> Result<Response, ApiError> {
    list(&shared).await?.answer(&poll)
}

/// The page with what came of an upload; `app` is the name in its form.
pub(super) async fn page(
    shared: &Shared,
    session: &Session,
    status: StatusCode,
    app: String,
    outcome: Option<String>,
) -> Result<Response, ApiError> {
    let page = AppsPage {
        frame: Frame::new(session, Section::Apps),
        list: list(shared).await?,
        upload: UploadForm::new(shared.settings.package.bytes_max, app, outcome),
    };
    super::html(status, &page)
}

async fn list(shared: &Shared) -> Result<Live, ApiError> {
    let apps = shared.store.app_list().await?;
    let placements = shared.store.placement_list(None).await?;
    let mut functions = BTreeMap::new();
    for app in &apps {
        if let Some(version) = shared.store.version_get(&app.app, app.version).await? {
            functions.insert(app.app.clone(), version.functions.len());
        }
    }
    Ok(Live::new("app-list", "/live/apps", &AppList::new(apps, &functions, &placements))?)
}

#[cfg(test)]
mod tests {
    use steading_protocol::desired::PlacementState;

    use super::*;
    use crate::portal::sample;

    #[test]
    fn the_list_shows_each_app_with_its_state() {
        let functions = [(sample::name(), 3)].into_iter().collect();
        let placements = [sample::placement(2, PlacementState::Ready)];
        let list = AppList::new(vec![sample::app()], &functions, &placements);
        let page = AppsPage {
            frame: sample::frame(),
            list: Live::new("app-list", "/live/apps", &list).unwrap(),
            upload: UploadForm::new(100 << 20, sample::HOSTILE.into(), None),
        };
        let html = page.render().unwrap();
        sample::check(&html);
        for part in ["data-app=\"orders\"", "ready on 1 of 1", ">default<", "id=\"upload-file\""] {
            assert!(html.contains(part), "{part} in {html}");
        }
    }

    #[test]
    fn without_apps_the_page_says_how_to_publish() {
        let html = AppList::new(vec![], &BTreeMap::new(), &[]).render().unwrap();
        assert!(html.contains("steading publish"), "{html}");
    }
}
