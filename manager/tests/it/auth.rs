//! Who may do what: nothing without a credential, and each credential for its own purpose only.

use http::Method;
use serde_json::{Value, json};

use crate::guest::module;
use crate::harness::{Answer, Double, PASSWORD, Steading, send};

/// Every operation of the OpenAPI document, with values in its path.
async fn operations(manager: &Steading) -> Vec<(Method, String)> {
    let document = manager.get("/openapi.json").await;
    let mut found = vec![];
    for (path, operations) in document["paths"].as_object().unwrap() {
        let path = path
            .replace("{app}", "shop")
            .replace("{function}", "f")
            .replace("{setting}", "NAME")
            .replace("{worker}", "w-1")
            .replace("{digest}", &"0".repeat(64))
            .replace("{id}", "t-1");
        assert!(!path.contains('{'), "{path}");
        for method in operations.as_object().unwrap().keys() {
            if let Ok(method) = method.to_uppercase().parse::<Method>() {
                found.push((method, path.clone()));
            }
        }
    }
    found
}

#[tokio::test]
async fn nothing_but_live_answers_without_a_credential_or_with_a_wrong_one() {
    let manager = Steading::start().await;
    let operations = operations(&manager).await;
    assert!(operations.len() >= 20, "{operations:?}");
    for (method, path) in operations {
        let bare = send(manager.bare(method.clone(), &path)).await;
        if path == "/api/v1/live" {
            assert_eq!(bare.status, 200);
            continue;
        }
        let wrong = manager.bare(method.clone(), &path).bearer_auth("stk_wrong");
        for answer in [bare, send(wrong).await] {
            assert_eq!(answer.status, 401, "{method} {path}: {}", answer.text());
            assert_eq!(answer.code(), "unauthorized", "{method} {path}");
        }
    }
    for path in ["/api/v1/openapi.json", "/api/v1/nothing", "/api/v2", "/api/v1/live/x"] {
        assert_eq!(send(manager.bare(Method::GET, path)).await.status, 401, "{path}");
    }
    assert_eq!(send(manager.bare(Method::POST, "/api/v1/live")).await.status, 401);
}

#[tokio::test]
async fn each_credential_is_for_its_own_purpose() {
    let manager = Steading::start().await;
    manager.published("shop", module()).await;
    let (one, two) = (Double::join(&manager, "one").await, Double::join(&manager, "two").await);
    let digest = one.desired(0, 0).await.unwrap().apps[0].modules[0].digest.clone();
    let module_path = format!("/api/v1/modules/{digest}");
    let get = async |token: &str, path: &str| {
        send(manager.bare(Method::GET, path).bearer_auth(token)).await
    };
    assert_eq!(get(&one.token, &module_path).await.bytes, module());
    let desired = format!("/api/v1/workers/{}/desired", one.worker);
    let refused = [
        (&one.token, "/api/v1/apps", 401),
        (&manager.join_token, "/api/v1/apps", 401),
        (&manager.token, module_path.as_str(), 401),
        (&manager.join_token, module_path.as_str(), 401),
        (&manager.token, desired.as_str(), 401),
        (&two.token, desired.as_str(), 403),
    ];
    for (token, path, status) in refused {
        assert_eq!(get(token, path).await.status, status, "{path}");
    }
    for token in [&manager.token, &one.token] {
        let join = manager.bare(Method::POST, "/api/v1/workers/join").bearer_auth(token);
        assert_eq!(send(join).await.status, 401);
    }
}

async fn make_token(manager: &Steading, user: &str, password: &str) -> Answer {
    let request = manager.bare(Method::POST, "/api/v1/tokens");
    send(request.basic_auth(user, Some(password)).json(&json!({"name": "ci"}))).await
}

#[tokio::test]
async fn a_token_is_made_by_password_listed_without_its_text_and_revoked() {
    let manager = Steading::start().await;
    let made = make_token(&manager, "admin", PASSWORD).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    let use_it = async || {
        let request = manager.bare(Method::GET, "/api/v1/apps");
        send(request.bearer_auth(made["token"].as_str().unwrap())).await.status.as_u16()
    };
    assert_eq!(use_it().await, 200);
    let list = manager.get("/tokens").await;
    assert!(list["items"].as_array().unwrap().iter().any(|token| token["id"] == made["id"]));
    assert!(!list.to_string().contains(made["token"].as_str().unwrap()));
    let revoke = format!("/tokens/{}", made["id"].as_str().unwrap());
    assert_eq!(send(manager.api(Method::DELETE, &revoke)).await.status, 204);
    assert_eq!(use_it().await, 401);
    assert_eq!(send(manager.api(Method::DELETE, &revoke)).await.code(), "token_unknown");
    // The password is for this one route.
    let elsewhere = manager.bare(Method::GET, "/api/v1/apps").basic_auth("admin", Some(PASSWORD));
    assert_eq!(send(elsewhere).await.status, 401);
    let nameless = manager.api(Method::POST, "/tokens").json(&json!({"name": " "}));
    assert_eq!(send(nameless).await.code(), "name_invalid");
}

