//! The placements of one app: a fragment that keeps itself up to date.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;
use steading_protocol::api::{App, Placement, Rollout, RolloutState};
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
    /// A version on its way, in words, and whether it was stopped.
    rollout: Option<(String, bool)>,
    rows: Vec<PlacementRow>,
}

struct PlacementRow {
    worker: String,
    worker_name: String,
    version: u32,
    /// Its share of the calls, when it is not all.
    share: Option<u8>,
    state: &'static str,
    pill: Pill,
    detail: Option<String>,
    changed: Moment,
}

impl Placements {
    /// The placements of `app`, newest version first. `shown` is the version that the page around
    /// the fragment shows.
    pub(crate) fn new(
        app: &App,
        shown: VersionNumber,
        mut placements: Vec<Placement>,
        now: Timestamp,
    ) -> Self {
        placements.sort_by(|a, b| (b.version, &a.worker_name).cmp(&(a.version, &b.worker_name)));
        let row = |placement: Placement| PlacementRow {
            worker: placement.worker.to_string(),
            worker_name: placement.worker_name,
            version: placement.version.0,
            share: placement.percent.filter(|percent| *percent < 100),
            state: placement.state.as_str(),
            pill: Pill::of_placement(placement.state),
            detail: placement.detail,
            changed: Moment::new(placement.changed_at, now),
        };
        Self {
            newer: (app.version > shown).then_some(app.version.0),
            rollout: app.rollout.as_ref().map(|rollout| in_words(rollout, app.version)),
            app: app.app.clone(),
            rows: placements.into_iter().map(row).collect(),
        }
    }

    /// The fragment with its address.
    pub(crate) fn live(&self, shown: VersionNumber) -> Result<Live, askama::Error> {
        Live::new("placements", &format!("/live/apps/{}/placements?shown={shown}", self.app), self)
    }
}

/// What a roll-out is doing, and whether it was stopped.
fn in_words(rollout: &Rollout, current: VersionNumber) -> (String, bool) {
    let (version, percent) = (rollout.version, rollout.percent);
    let why = rollout.detail.as_deref().unwrap_or_default();
    match rollout.state {
        RolloutState::Rolling if why.is_empty() => (
            format!(
                "Version {version} is being rolled out; version {current} answers until it is ready everywhere."
            ),
            false,
        ),
        RolloutState::Rolling => (format!("Version {version} waits: {why}."), false),
        RolloutState::Split => (
            format!(
                "Version {version} answers {percent} % of the calls, version {current} the rest."
            ),
            false,
        ),
        RolloutState::Stopped => {
            (format!("Version {version} was stopped, and version {current} serves on. {why}"), true)
        }
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
    let fragment = Placements::new(app, shown, placements, shared.now());
    Ok(fragment.live(shown)?)
}

#[cfg(test)]
mod tests {
    use steading_protocol::desired::PlacementState::{Failed, Ready};

    use super::*;
    use crate::portal::sample;

    fn rendered(current: u32) -> String {
        let placements = vec![sample::placement(1, Failed), sample::placement(2, Ready)];
        let app = App { version: VersionNumber(current), ..sample::app() };
        Placements::new(&app, VersionNumber(2), placements, sample::now()).render().unwrap()
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
    fn a_roll_out_is_told_with_what_stopped_it() {
        let told = |state, percent| {
            let version = VersionNumber(3);
            let detail = (state == RolloutState::Stopped).then(|| sample::HOSTILE.to_owned());
            let rollout = Some(Rollout { version, percent, state, detail });
            let app = App { rollout, ..sample::app() };
            let html = Placements::new(&app, VersionNumber(2), vec![], sample::now()).render();
            html.unwrap()
        };
        assert!(told(RolloutState::Rolling, 100).contains("Version 3 is being rolled out"));
        assert!(told(RolloutState::Split, 10).contains("Version 3 answers 10 % of the calls"));
        let stopped = told(RolloutState::Stopped, 100);
        sample::check(&stopped);
        assert!(stopped.contains("Version 3 was stopped") && stopped.contains("role=\"alert\""));
    }

    #[test]
    fn a_version_published_meanwhile_is_named() {
        assert!(rendered(3).contains("Version 3 has been published."));
    }
}
