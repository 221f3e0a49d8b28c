//! The placements of one app: a fragment that keeps itself up to date.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;
use steading_protocol::api::{App, Placement};
use steading_protocol::{AppName, VersionNumber};

use super::AppPath;
use super::live::{Live, Poll};
use super::pill::Pill;
use super::view::Moment;
use crate::api;
use crate::auth::Session;
use crate::error::ApiError;
use crate::state::Shared;

/// The fragment.
#[derive(Template)]
#[template(path = "placements.html")]
pub(crate) struct Placements {
    app: AppName,
    newer: Option<u32>,
    rows: Vec<PlacementRow>,
}

struct PlacementRow {
    worker: String,
    worker_name: String,
    version: u32,
    state: &'static str,
    pill: Pill,
    detail: Option<String>,
    changed: Moment,
}

impl Placements {
    /// The placements of `app`, newest version first. `shown` is the version that the page around
    /// the fragment shows, `current` the one that the app has now.
    pub(crate) fn new(
        app: AppName,
        shown: VersionNumber,
        current: VersionNumber,
        mut placements: Vec<Placement>,
        now: Timestamp,
    ) -> Self {
        placements.sort_by(|a, b| (b.version, &a.worker_name).cmp(&(a.version, &b.worker_name)));
        let row = |placement: Placement| PlacementRow {
            worker: placement.worker.to_string(),
            worker_name: placement.worker_name,
            version: placement.version.0,
            state: placement.state.as_str(),
            pill: Pill::of_placement(placement.state),
            detail: placement.detail,
            changed: Moment::new(placement.changed_at, now),
        };
        Self {
            app,
            newer: (current > shown).then_some(current.0),
            rows: placements.into_iter().map(row).collect(),
        }
    }

    /// The fragment with its address.
    pub(crate) fn live(&self, shown: VersionNumber) -> Result<Live, askama::Error> {
        Live::new("placements", &format!("/live/apps/{}/placements?shown={shown}", self.app), self)
    }
}

/// What the page around the fragment shows.
#[derive(Deserialize)]
pub(crate) struct Shown {
    shown: VersionNumber,
}

/// `GET /live/apps/{app}/placements`.
pub(crate) async fn poll(
    State(shared): State<Arc<Shared>>,
    _: Session,
    AppPath(app): AppPath,
    Query(Shown { shown }): Query<Shown>,
    Query(poll): Query<Poll>,
) -> Result<Response, ApiError> {
    let app = api::app_of(&shared, &app).await?;
    of(&shared, &app, shown).await?.answer(&poll)
}

/// The fragment of an app on a page that shows version `shown`.
pub(super) async fn of(shared: &Shared, app: &App, shown: VersionNumber) -> Result<Live, ApiError> {
    let placements = shared.store.placement_list(Some(&app.app)).await?;
    let fragment = Placements::new(app.app.clone(), shown, app.version, placements, shared.now());
    Ok(fragment.live(shown)?)
}

#[cfg(test)]
mod tests {
    use steading_protocol::desired::PlacementState::{Failed, Ready};

    use super::*;
    use crate::portal::sample;

    fn rendered(current: u32) -> String {
        let placements = vec![sample::placement(1, Failed), sample::placement(2, Ready)];
        let current = VersionNumber(current);
        Placements::new(sample::name(), VersionNumber(2), current, placements, sample::now())
            .render()
            .unwrap()
    }

    #[test]
    fn a_placement_shows_its_state_and_why_it_failed() {
        let html = rendered(2);
        sample::check(&html);
        let (ready, failed) =
            (html.find("data-placement-state=\"ready\""), html.find("=\"failed\""));
        assert!(ready.unwrap() < failed.unwrap(), "the newest version comes first: {html}");
        assert!(html.contains("class=\"detail\""), "{html}");
        assert!(!html.contains("has been published"), "{html}");
    }

    #[test]
    fn a_version_published_meanwhile_is_named() {
        assert!(rendered(3).contains("Version 3 has been published."));
    }
}
