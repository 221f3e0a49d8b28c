//! A developer's day: `steading new`, its test, its build, and `steading dev` while the source changes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::SET_COOKIE;
use reqwest::{Method, StatusCode};
use steading_tests::{Dev, Load, Steading, eventually, http, repository, run, scratch};
use tempfile::TempDir;
use tokio::process::Command;

use crate::setup::steading;

/// Building a small guest on a busy machine comes within this.
const REBUILT_WITHIN: Duration = Duration::from_secs(120);

/// A call of the binary that builds in a folder kept between test runs.
fn building() -> Steading {
    steading().env("CARGO_TARGET_DIR", target())
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("apps")
}

/// A new app, with the repository's lock file, so that no other versions are fetched and built.
async fn new_app(name: &str) -> (TempDir, PathBuf) {
    let folder = scratch();
    let app = folder.path().join(name);
    building().within(folder.path()).args(["new", name]).ended().await.succeeded();
    std::fs::copy(repository().join("Cargo.lock"), app.join("Cargo.lock"))
        .expect("the lock file can be copied");
    (folder, app)
}

/// Replaces the app's source by one function that answers with `text`.
fn save(app: &Path, text: &str) {
    let source = format!(
        "use steading::{{Request, Response}};\n\n\
         #[steading::http(route = \"said\", auth = \"anonymous\")]\n\
         fn said(_request: Request) -> Response {{\n    Response::text(\"{text}\")\n}}\n"
    );
    std::fs::write(app.join("src/lib.rs"), source).expect("the app's source can be written");
}

#[test]
fn a_new_app_passes_its_test_and_builds() {
    run(async {
        let (_folder, app) = new_app("greeting").await;
        let mut test = Command::new(env!("CARGO"));
        test.arg("test").current_dir(&app).env("CARGO_TARGET_DIR", target());
        let test = test.output().await.expect("cargo can be started");
        let output = String::from_utf8_lossy(&test.stdout);
        let errors = String::from_utf8_lossy(&test.stderr);
        assert!(test.status.success(), "{output}{errors}");
        assert!(output.contains("1 passed") || output.contains("2 passed"), "{output}");

        let build = building().within(&app).args(["build", "--json"]).ended().await.succeeded();
        let built: serde_json::Value = serde_json::from_str(&build.stdout).unwrap();
        assert_eq!(built["app"], "greeting", "{build}");
        assert!(!built["functions"].as_array().unwrap().is_empty(), "{build}");
    });
}

#[test]
fn saving_a_file_republishes_with_no_request_lost_and_a_mistake_changes_nothing() {
    run(async {
        let (_folder, app) = new_app("said").await;
        save(&app, "the first text");
        let mut dev = Dev::start(building(), &app).await;
        let url = dev.function().to_owned();
        assert_eq!(http::get(&url).await.text(), "the first text");

        let load = Load::start(&url);
        save(&app, "the second text");
        answers_with(&url, "the second text").await;
        std::fs::write(app.join("src/lib.rs"), "this is not Rust").unwrap();
        dev.says("waiting for a change").await;
        assert_eq!(http::get(&url).await.text(), "the second text");
        save(&app, "the third text");
        answers_with(&url, "the third text").await;

        let report = load.stop().await;
        report.assert_no_failure("the app in development");
        let texts: Vec<&str> = report.replies.keys().map(String::as_str).collect();
        assert_eq!(texts, ["the first text", "the second text", "the third text"]);
        dev.stop().await;
    });
}

async fn answers_with(url: &str, wanted: &str) {
    eventually(wanted, REBUILT_WITHIN, || async {
        let text = http::get(url).await.text();
        if text == wanted { Ok(()) } else { Err(text) }
    })
    .await;
}

#[test]
fn the_link_that_dev_prints_signs_one_browser_in() {
    run(async {
        let (_folder, app) = new_app("linked").await;
        let dev = Dev::start(building(), &app).await;
        let signed_in = http::get(dev.sign_in()).await;
        assert!(!signed_in.status.is_client_error(), "{}", signed_in.text());
        let cookie = signed_in.headers.get(SET_COOKIE).expect("a session is begun");
        let cookie = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
        let manager = dev.sign_in().split("/sign-in").next().unwrap();
        let page = http::request(Method::GET, &format!("{manager}/")).header("cookie", cookie);
        let page = http::send(page).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.text().contains("linked"), "the page lists the app");

        let again = http::get(dev.sign_in()).await;
        assert!(again.headers.get(SET_COOKIE).is_none(), "the link works once");
        dev.stop().await;
    });
}
