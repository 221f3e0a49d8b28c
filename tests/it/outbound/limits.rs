//! What bounds a request that a function sends: its deadline, and the worker's limits.

use std::time::Duration;

use reqwest::Method;
use steading_tests::{Host, eventually, http, run};

use super::{GUESTS, LIMITS, assert_error, fetch, fetched, serving, url};

const SOON: Duration = Duration::from_secs(10);

/// Waits until so many requests wait for the host.
async fn waited_for(host: &Host, by: usize) {
    eventually(&format!("{by} requests to wait"), SOON, || async {
        match host.waiting() {
            waiting if waiting == by => Ok(()),
            waiting => Err(waiting),
        }
    })
    .await;
}

#[test]
fn a_host_that_is_too_slow_costs_the_function_its_deadline_and_loses_the_connection() {
    run(async {
        let host = Host::open().await;
        let limits = "[limits]\ndeadline_ms_max = 700\n";
        let cluster = serving(limits, &format!("'{}'", url(&host, "")), "").await;
        for (sent, guest) in (1..).zip(GUESTS) {
            let reply = fetched(&cluster, guest, &url(&host, "/v1/slow")).await;
            assert_eq!(reply.problem().code, "deadline_exceeded", "{guest}");
            waited_for(&host, 0).await;
            assert_eq!(host.requests(), sent, "{guest}");
        }
        http::metric_becomes(cluster.control(0), "steading_outbound_connections ", 0.0, SOON).await;
    });
}

#[test]
fn a_function_may_be_less_patient_than_its_deadline() {
    run(async {
        let host = Host::open().await;
        let cluster = serving(LIMITS, &format!("'{}'", url(&host, "")), "").await;
        let at = format!("{}/functions/native/api/fetch", cluster.worker(0));
        let request = http::request(Method::GET, &at).header("url", url(&host, "/v1/slow"));
        assert_eq!(http::send(request.header("timeout-ms", "100")).await.text(), "TimedOut");
        waited_for(&host, 0).await;
    });
}

#[test]
fn a_caller_that_goes_away_ends_what_the_function_waits_for() {
    run(async {
        let host = Host::open().await;
        let cluster = serving(LIMITS, &format!("'{}'", url(&host, "")), "").await;
        for guest in GUESTS {
            let at = format!("{}/functions/{guest}/api/fetch", cluster.worker(0));
            let request = http::request(Method::GET, &at).header("url", url(&host, "/v1/slow"));
            let call = tokio::spawn(http::try_send(request));
            waited_for(&host, 1).await;
            call.abort();
            waited_for(&host, 0).await;
        }
    });
}

#[test]
fn an_invocation_sends_and_receives_no_more_than_the_worker_allows() {
    run(async {
        let host = Host::open().await;
        let worker = "[outbound]\ninvocation_mib_max = 1\n";
        let cluster = serving(LIMITS, &format!("'{}'", url(&host, "")), worker).await;
        let long = |bytes: u32| url(&host, &format!("/v1/long?bytes={bytes}"));
        for guest in GUESTS {
            let text = fetch(&cluster, guest, &long(1_000_000)).await;
            assert!(text.contains("xxx"), "{guest}: {} bytes", text.len());
            let text = fetch(&cluster, guest, &long(3_000_000)).await;
            assert!(text.len() < 2 << 20, "{guest}: {} bytes", text.len());
            if guest == "native" {
                assert_eq!(text, "200\nLimitReached");
            }
        }
        let told = |line: &String| line.contains("has sent and received its 1 MiB");
        assert!(cluster.worker_lines(0).iter().any(told), "{:#?}", cluster.worker_lines(0));
    });
}

#[test]
fn connections_of_an_app_have_a_limit_and_the_next_request_hears_so_at_once() {
    run(async {
        let host = Host::open().await;
        let worker = "[outbound]\napp_connections_max = 1\n";
        let cluster = serving(LIMITS, &format!("'{}'", url(&host, "")), worker).await;
        for guest in GUESTS {
            let at = format!("{}/functions/{guest}/api/fetch", cluster.worker(0));
            let request = http::request(Method::GET, &at).header("url", url(&host, "/v1/slow"));
            let call = tokio::spawn(http::try_send(request));
            waited_for(&host, 1).await;
            let text = fetch(&cluster, guest, &url(&host, "/v1/hello")).await;
            assert_error(guest, &text, ("ConnectionLimitReached", "LimitReached"));
            call.abort();
            waited_for(&host, 0).await;
        }
    });
}
