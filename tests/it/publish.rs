//! The main job: publish, then call on every worker, by each way there is to name a function.

use std::io::Cursor;
use std::time::Duration;

use image::{ImageFormat, ImageReader, RgbImage};
use reqwest::{Method, StatusCode, Version};
use serde_json::{Value, json};
use steading_protocol::api::{Function, List, Status};
use steading_protocol::desired::PlacementState;
use steading_tests::{eventually, http, packages, repository, run, wasm};

use crate::setup::{built, shared};

#[test]
fn every_worker_answers_for_every_published_example() {
    run(async {
        let cluster = shared().await;
        let sample = std::fs::read(repository().join("examples/orders/sample.json")).unwrap();
        for worker in cluster.workers() {
            let hello = http::get(&format!("{worker}/api/hello")).await;
            assert_eq!(hello.status, StatusCode::OK, "{}", hello.text());

            let order = http::post(&format!("{worker}/api/orders"), sample.clone()).await;
            assert!(order.status.is_success(), "{}", order.text());
            assert!(order.json::<Value>().get("total").is_some(), "{}", order.text());

            let refused = http::post(&format!("{worker}/api/orders"), "{\"items\": 7}").await;
            assert!(refused.status.is_client_error(), "{}", refused.text());
            assert_eq!(refused.header("content-type"), "application/problem+json");
        }
    });
}

#[test]
fn a_photo_posted_to_either_worker_comes_back_64_pixels_wide() {
    run(async {
        let cluster = shared().await;
        for worker in cluster.workers() {
            for format in [ImageFormat::Png, ImageFormat::Jpeg] {
                let url = format!("{worker}/api/thumbnail?width=64");
                let reply = http::post(&url, photo(format)).await;
                assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
                assert_eq!(reply.header("content-type"), "image/png");
                let thumbnail = ImageReader::with_format(Cursor::new(reply.body), ImageFormat::Png);
                let thumbnail = thumbnail.decode().expect("the reply is a PNG");
                assert_eq!((thumbnail.width(), thumbnail.height()), (64, 48));
            }
        }
    });
}

/// A picture of 640 by 480 pixels with something in it.
fn photo(format: ImageFormat) -> Vec<u8> {
    let picture = RgbImage::from_fn(640, 480, |x, y| {
        image::Rgb([(x / 3) as u8, (y / 2) as u8, ((x * y) % 251) as u8])
    });
    let mut bytes = Cursor::new(vec![]);
    picture.write_to(&mut bytes, format).expect("memory takes a picture");
    bytes.into_inner()
}

#[test]
fn status_lists_both_workers_and_every_app_ready_on_both() {
    run(async {
        let cluster = shared().await;
        let ended = cluster.steading().args(["status", "--json"]).ended().await.succeeded();
        let status: Status = serde_json::from_str(&ended.stdout).unwrap();
        let names: Vec<&str> = status.workers.iter().map(|worker| worker.name.as_str()).collect();
        assert_eq!(names, ["worker-0", "worker-1"]);
        for app in ["hello", "orders", "thumbnail", "guests"] {
            let ready = status.placements.iter().filter(|placement| {
                placement.app.as_str() == app && placement.state == PlacementState::Ready
            });
            assert_eq!(ready.count(), 2, "{app} is ready on both workers\n{ended}");
        }
    });
}

#[test]
fn a_function_is_reached_by_app_by_host_and_directly() {
    run(async {
        let cluster = shared().await;
        let manifest = b"[app]\nname = \"hosted\"\nhosts = [\"hosted.test\"]\n";
        let module = wasm::module(&[("hello", "hosted-only")]);
        let package = packages::zipped(&[("steading.toml", manifest), ("hosted.wasm", &module)]);
        cluster.api().publish_ready("hosted", &package, 2).await;
        for worker in cluster.workers() {
            let direct = http::get(&format!("{worker}/api/hello")).await;
            let by_app = http::get(&format!("{worker}/functions/hello/api/hello")).await;
            assert_eq!((direct.status, by_app.status), (StatusCode::OK, StatusCode::OK));
            assert_eq!(direct.body, by_app.body);

            let hosted = |path: &str| {
                let request = http::request(Method::GET, &format!("{worker}{path}"));
                http::send(request.header("host", "hosted.test:7071"))
            };
            assert_eq!(hosted("/api/hosted-only").await.status, StatusCode::OK);
            let other = hosted("/api/hello").await;
            assert_eq!(other.status, StatusCode::NOT_FOUND, "a host leads to its app alone");
        }
    });
}

#[test]
fn an_unknown_path_answers_404_and_a_wrong_method_405_with_what_is_allowed() {
    run(async {
        let cluster = shared().await;
        let worker = cluster.worker(0);
        for path in ["/", "/api/no-such-function", "/functions/no-such-app/api/hello"] {
            let reply = http::get(&format!("{worker}{path}")).await;
            assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}");
            reply.problem();
        }
        let reply = http::get(&format!("{worker}/api/thumbnail")).await;
        assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(reply.header("allow"), "POST");
        reply.problem();
    });
}

