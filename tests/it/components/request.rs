//! What a component sees of a request, and of the machine that it runs on.

use reqwest::Method;
use steading_tests::{Raw, http, run};

use super::{BOTH, call, get, post, shared, small, url};

#[test]
fn method_path_authority_and_headers_are_the_callers() {
    run(async {
        for guest in BOTH {
            let (cluster, request) = call(Method::PUT, guest, "inspect/a%20b?x=%20y").await;
            let request = request.header("x-one", "1").header("x-one", "2");
            let request = request.header("authorization", "Bearer x").header("connection", "close");
            let reply = http::send(request.header("x-forwarded-prefix", "/evil")).await;
            let host = cluster.worker(0).trim_start_matches("http://").to_owned();
            let invocation = reply.header("x-steading-invocation").to_owned();
            let text = reply.text();
            let mut seen: Vec<&str> = text.lines().collect();
            for line in [
                "method=Method::Put",
                "path=/inspect/a%20b?x=%20y",
                "scheme=Some(Scheme::Http)",
                &format!("authority={host}"),
                "x-one: 1",
                "x-one: 2",
                "authorization: Bearer x",
                &format!("x-forwarded-prefix: /functions/{guest}/api"),
                &format!("x-steading-invocation: {invocation}"),
                "accept: */*",
            ] {
                let found = seen.iter().position(|seen| *seen == line);
                seen.remove(found.unwrap_or_else(|| panic!("{guest}: no `{line}` in {seen:?}")));
            }
            assert!(seen.is_empty(), "{guest} sees more: {seen:?}");
        }
    });
}

#[test]
fn a_method_of_the_callers_own_and_a_missing_host_are_passed_on() {
    run(async {
        for guest in BOTH {
            let cluster = shared().await;
            let mut caller = Raw::connect(cluster.worker(0)).await;
            let path = format!("/functions/{guest}/api/inspect");
            caller.send(format!("BREW {path} HTTP/1.0\r\n\r\n")).await;
            let reply = caller.until_closed().await;
            assert!(reply.contains("BREW") && reply.contains("authority=localhost"), "{reply}");
        }
    });
}

#[test]
fn there_are_no_files_no_network_no_environment_and_no_input() {
    run(async {
        for guest in BOTH {
            let tried = get(guest, "files").await.text();
            assert!(tried.starts_with("preopens=0\n"), "{guest}: {tried}");
            assert!(tried.lines().count() >= 7, "{guest}: {tried}");
            let refused = tried.lines().skip(1).all(|line| line.ends_with(": refused"));
            assert!(refused, "{guest}: {tried}");
            let seen = get(guest, "environment").await.text();
            assert_eq!(seen, "arguments=[]\nstdin=Ok(0)\n", "{guest}");
        }
    });
}

#[test]
fn clocks_run_and_random_numbers_are_random() {
    run(async {
        for guest in BOTH {
            let (one, two) = (get(guest, "clocks").await.text(), get(guest, "clocks").await.text());
            let parts: Vec<&str> = one.split(' ').collect();
            let [took_ms, year, _] = parts[..] else { panic!("{guest}: {one}") };
            assert!((20..5000).contains(&took_ms.parse().unwrap()), "{guest}: {one}");
            assert!((2024..2200).contains(&year.parse().unwrap()), "{guest}: {one}");
            assert_ne!(one, two, "{guest}");
        }
    });
}

#[test]
fn every_call_is_the_first_of_its_instance() {
    run(async {
        for guest in BOTH {
            for _ in 0..3 {
                assert_eq!(get(guest, "count").await.text(), "1", "{guest}");
            }
        }
    });
}

#[test]
fn a_body_is_read_to_its_end_announced_or_not() {
    run(async {
        for guest in BOTH {
            let body = vec![b'x'; 100_000];
            assert_eq!(post(guest, "length", body.clone()).await.text(), "100000", "{guest}");
            let sent = post(guest, "length", http::unannounced(body)).await;
            assert_eq!(sent.text(), "100000", "{guest}");
            assert_eq!(get(guest, "length").await.text(), "0", "{guest}");
        }
    });
}

#[test]
fn a_body_is_hashed_as_it_comes() {
    // of `The quick brown fox jumps over the lazy dog` a hundred thousand times
    use sha2::Digest as _;
    run(async {
        let body = b"The quick brown fox jumps over the lazy dog".repeat(100_000);
        let expected: String =
            sha2::Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect();
        for guest in BOTH {
            let reply = post(guest, "hash", http::unannounced(body.clone())).await;
            assert_eq!(reply.text(), expected, "{guest}");
        }
    });
}

#[test]
fn a_body_over_its_limit_answers_413_announced_or_not() {
    run(async {
        for guest in BOTH {
            let body = || vec![b'x'; 100 << 10];
            for body in [reqwest::Body::from(body()), http::unannounced(body())] {
                let problem = post(&small(guest), "length", body).await.problem();
                let code = problem.code.as_str();
                assert_eq!((problem.status, code), (413, "request_too_large"), "{guest}");
            }
        }
    });
}

#[test]
fn what_a_component_leaves_unread_does_not_spoil_the_connection() {
    run(async {
        for guest in BOTH {
            let cluster = shared().await;
            let url = url(&cluster, guest, "hello");
            for _ in 0..3 {
                let reply = http::post(&url, vec![b'x'; 50_000]).await;
                assert_eq!(reply.text(), "Hello from a component\n", "{guest}");
            }
        }
    });
}
