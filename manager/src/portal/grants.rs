//! What an app may reach, and what the version that is on its way changes about that: a fragment of the
//! app's page.

use askama::Template;
use steading_protocol::VersionNumber;
use steading_protocol::api::{App, Version};

use super::view::{self, Span};

/// The fragment.
#[derive(Template)]
#[template(path = "grants.html")]
pub(crate) struct GrantsView {
    version: u32,
    lines: Vec<Vec<Span>>,
    changes: Vec<Change>,
}

struct Change {
    text: String,
    lines: Vec<Vec<Span>>,
}

impl GrantsView {
    pub(crate) fn new(app: &App, versions: &[Version]) -> Self {
        let of = |number: VersionNumber| versions.iter().find(|v| v.version == number);
        let current = of(app.version).map(|version| version.grants.clone()).unwrap_or_default();
        let mut changes = vec![];
        if let Some(coming) = app.rollout.as_ref().and_then(|rollout| of(rollout.version)) {
            let number = coming.version;
            for (text, lines) in [
                (format!("Version {number} adds:"), coming.grants.beyond(&current)),
                (format!("Version {number} gives up:"), current.beyond(&coming.grants)),
            ] {
                if !lines.is_empty() {
                    changes.push(Change { text, lines: spans(&lines) });
                }
            }
        }
        Self { version: app.version.0, lines: spans(&current.lines()), changes }
    }
}

fn spans(lines: &[String]) -> Vec<Vec<Span>> {
    lines.iter().map(|line| view::spans(line)).collect()
}

#[cfg(test)]
mod tests {
    use steading_protocol::api::{Rollout, RolloutState};
    use steading_protocol::{Grants, Reuse};

    use super::*;
    use crate::portal::sample;

    #[test]
    fn what_a_coming_version_changes_is_told_before_it_is_in_service() {
        let mut coming = sample::version(3);
        coming.grants = Grants { kv: vec!["more".parse().unwrap()], ..Grants::default() };
        let (number, state) = (coming.version, RolloutState::Rolling);
        let rollout = Some(Rollout { version: number, percent: 10, state, detail: None });
        let app = App { rollout, ..sample::app() };
        let versions = [coming, sample::version(2)];
        let html = GrantsView::new(&app, &versions).render().unwrap();
        for part in [
            "Version 2 may reach",
            "<code>API_KEY</code>",
            "Version 3 adds",
            "<code>more</code>",
            "Version 3 gives up",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
        let mut reusing = sample::version(2);
        reusing.grants = Grants { reuse: Some(Reuse::default()), ..Grants::default() };
        let html = GrantsView::new(&sample::app(), &[reusing]).render().unwrap();
        assert!(html.contains("an instance serves up to 128, and waits 1000 ms"), "{html}");
        let html = GrantsView::new(&sample::app(), &[]).render().unwrap();
        assert!(html.contains("reaches nothing"), "{html}");
    }
}
