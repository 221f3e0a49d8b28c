//! More callers than there is room for.

use std::net::Ipv4Addr;

use steading_tests::{Raw, http, run};

use super::{ANSWER, STEADY};
use crate::setup::{built, cluster};

#[test]
fn one_connection_too_many_is_answered_at_once_and_the_others_go_on() {
    run(async {
        let tables = "[server]\nconnections_max = 4\n";
        let cluster = cluster().workers(1).worker_tables(tables).start().await;
        cluster.api().publish_ready("guests", &built("tests/guests").await, 1).await;
        let mut held = vec![];
        for _ in 0..4 {
            let mut raw = Raw::connect(cluster.worker(0)).await;
            raw.send(STEADY).await;
            raw.until(ANSWER).await;
            held.push(raw);
        }
        for _ in 0..20 {
            let mut refused = Raw::connect(cluster.worker(0)).await;
            refused.send(STEADY).await;
            let seen = refused.until_closed().await;
            assert!(seen.starts_with("HTTP/1.1 503 "), "{seen}");
            assert!(seen.contains("retry-after: 1") && seen.contains("connections_full"), "{seen}");
            assert!(seen.contains("x-steading-refused: connections_full\r\n"), "{seen}");
        }
        for raw in &mut held {
            raw.send(STEADY).await;
            raw.until(ANSWER).await;
        }
        held.pop();
        let url = format!("{}/functions/guests/api/steady", cluster.worker(0));
        steading_tests::eventually(
            "the place that became free",
            std::time::Duration::from_secs(10),
            || async {
                match http::try_send(http::request(reqwest::Method::GET, &url)).await {
                    Ok(reply) if reply.text() == ANSWER => Ok(()),
                    other => Err(format!("{other:?}")),
                }
            },
        )
        .await;
        let metrics = http::get(&format!("{}/metrics", cluster.control(0))).await.text();
        assert!(
            metrics.contains("steading_requests_refused_total{code=\"connections_full\"}"),
            "{metrics}"
        );
    });
}

#[test]
fn an_address_has_its_share_of_connections_and_another_one_gets_in() {
    run(async {
        let tables = "[server]\nconnections_per_address_max = 3\n";
        let cluster = cluster().workers(1).worker_tables(tables).start().await;
        cluster.api().publish_ready("guests", &built("tests/guests").await, 1).await;
        let connect = |last| Raw::connect_from(cluster.worker(0), Ipv4Addr::new(127, 0, 0, last));
        let mut held = vec![];
        for _ in 0..3 {
            let mut raw = connect(2).await;
            raw.send(STEADY).await;
            raw.until(ANSWER).await;
            held.push(raw);
        }
        let mut refused = connect(2).await;
        refused.send(STEADY).await;
        let seen = refused.until_closed().await;
        assert!(seen.starts_with("HTTP/1.1 503 "), "{seen}");
        assert!(seen.contains("address_connections_full") && seen.contains("retry-after: 1"));
        let mut other = connect(3).await;
        other.send(STEADY).await;
        other.until(ANSWER).await;
        let metrics = http::get(&format!("{}/metrics", cluster.control(0))).await.text();
        let counted = "steading_requests_refused_total{code=\"address_connections_full\"} 1";
        assert!(metrics.contains(counted), "{metrics}");
    });
}
