//! The portal's static files, compiled in. Pages name them with their digest (`?v=…`), so a browser
//! keeps them for good and still takes new ones after an upgrade. htmx is 2.0.11 as npm has it, with
//! its licence beside it.

use std::sync::LazyLock;

use axum::extract::{Path, Query};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::error::{ApiError, Code};

struct Asset {
    name: &'static str,
    mime: &'static str,
    bytes: &'static [u8],
    digest: String,
}

const STYLE: &str = concat!(
    include_str!("../../assets/css/base.css"),
    include_str!("../../assets/css/frame.css"),
    include_str!("../../assets/css/form.css"),
    include_str!("../../assets/css/parts.css"),
);

static ASSETS: LazyLock<[Asset; 5]> = LazyLock::new(|| {
    let asset = |name, mime, bytes: &'static [u8]| {
        let digest = hex::encode(&Sha256::digest(bytes)[..8]);
        Asset { name, mime, bytes, digest }
    };
    const SCRIPT: &str = "text/javascript; charset=utf-8";
    [
        asset("portal.css", "text/css; charset=utf-8", STYLE.as_bytes()),
        asset("portal.js", SCRIPT, include_bytes!("../../assets/portal.js")),
        asset("htmx.min.js", SCRIPT, include_bytes!("../../assets/htmx/htmx.min.js")),
        asset(
            "htmx-license.txt",
            "text/plain; charset=utf-8",
            include_bytes!("../../assets/htmx/LICENSE"),
        ),
        asset("mark.svg", "image/svg+xml", include_bytes!("../../assets/mark.svg")),
    ]
});

/// The address of an asset, for templates. A name that is not there gives an address that answers
/// 404; a test renders every page and looks for none.
pub(crate) fn href(name: &str) -> String {
    let digest = ASSETS.iter().find(|a| a.name == name).map_or("", |a| a.digest.as_str());
    format!("/assets/{name}?v={digest}")
}

#[derive(Deserialize)]
pub(crate) struct Wanted {
    v: Option<String>,
}

/// `GET /assets/{name}`.
pub(crate) async fn serve(
    Path(name): Path<String>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Response {
    let Some(asset) = ASSETS.iter().find(|a| a.name == name) else {
        let message = format!("there is no asset `{name}`");
        return ApiError::new(Code::NotFound, message).into_response();
    };
    let etag = format!("\"{}\"", asset.digest);
    let keep = if wanted.v.as_deref() == Some(&asset.digest) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let caching = [(header::ETAG, etag.clone()), (header::CACHE_CONTROL, keep.to_owned())];
    let known = headers.get_all(header::IF_NONE_MATCH).iter();
    if known.filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(',')).any(|v| v.trim() == etag) {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    (caching, [(header::CONTENT_TYPE, asset.mime)], asset.bytes).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn get(name: &str, v: Option<String>, etag: Option<&str>) -> Response {
        let mut headers = HeaderMap::new();
        if let Some(etag) = etag {
            headers.insert(header::IF_NONE_MATCH, etag.parse().unwrap());
        }
        serve(Path(name.into()), Query(Wanted { v }), headers).await
    }

    #[tokio::test]
    async fn an_asset_under_its_digest_is_kept_and_otherwise_asked_for_again() {
        let version = href("portal.css").split_once("?v=").map(|(_, v)| v.to_owned());
        let kept = get("portal.css", version, None).await;
        assert_eq!(kept.status(), StatusCode::OK);
        assert!(kept.headers()[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
        let stale = get("portal.css", Some("older".into()), None).await;
        assert_eq!(stale.headers()[header::CACHE_CONTROL], "no-cache");
        let etag = stale.headers()[header::ETAG].to_str().unwrap();
        let again = get("portal.css", None, Some(etag)).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    }

    #[tokio::test]
    async fn an_unknown_asset_is_not_found() {
        assert_eq!(get("../Cargo.toml", None, None).await.status(), StatusCode::NOT_FOUND);
    }
}
