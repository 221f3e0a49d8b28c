//! An operator's ceilings: what a manifest asks for beyond them is not loaded, a default is lowered.

use std::time::Duration;

use reqwest::StatusCode;
use steading_protocol::desired::PlacementState;
use steading_tests::{eventually, http, packages, run};

use crate::setup::{built, cluster};

#[test]
fn a_manifest_over_a_ceiling_is_not_loaded_and_a_default_is_lowered() {
    run(async {
        let tables = "[ceilings]\ndeadline_ms_max = 500\n[engine]\nmemory_mib_max = 64\n";
        let cluster = cluster().workers(1).worker_tables(tables).start().await;
        let guests = packages::module_of(&built("tests/guests").await);
        for (app, asked, message) in [
            (
                "long",
                "deadline_ms_max = 501",
                "limits.deadline_ms_max = 501; this worker allows 500",
            ),
            ("large", "memory_mib_max = 65", "limits.memory_mib_max = 65; this worker allows 64"),
        ] {
            let manifest = format!("[functions.slow.limits]\n{asked}\n");
            let files: [(&str, &[u8]); 2] =
                [("a.wasm", &guests), ("steading.toml", manifest.as_bytes())];
            let published = cluster.api().publish(app, &packages::zipped(&files)).await;
            published.unwrap_or_else(|refusal| panic!("{refusal}"));
            eventually("the placement to fail", Duration::from_secs(60), || async {
                let placements = cluster.api().placements(app).await;
                let Some(placement) = placements.first() else { return Err("none yet".into()) };
                let detail = placement.detail.clone().unwrap_or_default();
                let named = detail == format!("function `slow` asks for {message}");
                if named && placement.state == PlacementState::Failed {
                    Ok(())
                } else {
                    Err(detail)
                }
            })
            .await;
        }

        cluster.api().publish_ready("modest", &guests, 1).await;
        let api = format!("{}/functions/modest/api", cluster.worker(0));
        let late = http::get(&format!("{api}/slow?ms=3000")).await.problem();
        assert_eq!((late.status, late.code.as_str()), (504, "deadline_exceeded"));
        assert!(late.title.contains("500 ms"), "{late:?}");
        assert_eq!(http::get(&format!("{api}/slow?ms=1")).await.status, StatusCode::OK);
        let large = http::get(&format!("{api}/grow")).await.problem();
        assert!(large.title.contains("64 MiB"), "{large:?}");
    });
}
