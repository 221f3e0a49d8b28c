//! Calling a function through the manager, as the portal's test pane does: picks a worker that has
//! the app ready, forwards one request, returns the answer whole. Not a gateway: one call, small
//! bodies.
//!
//! One invariant: a call goes to the URL that a live worker joined with, below
//! `/functions/<app>/api/`, and nowhere else.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use percent_encoding::percent_decode_str;
use steading_protocol::api::{InvokeReply, InvokeRequest, Placement, Worker, WorkerState};
use steading_protocol::desired::PlacementState;
use steading_protocol::problem::ErrorBody;
use steading_protocol::{AppName, FunctionName, WorkerId};
use url::Url;

use super::app_of;
use super::extract::{JsonBody, Path};
use super::functions::current_version;
use crate::error::{ApiError, Code};
use crate::state::Shared;

/// The JSON of a call: 10 MiB of body in base64, and its headers.
pub(super) const BODY_BYTES_MAX: u64 = 14 << 20;

/// The longest answer passed on; more belongs into a direct call.
const REPLY_BYTES_MAX: usize = 10 << 20;

/// How long a call may take: the default deadline of a function four times over.
pub(crate) const CALL_TIME_MAX: Duration = Duration::from_secs(120);

/// Headers that belong to one connection, or that the call sets by itself.
const HEADERS_KEPT_BACK: &[HeaderName] = &[
    header::HOST,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::TE,
    header::TRAILER,
    header::EXPECT,
];

/// Calls a function through the manager.
#[utoipa::path(post, path = "/apps/{app}/functions/{function}/invoke", tag = "functions",
    params(("app" = String, Path), ("function" = String, Path)), security(("token" = [])),
    responses((status = 200, body = InvokeReply), (status = "default", body = ErrorBody)))]
pub(super) async fn function_invoke(
    State(shared): State<Arc<Shared>>,
    Path((app, function)): Path<(AppName, FunctionName)>,
    JsonBody(request): JsonBody<InvokeRequest>,
) -> Result<Json<InvokeReply>, ApiError> {
    invoke(&shared, &app, &function, request).await.map(Json)
}

/// Calls a function of an app's current version on a worker that has it ready.
pub(crate) async fn invoke(
    shared: &Shared,
    app: &AppName,
    function: &FunctionName,
    request: InvokeRequest,
) -> Result<InvokeReply, ApiError> {
    let current = app_of(shared, app).await?;
    let version = current_version(shared, &current).await?;
    if !version.functions.iter().any(|spec| spec.name == *function) {
        return Err(ApiError::new(
            Code::FunctionUnknown,
            format!("app `{app}` has no function `{function}`"),
        ));
    }
    let workers = shared.store.worker_list().await?;
    let placements = shared.store.placement_list(Some(app)).await?;
    let worker = choose(workers, &placements, request.worker.as_ref())?;
    let url = call_url(&worker, app, &request.path)?;
    call(shared, &worker, url, request).await
}

/// The named worker, or else the ready one with the fewest invocations running.
fn choose(
    workers: Vec<Worker>,
    placements: &[Placement],
    named: Option<&WorkerId>,
) -> Result<Worker, ApiError> {
    if let Some(named) = named
        && !workers.iter().any(|worker| worker.worker == *named)
    {
        return Err(ApiError::new(Code::WorkerUnknown, format!("there is no worker `{named}`")));
    }
    let ready = |worker: &Worker| {
        worker.state == WorkerState::Live
            && placements
                .iter()
                .any(|p| p.worker == worker.worker && p.state == PlacementState::Ready)
    };
    workers
        .into_iter()
        .filter(|worker| named.is_none_or(|named| worker.worker == *named) && ready(worker))
        .min_by_key(|worker| worker.load.in_flight)
        .ok_or_else(|| {
            let message = match named {
                Some(named) => format!("worker `{named}` does not have this app ready"),
                None => "no worker has this app ready".to_owned(),
            };
            ApiError::new(Code::NoWorkerReady, message)
        })
}