#[tokio::test]
async fn guessing_a_password_is_slowed_down() {
    let manager = Steading::start().await;
    assert_eq!(make_token(&manager, "root", PASSWORD).await.status, 401);
    for _ in 0..5 {
        assert_eq!(make_token(&manager, "admin", "wrong password").await.status, 401);
    }
    let answer = make_token(&manager, "admin", PASSWORD).await;
    assert_eq!((answer.status.as_u16(), &*answer.code()), (429, "too_many_attempts"));
    assert!(answer.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn a_session_needs_its_csrf_token_to_change_anything() {
    let manager = Steading::start().await;
    let cookie = manager.cookie().await;
    let get = manager.bare(Method::GET, "/api/v1/apps").header("cookie", &cookie);
    assert_eq!(send(get).await.status, 200);
    let post = || {
        let request = manager.bare(Method::POST, "/api/v1/tokens").header("cookie", &cookie);
        request.json(&json!({"name": "from a page"}))
    };
    let page = send(manager.bare(Method::GET, "/").header("cookie", &cookie)).await.text();
    let csrf = csrf_in(&page);
    assert_eq!(send(post()).await.code(), "forbidden");
    assert_eq!(send(post().header("x-csrf-token", "0".repeat(64))).await.code(), "forbidden");
    let foreign = post().header("x-csrf-token", &csrf).header("sec-fetch-site", "cross-site");
    assert_eq!(send(foreign).await.code(), "forbidden");
    assert_eq!(send(post().header("x-csrf-token", &csrf)).await.status, 201);
    let form = |body: String| {
        let request = manager.bare(Method::POST, "/sign-out").header("cookie", &cookie);
        request.header("content-type", "application/x-www-form-urlencoded").body(body)
    };
    assert_eq!(send(form("csrf=wrong".into())).await.status, 403);
    assert!(send(form(format!("csrf={csrf}"))).await.status.is_redirection());
    let after = manager.bare(Method::GET, "/api/v1/apps").header("cookie", &cookie);
    assert_eq!(send(after).await.status, 401);
}

/// The first text of 64 hexadecimal digits in a page: its session's CSRF token.
fn csrf_in(page: &str) -> String {
    page.split(|c: char| !c.is_ascii_hexdigit())
        .find(|word| word.len() == 64)
        .expect("the page holds a CSRF token")
        .to_owned()
}

#[tokio::test]
async fn a_sign_in_link_works_once_and_its_cookie_is_kept_from_scripts_and_other_sites() {
    let manager = Steading::start().await;
    let first = send(manager.http.get(&manager.sign_in_url)).await;
    let cookie = first.headers["set-cookie"].to_str().unwrap();
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "{cookie}");
    assert_eq!(send(manager.http.get(&manager.sign_in_url)).await.status, 401);
}

#[tokio::test]
async fn a_browser_without_a_session_is_sent_to_sign_in_or_to_set_up() {
    let manager = Steading::start().await;
    assert!(manager.setup_code.is_none());
    let answer = send(manager.bare(Method::GET, "/")).await;
    assert_eq!(
        (answer.status.as_u16(), answer.headers["location"].as_bytes()),
        (303, &b"/sign-in"[..])
    );
    let fresh = Steading::with(|config| config.admin_password = None).await;
    assert!(fresh.setup_code.is_some());
    let answer = send(fresh.bare(Method::GET, "/apps/shop")).await;
    assert_eq!(answer.headers["location"], "/setup");
    let htmx = send(fresh.bare(Method::GET, "/").header("hx-request", "true")).await;
    assert_eq!(
        (htmx.status.as_u16(), htmx.headers["hx-redirect"].as_bytes()),
        (401, &b"/setup"[..])
    );
    assert_eq!(make_token(&fresh, "admin", PASSWORD).await.status, 401);
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let manager = Steading::start().await;
    for path in ["/api/v1/live", "/api/v1/apps", "/sign-in", "/nothing"] {
        let headers = send(manager.bare(Method::GET, path)).await.headers;
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'self'"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["referrer-policy"], "no-referrer", "{path}");
        assert!(headers.contains_key("x-request-id"), "{path}");
    }
}

#[tokio::test]
async fn another_password_in_the_configuration_replaces_the_old_one_and_ends_sessions() {
    let manager = Steading::start().await;
    let cookie = manager.cookie().await;
    let folder = manager.stop().await;
    let new = |config: &mut steading_manager::Config| {
        config.admin_password = Some(steading_protocol::Secret::new("another horse"));
    };
    let manager = Steading::in_folder(folder, new).await;
    let get = manager.bare(Method::GET, "/api/v1/apps").header("cookie", &cookie);
    assert_eq!(send(get).await.status, 401);
    assert_eq!(make_token(&manager, "admin", PASSWORD).await.status, 401);
    assert_eq!(make_token(&manager, "admin", "another horse").await.status, 201);
}

#[tokio::test]
async fn the_document_describes_every_route_with_its_credential() {
    let manager = Steading::start().await;
    let document = manager.get("/openapi.json").await;
    let security =
        |path: &str, method: &str| -> Value { document["paths"][path][method]["security"].clone() };
    assert_eq!(security("/api/v1/apps", "get"), json!([{"token": []}]));
    assert_eq!(security("/api/v1/workers/join", "post"), json!([{"join": []}]));
    assert_eq!(security("/api/v1/workers/{worker}/desired", "get"), json!([{"worker": []}]));
    assert!(document["components"]["schemas"]["ErrorBody"].is_object());
}
