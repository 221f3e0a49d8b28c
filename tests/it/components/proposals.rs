//! What components are given that is not WASI yet, over the same capabilities as native guests: `wasi:config` and
//! `wasi:keyvalue` in both its drafts. `wasi:logging` is tested with the [log](crate::capabilities).

use std::time::Duration;

use reqwest::Method;
use steading_tests::{Cluster, eventually, http, run};

use super::package;
use crate::setup::cluster;

/// A change reaches a worker on a busy machine within this.
const WITHIN: Duration = Duration::from_secs(30);

const GRANTS: &str = "[grants]\nsettings = [\"GREETING\"]\nkv = [\"default\"]\n";

/// A worker with the component under this manifest, as the app `guest`.
async fn serving(manifest: &str) -> Cluster {
    let cluster = cluster().workers(1).start().await;
    cluster.api().publish_ready("guest", &package("wasi02", manifest).await, 1).await;
    cluster
}

async fn ask(cluster: &Cluster, path: &str, headers: &[(&str, &str)]) -> String {
    let url = format!("{}/functions/guest/api/{path}", cluster.worker(0));
    let mut request = http::request(Method::GET, &url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    http::send(request).await.text()
}

/// What comes of an operation on the store `default`.
async fn keyvalue(cluster: &Cluster, operation: &str, key: &str, value: &str) -> String {
    let headers = [("store", "default"), ("key", key), ("value", value)];
    ask(cluster, &format!("keyvalue/{operation}"), &headers).await
}

async fn keyvalue_latest(cluster: &Cluster, operation: &str, key: &str, value: &str) -> String {
    let headers = [("store", "default"), ("key", key), ("value", value)];
    ask(cluster, &format!("keyvalue-latest/{operation}"), &headers).await
}

#[test]
fn the_settings_that_it_names_are_in_its_config_and_no_others() {
    run(async {
        let cluster = serving(GRANTS).await;
        assert_eq!(ask(&cluster, "settings", &[("name", "GREETING")]).await, "Ok(None) Ok(None)\n");
        let set = ["settings", "set", "guest", "GREETING=Good day", "OTHER=hidden"];
        cluster.steading().args(set).ended().await.succeeded();
        let wanted = "GREETING=Good day\nOk(Some(\"Good day\")) Ok(Some(\"Good day\"))\n";
        for name in ["GREETING", "greeting"] {
            eventually("the setting", WITHIN, || async {
                let text = ask(&cluster, "settings", &[("name", name)]).await;
                if text == wanted { Ok(()) } else { Err(text) }
            })
            .await;
        }
        let other = ask(&cluster, "settings", &[("name", "OTHER")]).await;
        assert_eq!(other, "GREETING=Good day\nOk(None) Ok(None)\n");
    });
}

#[test]
fn a_granted_store_is_read_and_written_one_entry_or_many_at_a_time() {
    run(async {
        let cluster = serving(GRANTS).await;
        for (operation, key, value, wanted) in [
            ("get", "a", "", "absent"),
            ("exists", "a", "", "false"),
            ("set", "a", "one", "set"),
            ("get", "a", "", "one"),
            ("exists", "a", "", "true"),
            ("delete", "a", "", "deleted"),
            ("delete", "a", "", "deleted"),
            ("get", "a", "", "absent"),
            ("increment", "n", "2", "2"),
            ("increment", "n", "40", "42"),
            ("get", "n", "", "42"),
            ("many", "", "", "[Some((\"one\", [49])), None, Some((\"two\", [50]))] 0"),
        ] {
            let text = keyvalue(&cluster, operation, key, value).await;
            assert_eq!(text, wanted, "{operation} {key} {value}");
        }
        // the store that other hosts have without a name
        let headers = [("store", ""), ("key", "n")];
        assert_eq!(ask(&cluster, "keyvalue/get", &headers).await, "42");
        let done = "steading_kv_operations_total{operation=\"increment\",outcome=\"ok\"}";
        assert!(http::metric(cluster.control(0), done).await >= 2.0);
    });
}

#[test]
fn the_later_draft_has_numbers_below_0_and_compare_and_set() {
    run(async {
        let cluster = serving(GRANTS).await;
        assert_eq!(keyvalue_latest(&cluster, "increment", "n", "-7").await, "-7");
        let below = keyvalue(&cluster, "increment", "n", "1").await;
        assert!(below.contains("is -6 now, below 0"), "{below}");
        let huge = keyvalue(&cluster, "increment", "n", "18446744073709551615").await;
        assert!(huge.contains("not a whole number of 64 bits"), "{huge}");
        assert_eq!(keyvalue_latest(&cluster, "increment", "n", "6").await, "0");

        let swapped = keyvalue_latest(&cluster, "swap", "a", "mine").await;
        assert_eq!(swapped, "absent meanwhile true mine");
        let swapped = keyvalue_latest(&cluster, "swap", "a", "mine again").await;
        assert_eq!(swapped, "mine meanwhile true mine again");
    });
}

#[test]
fn keys_are_listed_from_where_the_last_list_has_ended() {
    run(async {
        // a thousand operations, each of which is on disk before the next one
        let patient = format!("{GRANTS}[limits]\ndeadline_ms_max = 300000\n");
        let cluster = serving(&patient).await;
        assert_eq!(keyvalue(&cluster, "list", "", "").await, "0 None");
        assert_eq!(keyvalue(&cluster, "fill", "", "1005").await, "filled");
        assert_eq!(keyvalue(&cluster, "list", "", "").await, "1000 Some(1000)");
        assert_eq!(keyvalue(&cluster, "list", "", "1000").await, "5 None");
        assert_eq!(keyvalue(&cluster, "list", "", "3").await, "1000 Some(1003)");
        assert_eq!(keyvalue(&cluster, "list", "", "18446744073709551615").await, "0 None");
        assert_eq!(keyvalue_latest(&cluster, "list", "", "").await, "1000 Some(\"k00999\")");
        assert_eq!(keyvalue_latest(&cluster, "list", "", "k00999").await, "5 None");
    });
}

#[test]
fn a_component_of_0_3_has_the_same() {
    run(async {
        let cluster = cluster().workers(1).start().await;
        cluster.api().publish_ready("guest", &package("wasi03", GRANTS).await, 1).await;
        for sum in 1..=3 {
            let text = ask(&cluster, "proposals", &[]).await;
            assert_eq!(text, format!("None Ok(({sum}, 1))"));
        }
        eventually("the records of three calls", WITHIN, || async {
            let lines = cluster.worker_lines(0);
            let of_it = |line: &&String| line.contains("WARN") && line.contains("orders: warned");
            if lines.iter().filter(of_it).count() == 3 { Ok(()) } else { Err(lines.join("\n")) }
        })
        .await;
    });
}

#[test]
fn a_store_without_a_grant_is_denied_and_the_log_says_what_to_grant() {
    run(async {
        let cluster = serving(GRANTS).await;
        for path in ["keyvalue/get", "keyvalue-latest/increment"] {
            for (store, error) in [
                ("other", "AccessDenied"),
                ("No Such", "NoSuchStore"),
                ("redis://127.0.0.1:1/", "NoSuchStore"),
            ] {
                let text = ask(&cluster, path, &[("store", store)]).await;
                assert!(text.contains(error), "{path} {store}: {text}");
            }
        }
        let bare = serving("").await;
        let text = ask(&bare, "keyvalue/get", &[("store", "default"), ("key", "a")]).await;
        assert!(text.contains("AccessDenied"), "{text}");
        for (cluster, store) in [(&cluster, "other"), (&bare, "default")] {
            let told = format!("key-value store `{store}` refused: the app has no grant");
            eventually("the refusal in the log", WITHIN, || async {
                let lines = cluster.worker_lines(0);
                let is_told = lines.iter().any(|line| line.contains(&told));
                if is_told { Ok(()) } else { Err(lines.join("\n")) }
            })
            .await;
        }
    });
}

#[test]
fn what_goes_over_a_limit_is_an_error_and_ends_nothing() {
    run(async {
        let cluster = serving(GRANTS).await;
        let bad = keyvalue(&cluster, "get", "", "").await;
        assert!(bad.contains("a key has 1 to 256 bytes"), "{bad}");
        assert_eq!(keyvalue(&cluster, "set", "a", "word").await, "set");
        let word = keyvalue(&cluster, "increment", "a", "1").await;
        assert!(word.contains("not a whole number"), "{word}");
        assert_eq!(keyvalue(&cluster, "large", "", "5").await, "300000");
        let large = keyvalue(&cluster, "large", "", "300").await;
        assert!(large.contains("more than 16777216 bytes"), "{large}");
        let many = keyvalue(&cluster, "large", "", "1001").await;
        assert!(many.contains("1000 keys at most"), "{many}");
        let held = keyvalue_latest(&cluster, "hold", "a", "").await;
        assert!(held.contains("16 of `cas`"), "{held}");
        assert_eq!(keyvalue(&cluster, "get", "a", "").await, "word");
    });
}

#[test]
fn without_the_manager_a_store_gives_an_error_and_the_component_goes_on() {
    run(async {
        let mut cluster = serving(GRANTS).await;
        cluster.sigkill_manager().await;
        let text = keyvalue(&cluster, "get", "a", "").await;
        assert!(text.contains("the key-value store cannot be reached"), "{text}");
    });
}
