//! What a command sees of a request, and of the machine that it runs on.

use std::collections::BTreeMap;

use reqwest::Method;
use steading_tests::{http, run};

use super::{call, get, shared};

async fn environment(path: &str, headers: &[(&str, &str)]) -> BTreeMap<String, String> {
    let (_cluster, mut request) = call(Method::POST, path).await;
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let reply = http::send(request.body("12345")).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let text = reply.text();
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn the_request_is_in_the_environment_and_nothing_else_is() {
    run(async {
        let headers =
            [("content-type", "text/plain"), ("authorization", "Bearer x"), ("x-one", "1")];
        let seen = environment("environment/a%20b?x=%20y", &headers).await;
        let cluster = shared().await;
        let host = cluster.worker(0).trim_start_matches("http://").to_owned();
        let (name, port) = host.rsplit_once(':').unwrap();
        for (name, value) in [
            ("GATEWAY_INTERFACE", "CGI/1.1"),
            ("SERVER_PROTOCOL", "HTTP/1.1"),
            ("SERVER_NAME", name),
            ("SERVER_PORT", port),
            ("REQUEST_METHOD", "POST"),
            ("SCRIPT_NAME", "/api"),
            ("PATH_INFO", "/environment/a b"),
            ("QUERY_STRING", "x=%20y"),
            ("REMOTE_ADDR", "127.0.0.1"),
            ("CONTENT_TYPE", "text/plain"),
            ("CONTENT_LENGTH", "5"),
            ("HTTP_HOST", &host),
            ("HTTP_AUTHORIZATION", "Bearer x"),
            ("HTTP_X_ONE", "1"),
            ("STEADING_PARAM_PATH", "environment/a b"),
            ("arguments", "[\"behave\"]"),
        ] {
            assert_eq!(seen.get(name).map(String::as_str), Some(value), "{name} in {seen:?}");
        }
        assert!(seen["SERVER_SOFTWARE"].starts_with("steading/"), "{seen:?}");
        for name in seen.keys() {
            let known = ["HTTP_", "STEADING_", "SERVER_", "CONTENT_", "REMOTE_ADDR", "arguments"];
            let others =
                ["GATEWAY_INTERFACE", "REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING"];
            let is_known = known.iter().any(|prefix| name.starts_with(prefix));
            assert!(is_known || others.contains(&name.as_str()), "{name} is from elsewhere");
        }
    });
}

#[test]
fn the_route_of_a_declared_function_cuts_the_path_and_gives_its_parameters() {
    run(async {
        let seen = environment("small/7/environment/", &[]).await;
        assert_eq!((&*seen["SCRIPT_NAME"], &*seen["PATH_INFO"]), ("/api/small/7", "/environment/"));
        assert_eq!(seen["STEADING_PARAM_ID"], "7");
        assert_eq!(seen["arguments"], "[\"small\"]");
    });
}

#[test]
fn a_caller_cannot_name_a_proxy_or_forge_a_header() {
    run(async {
        let headers = [("proxy", "http://evil.example"), ("x_forwarded_for", "1.2.3.4")];
        let seen = environment("environment", &headers).await;
        assert!(!seen.contains_key("HTTP_PROXY"), "{seen:?}");
        assert!(!seen.contains_key("HTTP_X_FORWARDED_FOR"), "{seen:?}");
    });
}

#[test]
fn there_are_no_files_and_no_network() {
    run(async {
        let tried = get("files").await.text();
        let lines: Vec<&str> = tried.lines().collect();
        assert_eq!(lines.len(), 5, "{tried}");
        assert!(lines.iter().all(|line| line.ends_with(": refused")), "{tried}");
    });
}

#[test]
fn a_body_is_read_to_its_end_announced_or_not() {
    run(async {
        let body = vec![b'x'; 100_000];
        let (_cluster, request) = call(Method::POST, "length").await;
        assert_eq!(http::send(request.body(body.clone())).await.text(), "100000");
        let (_cluster, request) = call(Method::PUT, "length").await;
        assert_eq!(http::send(request.body(http::unannounced(body))).await.text(), "100000");
        assert_eq!(get("length").await.text(), "0");
    });
}

#[test]
fn a_body_over_its_limit_answers_413_announced_or_not() {
    run(async {
        let body = || vec![b'x'; 100 << 10];
        for body in [body().into(), http::unannounced(body())] {
            let (_cluster, request) = call(Method::POST, "small/1/length").await;
            let problem = http::send(request.body::<reqwest::Body>(body)).await.problem();
            assert_eq!((problem.status, problem.code.as_str()), (413, "request_too_large"));
        }
    });
}
