//! What a component may answer, and how it leaves.

use std::time::{Duration, Instant};

use reqwest::Method;
use steading_tests::passage::GROWTH_BYTES_MAX;
use steading_tests::{Gateway, Raw, eventually, http, passage, run};

use super::{BOTH, call, get, post, serving, shared, url};
use crate::setup::binary;

#[test]
fn a_megabyte_is_echoed_as_it_was_sent() {
    run(async {
        let body = passage::megabyte();
        for guest in BOTH {
            let (_cluster, request) = call(Method::POST, guest, "echo").await;
            let request = request.header("content-type", "image/x");
            let reply = http::send(request.body(body.clone())).await;
            let seen = (reply.status.as_u16(), reply.header("content-type"));
            assert_eq!(seen, (200, "image/x"), "{guest}");
            assert!(reply.body == body, "{guest}: {} bytes came back", reply.body.len());
            assert!(post(guest, "echo", "").await.body.is_empty(), "{guest}");
        }
    });
}

#[test]
fn a_hundred_megabytes_pass_through_in_constant_memory() {
    run(async {
        let mut cluster = serving().await;
        for guest in BOTH {
            let echo = url(&cluster, guest, "echo");
            let growth = passage::grown_by(&mut cluster, &echo, 100 << 20).await;
            assert!(growth <= GROWTH_BYTES_MAX, "{guest}: the worker grew by {growth} bytes");
        }
    });
}

#[test]
fn the_first_piece_leaves_while_the_component_waits() {
    run(async {
        for guest in BOTH {
            let (_cluster, request) = call(Method::GET, guest, "stream").await;
            let began = Instant::now();
            let mut reply = request.send().await.expect("the head arrives");
            let first = reply.chunk().await.expect("the body arrives").expect("it has a piece");
            assert_eq!(first, "first\n", "{guest}");
            let second = reply.chunk().await.expect("the body arrives").expect("it has another");
            assert_eq!(second, "second\n", "{guest}");
            assert!(began.elapsed() >= Duration::from_millis(300), "{guest}");
        }
    });
}

#[test]
fn trailers_pass_both_ways() {
    run(async {
        let cluster = shared().await;
        for guest in BOTH {
            let (head, body) = trailed(cluster.worker(0), guest).await;
            assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("trailer: "), "{head}");
            assert!(body.starts_with("5\r\nhello\r\n0\r\n"), "{guest}: {body}");
            assert!(body.contains("x-sum: 42\r\n") && body.contains("x-length: 5\r\n"), "{body}");
        }
    });
}

#[test]
fn trailers_of_a_response_pass_a_gateway() {
    run(async {
        let cluster = serving().await;
        let gateway = Gateway::start(binary(), cluster.manager(), "").await;
        for guest in BOTH {
            let hello = format!("{}/functions/{guest}/api/hello", gateway.url());
            eventually("the gateway to know the app", Duration::from_secs(10), || async {
                let reply = http::get(&hello).await;
                if reply.status == 200 { Ok(()) } else { Err(reply.text()) }
            })
            .await;
            let (_, body) = trailed(gateway.url(), guest).await;
            assert!(body.starts_with("5\r\nhello\r\n0\r\n"), "{guest}: {body}");
            assert!(body.contains("x-length: 5\r\n"), "{guest}: {body}");
        }
    });
}

/// Head and body, as they came, of the reply to a request with a trailer.
async fn trailed(at: &str, guest: &str) -> (String, String) {
    let mut caller = Raw::connect(at).await;
    let path = format!("/functions/{guest}/api/trailers");
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nte: trailers\r\ntrailer: x-sum\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    );
    caller.send(head).await;
    caller.send("5\r\nhello\r\n0\r\nx-sum: 42\r\n\r\n").await;
    let reply = caller.until_closed().await;
    let (head, body) = reply.split_once("\r\n\r\n").expect("a head and a body");
    (head.to_owned(), body.to_owned())
}

#[test]
fn a_status_is_the_components_unless_it_is_no_final_one() {
    run(async {
        for guest in BOTH {
            for status in [200, 204, 418, 599] {
                let reply = get(guest, &format!("status/{status}")).await;
                assert_eq!(reply.status, status, "{guest}");
            }
            // the bindings of 0.3 do not take 600 in the first place
            for status in [103, 600].into_iter().take(if guest == "wasi02" { 2 } else { 1 }) {
                let problem = get(guest, &format!("status/{status}")).await.problem();
                let seen = (problem.status, problem.code.as_str());
                assert_eq!(seen, (500, "response_invalid"), "{guest}");
                assert!(problem.title.contains(&status.to_string()), "{}", problem.title);
            }
        }
    });
}

#[test]
fn a_header_that_cannot_be_sent_is_refused_to_the_component_itself() {
    run(async {
        let told = "connection: forbidden\ntransfer-encoding: forbidden\nhost: forbidden\nx y: invalid\nx-split: invalid\nx-good: set";
        for guest in BOTH {
            assert_eq!(get(guest, "headers").await.text(), told, "{guest}");
        }
    });
}

#[test]
fn a_head_with_too_much_in_it_answers_500_and_is_named() {
    run(async {
        for guest in BOTH {
            for (path, reason) in [("many", "128 headers"), ("long", "65536 bytes")] {
                let problem = get(guest, path).await.problem();
                let seen = (problem.status, problem.code.as_str());
                assert_eq!(seen, (500, "response_head_too_large"), "{guest} {path}");
                assert!(problem.title.contains(reason), "{guest}: {}", problem.title);
            }
        }
    });
}

#[test]
fn a_body_that_is_not_as_long_as_announced_answers_500_or_breaks_off() {
    run(async {
        for guest in BOTH {
            let good = get(guest, "announced/10").await;
            assert_eq!((good.status.as_u16(), &*good.text()), (200, "ten bytes!"), "{guest}");
            for length in [5, 20] {
                let path = format!("announced/{length}");
                let (_cluster, request) = call(Method::GET, guest, &path).await;
                match http::try_send(request).await {
                    Ok(reply) => {
                        let problem = reply.problem();
                        assert_eq!(problem.code, "response_invalid", "{guest}: {}", problem.title);
                    }
                    // the head had left
                    Err(error) => assert!(!error.contains("timed out"), "{guest}: {error}"),
                }
            }
            // nothing of one response is taken for the beginning of the next
            assert_eq!(get(guest, "length").await.text(), "0", "{guest}");
        }
    });
}

#[test]
fn a_response_ends_before_its_component_which_may_go_on() {
    run(async {
        let cluster = serving().await;
        for guest in BOTH {
            let began = Instant::now();
            let reply = http::get(&url(&cluster, guest, "after")).await;
            assert_eq!(reply.text(), "answered", "{guest}");
            assert!(began.elapsed() < Duration::from_millis(450), "{guest}: {:?}", began.elapsed());
            let invocation = reply.header("x-steading-invocation").to_owned();
            eventually("the rest to be done", Duration::from_secs(10), || async {
                let lines = cluster.worker_lines(0);
                let done = |line: &String| {
                    line.contains("done after the response") && line.contains(&invocation)
                };
                if lines.iter().any(done) { Ok(()) } else { Err(lines.join("\n")) }
            })
            .await;
        }
    });
}