#[test]
fn one_port_speaks_http_1_and_http_2_in_clear_text() {
    run(async {
        let cluster = shared().await;
        let http_1 = http::client(|builder| builder.http1_only());
        let http_2 = http::client(|builder| builder.http2_prior_knowledge());
        for (client, version) in [(http_1, Version::HTTP_11), (http_2, Version::HTTP_2)] {
            let url = format!("{}/api/hello", cluster.worker(0));
            let reply = http::send(client.get(url)).await;
            assert_eq!((reply.status, reply.version), (StatusCode::OK, version));
        }
    });
}

#[test]
fn publishing_the_same_package_again_makes_no_new_version() {
    run(async {
        let cluster = shared().await;
        let module = packages::module_of(&built("examples/hello").await);
        let first = cluster.api().publish("twice", &module).await.unwrap();
        let second = cluster.api().publish("twice", &module).await.unwrap();
        assert!(first.created && !second.created);
        assert_eq!(first.version, second.version);
    });
}

#[test]
fn the_command_line_publishes_a_folder_and_invokes_its_function() {
    run(async {
        let cluster = shared().await;
        let folder = repository().join("examples/hello");
        let publish = cluster.steading().args(["publish", "--json"]).args([folder]);
        let ended = publish.ended().await.succeeded();
        let report: Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!((&report["app"], &report["version"]), (&json!("hello"), &json!(1)));
        let workers = report["workers"].as_array().expect("it waited for the workers");
        assert!(workers.len() == 2 && workers.iter().all(|worker| worker["state"] == "ready"));

        let invoke = ["invoke", "hello", "hello"];
        let ended = cluster.steading().args(invoke).ended().await.succeeded();
        let direct = http::get(&format!("{}/functions/hello/api/hello", cluster.worker(1))).await;
        assert_eq!(ended.stdout.trim_end(), direct.text().trim_end());
    });
}

#[test]
fn the_api_describes_itself_and_answers_nothing_but_live_without_a_token() {
    run(async {
        let cluster = shared().await;
        let document: Value = cluster.api().get("openapi.json").await;
        let paths = document["paths"].as_object().expect("an OpenAPI document has paths");
        assert!(paths.keys().any(|path| path.ends_with("/apps/{app}/versions")), "{paths:?}");

        let base = format!("{}/api/v1", cluster.manager());
        assert_eq!(http::get(&format!("{base}/live")).await.status, StatusCode::OK);
        for path in ["status", "apps", "workers", "placements", "tokens", "openapi.json", "none"] {
            let reply = http::get(&format!("{base}/{path}")).await;
            assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{path}");
        }
    });
}

#[test]
fn a_functions_urls_are_those_that_answer() {
    run(async {
        let cluster = shared().await;
        let functions: List<Function> = cluster.api().get("apps/hello/functions").await;
        let urls = &functions.items[0].urls;
        assert!(urls.len() >= 2, "there is one for each worker: {urls:?}");
        for url in urls {
            assert_eq!(http::get(url).await.status, StatusCode::OK, "{url}");
        }
    });
}

#[test]
fn a_deleted_app_is_no_longer_answered_for() {
    run(async {
        let cluster = shared().await;
        let module = wasm::module(&[("hello", "deleted-soon")]);
        cluster.api().publish_ready("deleted", &module, 2).await;
        let urls = cluster.workers().into_iter().map(|worker| format!("{worker}/api/deleted-soon"));
        let urls: Vec<String> = urls.collect();
        for url in &urls {
            assert_eq!(http::get(url).await.status, StatusCode::OK);
        }
        let deleted = http::send(cluster.api().request(Method::DELETE, "apps/deleted")).await;
        assert_eq!(deleted.status, StatusCode::NO_CONTENT);
        for url in &urls {
            eventually("the app to be gone", Duration::from_secs(10), || async {
                match http::get(url).await.status {
                    StatusCode::NOT_FOUND => Ok(()),
                    other => Err(other),
                }
            })
            .await;
        }
    });
}

#[test]
fn a_workers_control_port_tells_that_it_is_live_and_ready_and_counts_invocations() {
    run(async {
        let cluster = shared().await;
        let control = cluster.control(1);
        for path in ["live", "ready"] {
            assert_eq!(http::get(&format!("{control}/{path}")).await.status, StatusCode::OK);
        }
        http::get(&format!("{}/api/hello", cluster.worker(1))).await;
        let metrics = http::get(&format!("{control}/metrics")).await.text();
        let counted = metrics.lines().find(|line| {
            line.starts_with("steading_invocations") && line.contains("app=\"hello\"")
        });
        assert!(counted.is_some(), "{metrics}");
    });
}
