//! Where requests may go, and what the guest and the operator hear of those that may not.

use std::time::Duration;

use reqwest::Method;
use sha2::{Digest as _, Sha256};
use steading_tests::{Host, eventually, http, run};

use super::{DENIED, GUESTS, LIMITS, PROHIBITED, assert_error, fetch, fetched, serving, url};

#[test]
pub(crate) fn a_granted_host_answers_every_kind_of_guest() {
    run(async {
        let host = Host::open().await;
        let cluster = serving(LIMITS, &format!("'{}'", url(&host, "/v1")), "").await;
        for guest in GUESTS {
            let text = fetch(&cluster, guest, &url(&host, "/v1/hello")).await;
            let expected = format!("200\nhello from 127.0.0.1:{}", host.port());
            assert!(text.starts_with(&expected), "{guest}: {text}");
            // an address is the same in any spelling
            let spelt = url(&host, "/v1/hello").replace("127.0.0.1", "0x7f.1");
            assert!(fetch(&cluster, guest, &spelt).await.starts_with(&expected), "{guest}");
        }
        assert_eq!(host.requests(), 6);
        let sent =
            http::metric(cluster.control(0), "steading_outbound_requests_total{outcome=\"ok\"}");
        assert_eq!(sent.await, 6.0);
        http::metric_becomes(cluster.control(0), "steading_outbound_connections ", 0.0, SOON).await;
    });
}

const SOON: Duration = Duration::from_secs(10);

#[test]
fn bodies_of_several_hosts_are_hashed_and_the_one_that_is_not_granted_is_named() {
    run(async {
        let (one, other) = (Host::open().await, Host::open().await);
        let granted = [&one, &other].map(|host| format!("'{}'", url(host, "/v1/")));
        let cluster = serving(LIMITS, &granted.join(", "), "").await;
        let bodies = [("stock", "{\"count\":7}"), ("prices", "{\"cents\":1250}")];
        for guest in ["wasi02", "wasi03"] {
            let at = format!("{}/functions/{guest}/api/hash-all", cluster.worker(0));
            let mut request = http::request(Method::GET, &at);
            let mut expected = vec![];
            for (host, (kind, body)) in [&one, &other].into_iter().zip(bodies) {
                let url = url(host, &format!("/v1/{kind}/mug-blue.json"));
                expected.push(format!("{url}: {:x}", Sha256::digest(body)));
                request = request.header("url", url);
            }
            let forbidden = url(&one, "/v2/hello");
            expected.push(format!("{forbidden}: ErrorCode::HttpRequestDenied"));
            let text = http::send(request.header("url", forbidden)).await.text();
            assert_eq!(text.lines().collect::<Vec<_>>(), expected, "{guest}");
        }
    });
}

#[test]
fn a_body_passes_both_ways_while_it_is_sent() {
    run(async {
        let host = Host::open().await;
        let cluster = serving(LIMITS, &format!("'{}'", url(&host, "")), "").await;
        let body: Vec<u8> = (0..4_000_000_u32).map(|n| (n >> 8) as u8).collect();
        for guest in ["wasi02", "wasi03"] {
            let at = format!("{}/functions/{guest}/api/double-echo", cluster.worker(0));
            let request = http::request(Method::POST, &at).header("url", url(&host, "/v1/echo"));
            let reply = http::send(request.body(body.clone())).await;
            assert!(reply.body == body, "{guest}: {} bytes", reply.body.len());
        }
        let at = format!("{}/functions/native/api/fetch", cluster.worker(0));
        let request = http::request(Method::POST, &at).header("url", url(&host, "/v1/echo"));
        let reply = http::send(request.header("method", "PUT").header("content", "there")).await;
        assert_eq!(reply.text(), "200\nthere");
    });
}

#[test]
fn what_no_rule_allows_is_refused_and_the_log_names_host_and_rules() {
    run(async {
        let (host, other) = (Host::open().await, Host::open().await);
        let rule = url(&host, "/v1");
        let cluster = serving(LIMITS, &format!("'{rule}'"), "").await;
        for guest in GUESTS {
            for forbidden in [
                url(&other, "/v1/hello"),
                url(&host, "/v2"),
                url(&host, "/v1/../v2"),
                url(&host, "/v1/%2e%2e/v2"),
                url(&host, "/v1/hello").replace("127.0.0.1", "localhost"),
                url(&host, "/v1/hello").replace("http:", "https:"),
            ] {
                assert_error(guest, &fetch(&cluster, guest, &forbidden).await, DENIED);
            }
            let reply = fetched(&cluster, guest, &url(&other, "/secret?key=x")).await;
            let invocation = reply.header("x-steading-invocation").to_owned();
            eventually("the refusal in the log", SOON, || async {
                let lines = cluster.worker_lines(0);
                let line = lines.iter().find(|line| {
                    line.contains(&invocation)
                        && line.contains(&format!("{} refused", url(&other, "")))
                });
                match line {
                    Some(line) if line.contains(&rule) && !line.contains("secret") => Ok(()),
                    line => Err(format!("{line:?}")),
                }
            })
            .await;
        }
        assert_eq!((host.requests(), other.requests()), (0, 0));
    });
}

#[test]
fn a_name_that_leads_to_this_machine_is_refused_unless_private_addresses_are_granted() {
    run(async {
        let host = Host::open().await;
        let by_name = url(&host, "/v1/hello").replace("127.0.0.1", "localhost");
        let rule = url(&host, "").replace("127.0.0.1", "localhost");
        let cluster = serving(LIMITS, &format!("'{rule}'"), "").await;
        for guest in GUESTS {
            let text = fetch(&cluster, guest, &by_name).await;
            assert_error(guest, &text, PROHIBITED);
        }
        assert_eq!(host.requests(), 0);
        let told = |line: &String| line.contains(&rule) && line.contains("`private = true`");
        assert!(cluster.worker_lines(0).iter().any(told), "{:#?}", cluster.worker_lines(0));

        let private = format!("{{ url = '{rule}', private = true }}");
        let cluster = serving(LIMITS, &private, "").await;
        for guest in GUESTS {
            let text = fetch(&cluster, guest, &by_name).await;
            let expected = format!("200\nhello from localhost:{}", host.port());
            assert!(text.starts_with(&expected), "{guest}: {text}");
        }
    });
}

#[test]
fn a_redirect_is_judged_like_any_request() {
    run(async {
        let (host, other) = (Host::open().await, Host::open().await);
        let cluster = serving(LIMITS, &format!("'{}'", url(&host, "")), "").await;
        let by = |to: &str| url(&host, &format!("/v1/redirect?to={to}"));
        let text = fetch(&cluster, "native", &by(&url(&host, "/v1/hello"))).await;
        assert!(text.starts_with("200\nhello"), "{text}");
        let text = fetch(&cluster, "native", &by(&url(&other, "/v1/hello"))).await;
        assert_eq!((&*text, other.requests()), ("Denied", 0));
        // nothing follows one by itself
        for guest in ["wasi02", "wasi03"] {
            let text = fetch(&cluster, guest, &by(&url(&other, "/"))).await;
            assert!(text.starts_with("302\n"), "{guest}: {text}");
        }
        assert_eq!(other.requests(), 0);
    });
}
