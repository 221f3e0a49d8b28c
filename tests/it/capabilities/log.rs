//! The log of a function: records with a level, from every kind of guest that has them, and its end.

use std::time::Duration;

use steading_tests::{Cluster, eventually, http, packages, run};

use crate::setup::{built, cluster};

const SOON: Duration = Duration::from_secs(10);

/// A native guest, and a component with `wasi:logging`; both do the same.
const GUESTS: [&str; 2] = ["native", "wasi02"];

async fn serving() -> Cluster {
    let cluster = cluster().workers(1).start().await;
    for guest in GUESTS {
        let module = match guest {
            "native" => packages::module_of(&built("tests/guests").await),
            component => packages::component(component).await,
        };
        cluster.api().publish_ready(guest, &module, 1).await;
    }
    cluster
}

/// The records of a call in the worker's log, when they have this one among them.
async fn records(cluster: &Cluster, guest: &str, path: &str, last: &str) -> Vec<String> {
    let url = format!("{}/functions/{guest}/api/{path}", cluster.worker(0));
    let reply = http::get(&url).await;
    assert_eq!(reply.text(), "logged", "{guest}");
    let invocation = reply.header("x-steading-invocation").to_owned();
    eventually("the records of the call", SOON, || async {
        let lines = cluster.worker_lines(0).into_iter();
        let records: Vec<_> = lines.filter(|line| line.contains(&invocation)).collect();
        let all = records.iter().any(|record| record.contains(last));
        if all { Ok(records) } else { Err(records.join("\n")) }
    })
    .await
}

#[test]
pub(crate) fn records_have_the_levels_that_their_function_gave_them() {
    run(async {
        let cluster = serving().await;
        for guest in GUESTS {
            let last = if guest == "native" { "orders: failed" } else { "alone" };
            let records = records(&cluster, guest, "levels", last).await;
            let mut wanted = vec![
                ("INFO", "orders: informed"),
                ("WARN", "orders: warned"),
                ("ERROR", "orders: failed"),
            ];
            if guest != "native" {
                // what the SDK has not; nothing stands before a record without a context
                wanted.extend([("ERROR", "orders: lost"), ("INFO", "alone")]);
            }
            for (level, text) in wanted {
                let found = records.iter().find(|record| record.contains(text));
                let found = found.unwrap_or_else(|| panic!("{guest}: `{text}` in {records:?}"));
                assert!(found.contains(level) && found.contains("steading::guest"), "{found}");
            }
            let quiet = |record: &String| record.contains("debugged") || record.contains("traced");
            assert!(!records.iter().any(quiet), "{guest}: {records:?}");
        }
    });
}

#[test]
fn a_flood_of_records_is_cut_off_and_the_log_says_so() {
    run(async {
        let cluster = serving().await;
        for guest in GUESTS {
            let end = "Log of this invocation is cut off";
            let records = records(&cluster, guest, "levels/200", end).await;
            let bytes: usize = records.iter().map(|record| record.matches('x').count()).sum();
            assert!((60 << 10..=65 << 10).contains(&bytes), "{guest}: {bytes} bytes are left");
        }
    });
}
