//! The portal as a person has it: real headless Chromium, driven over WebDriver.

use std::path::PathBuf;

use steading_tests::{ADMIN_PASSWORD, Browser, Cluster, browser_wanted, packages, run, scratch};
use tempfile::TempDir;

use crate::setup::{built, cluster, shared};

/// The width of a small phone, CSS pixels.
const PHONE_WIDTH: u32 = 375;

/// The key that moves the focus on, as WebDriver writes it.
const TAB: char = '\u{e004}';

async fn sign_in(browser: &Browser, cluster: &Cluster) {
    browser.open(cluster.manager()).await;
    browser.type_into("#sign-in-password", ADMIN_PASSWORD).await;
    browser.type_into("#sign-in-password", "\n").await;
    browser.text_with("body", "Apps").await;
}

/// The guests as a file to upload; it lives as long as the folder.
async fn upload_file() -> (TempDir, PathBuf) {
    let folder = scratch();
    let path = folder.path().join("uploaded.wasm");
    let module = packages::module_of(&built("tests/guests").await);
    std::fs::write(&path, module).expect("a temporary folder takes a file");
    (folder, path)
}

#[test]
fn a_module_is_uploaded_seen_ready_on_both_workers_and_run() {
    if !browser_wanted() {
        return;
    }
    run(async {
        let cluster = cluster().workers(2).start().await;
        let (_folder, file) = upload_file().await;
        Browser::with(async |browser| {
            sign_in(browser, &cluster).await;
            browser.type_into("#upload-file", &file.display().to_string()).await;
            let proposed = "document.querySelector('#upload-app').value";
            let proposed = browser.script(&format!("return {proposed}")).await;
            assert_eq!(proposed, "uploaded", "the file's name is proposed for the app");
            browser.click("#upload-submit").await;
            browser.text_with("#upload-result", "uploaded").await;

            browser.open(&format!("{}/apps/uploaded", cluster.manager())).await;
            let ready = "two placements to be shown ready";
            steading_tests::eventually(ready, std::time::Duration::from_secs(60), || async {
                match browser.count("[data-placement-state=ready]").await {
                    2 => Ok(()),
                    other => Err(format!("{other}")),
                }
            })
            .await;

            run_in_the_test_pane(browser).await;
        })
        .await;
    });
}

async fn run_in_the_test_pane(browser: &Browser) {
    browser.script("document.querySelector('#test-path').value = ''").await;
    browser.type_into("#test-path", "steady").await;
    browser.click("#test-run").await;
    browser.text_with("#test-status", "200").await;
    browser.text_with("#test-response-body", "the steady guest, version 1").await;
    browser.text_with("#test-response-headers", "content-type").await;
    browser.text_with("#test-time", "ms").await;
}

#[test]
fn a_wrong_password_lets_nobody_in() {
    if !browser_wanted() {
        return;
    }
    run(async {
        let cluster = shared().await;
        Browser::with(async |browser| {
            browser.open(cluster.manager()).await;
            browser.type_into("#sign-in-password", "a guess\n").await;
            browser.text_with("body", "password").await;
            browser.open(&format!("{}/apps/hello", cluster.manager())).await;
            browser.find("#sign-in-password").await;
        })
        .await;
    });
}

#[test]
fn no_page_scrolls_sideways_on_a_phone() {
    if !browser_wanted() {
        return;
    }
    run(async {
        let cluster = shared().await;
        Browser::with(async |browser| {
            browser.resize(PHONE_WIDTH, 812).await;
            browser.open(cluster.manager()).await;
            browser.find("#sign-in-password").await;
            assert_fits(browser, "/sign-in").await;
            sign_in(browser, &cluster).await;
            let pages = [
                ("/", "Apps"),
                ("/apps/orders", "orders"),
                ("/apps/guests", "guests"),
                ("/workers", "Workers"),
                ("/tokens", "tokens"),
            ];
            for (page, title) in pages {
                browser.open(&format!("{}{page}", cluster.manager())).await;
                browser.text_with("h1", title).await;
                assert_fits(browser, page).await;
            }
        })
        .await;
    });
}

async fn assert_fits(browser: &Browser, page: &str) {
    let width = browser.script("return document.documentElement.scrollWidth").await;
    assert_eq!(width, PHONE_WIDTH, "{page} is as wide as the phone");
}

#[test]
fn the_keyboard_reaches_the_upload_button() {
    if !browser_wanted() {
        return;
    }
    run(async {
        let cluster = shared().await;
        Browser::with(async |browser| {
            sign_in(browser, &cluster).await;
            browser.find("#upload-submit").await;
            let mut passed = vec![];
            while passed.last().is_none_or(|id| id != "upload-submit") {
                browser.press(TAB).await;
                let focused = browser.script("return document.activeElement.id").await;
                passed.push(focused.as_str().unwrap_or_default().to_owned());
                assert!(passed.len() < 60, "Tab went over {passed:?}");
            }
        })
        .await;
    });
}
