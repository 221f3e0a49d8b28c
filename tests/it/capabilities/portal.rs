//! Grants and settings as a person has them in the portal, in a real browser.

use std::time::Duration;

use steading_tests::{ADMIN_PASSWORD, Browser, Cluster, browser_wanted, eventually, run, scratch};

use super::{reset, visits};
use crate::setup::{built, cluster};

const WITHIN: Duration = Duration::from_secs(60);

#[test]
fn grants_are_read_and_allowed_and_settings_set_by_a_person() {
    if !browser_wanted() {
        return;
    }
    run(async {
        let cluster = cluster().workers(1).start().await;
        Browser::with(async |browser| {
            browser.open(cluster.manager()).await;
            browser.type_into("#sign-in-password", ADMIN_PASSWORD).await;
            browser.type_into("#sign-in-password", "\n").await;
            browser.text_with("body", "Apps").await;
            publish(browser, &cluster).await;
            let page = format!("{}/apps/visits", cluster.manager());
            browser.open(&page).await;
            browser.text_with("[aria-labelledby=grants-title]", "setting SITE_NAME").await;
            set_settings(browser, &cluster).await;
            set(browser, "PATH_INFO", "").await;
            browser.text_with("#settings [role=alert]", "not a valid setting name").await;
            browser.open(&page).await;
            browser.script("window.confirm = () => true").await;
            browser.click("[data-setting=SITE_NAME] button").await;
            browser.text_with("[data-setting=SITE_NAME]", "not set").await;
        })
        .await;
    });
}

async fn publish(browser: &Browser, cluster: &Cluster) {
    let folder = scratch();
    let file = folder.path().join("visits.zip");
    std::fs::write(&file, built("examples/visits").await).expect("a folder takes a file");
    browser.type_into("#upload-file", &file.display().to_string()).await;
    browser.click("#upload-submit").await;
    let listed = browser.text_with("#new-grants", "RESET_KEY").await;
    assert!(listed.contains("key-value store default"), "{listed}");
    assert!(cluster.api().status().await.apps.is_empty(), "nothing is published yet");
    browser.click("#allow-new-grants").await;
    browser.text_with("#upload-result", "is published as version 1").await;
}

async fn set(browser: &Browser, name: &str, value: &str) {
    browser.type_into("#setting-name", name).await;
    browser.type_into("#setting-value", value).await;
    browser.click("#setting-set").await;
}

async fn set_settings(browser: &Browser, cluster: &Cluster) {
    browser.text_with("[data-setting=SITE_NAME]", "not set").await;
    set(browser, "SITE_NAME", "The Farm").await;
    browser.text_with("[data-setting=SITE_NAME]", "The Farm").await;
    browser.click("#setting-secret").await;
    set(browser, "RESET_KEY", "hunter2").await;
    browser.text_with("[data-setting=RESET_KEY]", "secret").await;
    let html = browser.script("return document.documentElement.outerHTML").await;
    assert!(!html.to_string().contains("hunter2"), "{html}");
    eventually("the settings", WITHIN, || async {
        let seen = (visits(cluster, 0).await, reset(cluster, "home", "hunter2").await);
        match seen.0["site"] == "The Farm" && seen.1 == 204 {
            true => Ok(()),
            false => Err(format!("{seen:?}")),
        }
    })
    .await;
}
