//! What a component sends out: nothing, without a grant.

use std::time::Duration;

use reqwest::Method;
use steading_tests::{eventually, http, run};

use super::{BOTH, call, serving, url};

#[test]
fn every_outgoing_request_gets_the_standard_error() {
    run(async {
        for guest in BOTH {
            for (method, path) in
                [(Method::GET, "fetch"), (Method::GET, "hash-all"), (Method::POST, "double-echo")]
            {
                let (_cluster, request) = call(method, guest, path).await;
                let reply = http::send(request.header("url", "http://127.0.0.1:1/x")).await;
                let text = reply.text();
                assert!(text.contains("HttpRequestDenied"), "{guest} {path}: {text}");
            }
        }
    });
}

#[test]
fn the_log_names_the_host_and_the_missing_grant() {
    run(async {
        let cluster = serving().await;
        for guest in BOTH {
            let request = http::request(Method::GET, &url(&cluster, guest, "fetch"));
            let reply = http::send(request.header("url", "https://api.example.org:8443/x")).await;
            let invocation = reply.header("x-steading-invocation").to_owned();
            eventually("the refusal in the log", Duration::from_secs(10), || async {
                let lines = cluster.worker_lines(0);
                let told = lines.iter().any(|line| {
                    line.contains("https://api.example.org:8443 refused")
                        && line.contains("`outbound`")
                        && line.contains(&invocation)
                });
                if told { Ok(()) } else { Err(lines.join("\n")) }
            })
            .await;
        }
    });
}
