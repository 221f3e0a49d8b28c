//! A new version while callers call.

use std::time::Duration;

use steading_protocol::VersionNumber;
use steading_tests::{Load, eventually, http, packages, run};

use crate::setup::{built, cluster};

/// The bodies of the two versions of the guest `steady`.
const FIRST: &str = "the steady guest, version 1";
const SECOND: &str = "the steady guest, version 2";

#[test]
pub(crate) fn version_2_takes_over_under_load_with_no_failed_request() {
    run(async {
        let cluster = cluster().workers(2).start().await;
        let guests = packages::module_of(&built("tests/guests").await);
        let api = cluster.api();
        assert_eq!(api.publish_ready("app", &guests, 2).await, VersionNumber(1));

        let urls = cluster.workers().into_iter().map(|worker| format!("{worker}/api/steady"));
        let urls: Vec<String> = urls.collect();
        let loads: Vec<Load> = urls.iter().map(Load::start).collect();
        let second = packages::steady(&guests, 2);
        assert_eq!(api.publish_ready("app", &second, 2).await, VersionNumber(2));
        for url in &urls {
            eventually("version 2 to answer", Duration::from_secs(10), || async {
                let text = http::get(url).await.text();
                if text == SECOND { Ok(()) } else { Err(text) }
            })
            .await;
        }

        for (load, url) in loads.into_iter().zip(&urls) {
            let report = load.stop().await;
            report.assert_no_failure(url);
            let bodies: Vec<&str> = report.replies.keys().map(String::as_str).collect();
            assert_eq!(
                bodies,
                [FIRST, SECOND],
                "both versions were seen at {url}, and nothing else"
            );
        }
    });
}
