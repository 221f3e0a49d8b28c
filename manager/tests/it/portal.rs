//! The portal without a browser: its forms, its fragments, and what its pages refer to. What a
//! browser makes of them is tested in a browser.

use http::Method;
use reqwest::RequestBuilder;

use crate::guest::module;
use crate::harness::{Answer, Double, PASSWORD, Steading, send};

/// A browser that is signed in, as far as the portal can tell.
struct Browser<'a> {
    manager: &'a Steading,
    cookie: String,
    csrf: String,
}

impl<'a> Browser<'a> {
    async fn sign_in(manager: &'a Steading) -> Self {
        Self::with(manager, manager.cookie().await).await
    }

    async fn with(manager: &'a Steading, cookie: String) -> Self {
        let page = send(manager.bare(Method::GET, "/").header("cookie", &cookie)).await.text();
        let (_, rest) =
            page.split_once("name=\"csrf-token\" content=\"").expect("a signed-in page");
        let csrf = rest.split('"').next().unwrap().to_owned();
        Self { manager, cookie, csrf }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.manager.bare(method, path).header("cookie", &self.cookie)
    }

    async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }

    /// Sends a form; the CSRF field goes first.
    async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut body = format!("csrf={}", self.csrf);
        for (name, value) in fields {
            body.push_str(&format!("&{name}={value}"));
        }
        let request = self.request(Method::POST, path).body(body);
        send(request.header("content-type", "application/x-www-form-urlencoded")).await
    }
}

/// A multipart form; a field called `file` is one.
fn multipart(request: RequestBuilder, fields: &[(&str, &[u8])]) -> RequestBuilder {
    let mut body = vec![];
    for (name, value) in fields {
        let file = if *name == "file" { "; filename=\"shop.wasm\"" } else { "" };
        let head =
            format!("--edge\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
        body.extend([head.as_bytes(), value, b"\r\n"].concat());
    }
    body.extend(b"--edge--\r\n");
    request.header("content-type", "multipart/form-data; boundary=edge").body(body)
}

#[tokio::test]
async fn an_upload_counts_only_with_its_csrf_token_before_everything_else() {
    let manager = Steading::start().await;
    let browser = Browser::sign_in(&manager).await;
    let upload = async |fields: &[(&str, &[u8])]| {
        send(multipart(browser.request(Method::POST, "/upload"), fields)).await
    };
    let (module, csrf) = (module(), browser.csrf.as_bytes());
    let (app, file) = (("app", &b"shop"[..]), ("file", &module[..]));
    for refused in
        [&[app, file][..], &[("csrf", b"wrong"), app, file], &[app, file, ("csrf", csrf)]]
    {
        let answer = upload(refused).await;
        assert_eq!(answer.status, 403, "{}", answer.text());
    }
    assert_eq!(manager.get("/apps").await["items"].as_array().unwrap().len(), 0);
    let answer = upload(&[("csrf", csrf), app, file]).await;
    assert_eq!(answer.status, 303, "{}", answer.text());
    assert_eq!(answer.headers["location"], "/apps/shop");
    assert_eq!(manager.get("/apps").await["items"][0]["app"], "shop");
}

#[tokio::test]
async fn an_upload_by_script_is_answered_with_a_fragment_and_a_refused_one_with_its_reason() {
    let manager = Steading::start().await;
    let browser = Browser::sign_in(&manager).await;
    let upload = async |app: &[u8], file: &[u8]| {
        let request = browser.request(Method::POST, "/upload").header("hx-request", "true");
        let request = request.header("x-csrf-token", &browser.csrf);
        send(multipart(request, &[("app", app), ("file", file)])).await
    };
    let done = upload(b"shop", &module()).await;
    assert_eq!(done.status, 201, "{}", done.text());
    assert_eq!(done.headers["hx-trigger"], "app-list-changed");
    assert!(done.text().contains("is published as version 1"), "{}", done.text());
    for (app, file, status, reason) in [
        (&b"shop"[..], &b"no wasm"[..], 422, "neither a wasm module nor a zip"),
        (b"No Good", &module(), 422, "is not a valid app name"),
        (b"shop", b"", 400, "that is not empty"),
    ] {
        let refused = upload(app, file).await;
        assert_eq!(refused.status, status, "{}", refused.text());
        assert!(refused.text().contains(reason), "{}", refused.text());
        assert!(!refused.text().contains("<html"), "{}", refused.text());
    }
}

#[tokio::test]
async fn every_page_is_whole_and_names_only_assets_that_are_there() {
    let manager = Steading::start().await;
    manager.published("shop", module()).await;
    let _worker = Double::join(&manager, "barn").await;
    let browser = Browser::sign_in(&manager).await;
    let pages = ["/", "/apps/shop", "/workers", "/tokens", "/nothing", "/apps/none", "/apps/No"];
    let mut assets = std::collections::BTreeSet::new();
    for path in pages {
        let answer = browser.get(path).await;
        let found = !path.starts_with("/n") && !path.starts_with("/apps/n") && path != "/apps/No";
        assert_eq!(answer.status, if found { 200 } else { 404 }, "{path}");
        assert_eq!(answer.headers["content-type"], "text/html; charset=utf-8", "{path}");
        let html = answer.text();
        assert!(html.trim_end().ends_with("</html>"), "{path}: {html}");
        for inline in ["<script>", "<style", " style=", " onclick="] {
            assert!(!html.contains(inline), "{inline} in {path}");
        }
        let named = html.split('"').filter(|text| text.starts_with("/assets/"));
        assets.extend(named.map(str::to_owned));
    }
    assert!(assets.len() >= 4, "{assets:?}");
    for asset in assets {
        let answer = send(manager.bare(Method::GET, &asset)).await;
        assert_eq!(answer.status, 200, "{asset}");
        let caching = answer.headers["cache-control"].to_str().unwrap();
        assert!(caching.contains("immutable"), "{asset}: {caching}");
    }
}

#[tokio::test]
async fn a_poll_is_answered_only_when_the_page_is_behind() {
    let manager = Steading::start().await;
    let browser = Browser::sign_in(&manager).await;
    let first = browser.get("/live/apps").await.text();
    let (_, rest) = first.split_once("seen=").unwrap();
    let path = format!("/live/apps?seen={}", rest.split('"').next().unwrap());
    assert_eq!(browser.get(&path).await.status, 204);
    manager.published("shop", module()).await;
    let changed = browser.get(&path).await;
    assert_eq!(changed.status, 200);
    assert!(changed.text().contains("data-app=\"shop\""), "{}", changed.text());
}

#[tokio::test]
async fn an_app_is_deleted_only_by_its_typed_name() {
    let manager = Steading::start().await;
    manager.published("shop", module()).await;
    let browser = Browser::sign_in(&manager).await;
    let refused = browser.form("/apps/shop/delete", &[("confirm", "shops")]).await;
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("not the name of this app"), "{}", refused.text());
    assert_eq!(browser.get("/apps/shop").await.status, 200);
    let done = browser.form("/apps/shop/delete", &[("confirm", "shop")]).await;
    assert_eq!((done.status.as_u16(), done.headers["location"].as_bytes()), (303, &b"/"[..]));
    assert_eq!(browser.get("/apps/shop").await.status, 404);
}