/// The URL of a call; refuses a path that would lead elsewhere.
fn call_url(worker: &Worker, app: &AppName, path: &str) -> Result<Url, ApiError> {
    let refused =
        |reason: &str| ApiError::new(Code::BodyInvalid, format!("`path`: `{path}` {reason}"));
    let relative = path.strip_prefix('/').unwrap_or(path);
    let relative = relative.strip_prefix("api/").unwrap_or(relative);
    let (route, query) = match relative.split_once('?') {
        Some((route, query)) => (route, Some(query)),
        None => (relative, None),
    };
    if route.contains(['\\', '#']) || path.chars().any(char::is_control) {
        return Err(refused("has a character that cannot stand in a path"));
    }
    for segment in route.split('/') {
        let decoded = percent_decode_str(segment).decode_utf8_lossy();
        if decoded == "." || decoded == ".." {
            return Err(refused("has a part that leads out of the app"));
        }
    }
    let unusable = |_| ApiError::new(Code::WorkerUnreachable, "the worker's address is unusable");
    let mut url: Url = worker.url.parse().map_err(unusable)?;
    let prefix = format!("{}/functions/{app}/api/", url.path().trim_end_matches('/'));
    url.set_path(&format!("{prefix}{route}"));
    url.set_query(query);
    if url.path().starts_with(&prefix) { Ok(url) } else { Err(refused("leads out of the app")) }
}

async fn call(
    shared: &Shared,
    worker: &Worker,
    url: Url,
    request: InvokeRequest,
) -> Result<InvokeReply, ApiError> {
    let invalid = |field: &str| {
        ApiError::new(Code::BodyInvalid, format!("`{field}` is not what HTTP allows"))
    };
    let method: Method = request.method.parse().map_err(|_| invalid("method"))?;
    let body = STANDARD
        .decode(&request.body_base64)
        .map_err(|_| ApiError::new(Code::BodyInvalid, "`body_base64` is not base64"))?;
    let headers = headers_of(&request.headers).ok_or_else(|| invalid("headers"))?;
    let unreachable = |error: reqwest::Error| {
        ApiError::new(
            Code::WorkerUnreachable,
            format!("worker `{}` did not answer the call", worker.worker),
        )
        .caused_by(error)
    };
    let begun = Instant::now();
    let send = shared.http.request(method, url).headers(headers).body(body).timeout(CALL_TIME_MAX);
    let mut answer = send.send().await.map_err(unreachable)?;
    let mut body = vec![];
    while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > REPLY_BYTES_MAX {
            return Err(ApiError::new(
                Code::ReplyTooLarge,
                format!(
                    "the function answered more than {REPLY_BYTES_MAX} bytes; call it directly"
                ),
            ));
        }
        body.extend_from_slice(&chunk);
    }
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Ok(InvokeReply {
        worker: worker.worker.clone(),
        status: answer.status().as_u16(),
        headers: answer.headers().iter().map(|(n, v)| (n.to_string(), text(v))).collect(),
        body_base64: STANDARD.encode(body),
        duration_us: u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX),
    })
}

fn headers_of(pairs: &[(String, String)]) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let name: HeaderName = name.parse().ok()?;
        if !HEADERS_KEPT_BACK.contains(&name) {
            headers.append(name, value.parse().ok()?);
        }
    }
    Some(headers)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::portal::sample;

    fn worker(url: &str) -> Worker {
        Worker { url: url.into(), ..sample::worker() }
    }

    fn url(path: &str) -> Option<String> {
        let app = "shop".parse().unwrap();
        call_url(&worker("http://w:7071"), &app, path).ok().map(String::from)
    }

    #[test]
    fn a_path_stays_below_the_app() {
        let base = "http://w:7071/functions/shop/api/";
        for (path, tail) in [
            ("orders/7?full=1", "orders/7?full=1"),
            ("/orders", "orders"),
            ("/api/orders", "orders"),
            ("", ""),
            ("a b", "a%20b"),
            ("http://evil/", "http://evil/"),
            ("orders?next=/../x", "orders?next=/../x"),
        ] {
            assert_eq!(url(path), Some(format!("{base}{tail}")), "{path}");
        }
        for path in ["..", "a/../../b", "%2e%2e/x", ".%2E/x", "a/./b", "a\\..\\b", "a#b", "a\nb"] {
            assert_eq!(url(path), None, "{path}");
        }
    }

    #[test]
    fn headers_of_the_connection_are_kept_back() {
        let pair = |n: &str, v: &str| (n.to_owned(), v.to_owned());
        let headers = headers_of(&[pair("Host", "evil"), pair("x-a", "1"), pair("x-a", "2")]);
        assert_eq!(headers.unwrap().len(), 2);
        assert!(headers_of(&[pair("a b", "1")]).is_none());
        assert!(headers_of(&[pair("a", "1\n2")]).is_none());
    }

    proptest! {
        #[test]
        fn no_path_leads_out_of_the_app(path in "[a-z./%2eE\\\\:@?#;]{0,24}") {
            if let Some(url) = url(&path) {
                prop_assert!(url.starts_with("http://w:7071/functions/shop/api/"), "{}", url);
            }
        }
    }
}