#[tokio::test]
async fn tokens_are_made_and_revoked_and_the_join_token_shows_only_on_request() {
    let manager = Steading::start().await;
    let browser = Browser::sign_in(&manager).await;
    let made = browser.form("/tokens", &[("name", "builds")]).await;
    assert_eq!(made.status, 201);
    assert!(made.text().contains("stk_"), "{}", made.text());
    let list = browser.get("/tokens").await.text();
    assert!(list.contains("builds") && !list.contains("stk_"), "{list}");
    let tokens = manager.get("/tokens").await;
    let token = tokens["items"].as_array().unwrap().iter().find(|t| t["name"] == "builds").unwrap();
    let path = format!("/tokens/{}/revoke", token["id"].as_str().unwrap());
    assert_eq!(browser.form(&path, &[]).await.status, 303);
    assert!(!browser.get("/tokens").await.text().contains("builds"));
    let workers = browser.get("/workers").await.text();
    assert!(!workers.contains(&manager.join_token));
    let shown = browser.form("/workers/join-token", &[]).await.text();
    assert!(shown.contains(&manager.join_token), "{shown}");
}

#[tokio::test]
async fn the_first_visitor_with_the_code_sets_the_password_and_is_signed_in() {
    let manager = Steading::with(|config| config.admin_password = None).await;
    let code = manager.setup_code.clone().unwrap();
    let set_up = async |code: &str, password: &str, repeat: &str| {
        let body = format!("code={code}&password={password}&repeat={repeat}");
        let request = manager.bare(Method::POST, "/setup").body(body);
        send(request.header("content-type", "application/x-www-form-urlencoded")).await
    };
    let password = PASSWORD.replace(' ', "+");
    assert_eq!(set_up("guess", &password, &password).await.status, 401);
    assert_eq!(set_up(&code, &password, "another").await.status, 422);
    assert_eq!(set_up(&code, "short", "short").await.status, 422);
    let done = set_up(&code, &password, &password).await;
    assert_eq!(done.status, 303, "{}", done.text());
    let cookie = done.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap();
    Browser::with(&manager, cookie.to_owned()).await;
    // The way in is closed behind it.
    let again = set_up(&code, &password, &password).await;
    assert_eq!(again.headers["location"], "/sign-in");
}
