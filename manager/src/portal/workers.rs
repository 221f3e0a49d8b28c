//! `/workers`: the workers with their load, and how to add one.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::header::HOST;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use jiff::Timestamp;
use steading_protocol::Secret;
use steading_protocol::api::{Placement, Worker, WorkerState};
use steading_protocol::desired::{PlacementState, WorkerLoad};
use url::{Host, Url};

use super::live::{Live, Poll};
use super::pill::Pill;
use super::view::{Frame, Moment, Section, bytes, number};
use crate::auth::Session;
use crate::error::ApiError;
use crate::state::Shared;

/// The page.
#[derive(Template)]
#[template(path = "workers.html")]
pub(crate) struct WorkersPage {
    pub(crate) frame: Frame,
    pub(crate) list: Live,
    pub(crate) join_command: String,
    /// The rendered token, when it was asked for without scripts.
    pub(crate) join_token: Option<String>,
}

/// The join token, only after someone asked to see it.
#[derive(Template)]
#[template(path = "join_token.html")]
pub(crate) struct JoinToken {
    token: Secret,
}

/// The table of workers, which keeps itself up to date.
#[derive(Template)]
#[template(path = "workers_list.html")]
pub(crate) struct WorkerList {
    rows: Vec<WorkerRow>,
}

struct WorkerRow {
    name: String,
    url: String,
    platform: String,
    release: String,
    state: &'static str,
    pill: Pill,
    /// Why it takes no work.
    why: Option<String>,
    /// `key=value`.
    labels: Vec<String>,
    /// Of live workers only: what others last said no longer holds.
    in_flight: Option<InFlight>,
    invocations: String,
    failures: String,
    memory: String,
    placements: String,
    seen: Moment,
}

/// Invocations under way, in words and for a meter.
struct InFlight {
    text: String,
    value: u64,
    max: u64,
    /// From here on a worker soon refuses calls: four fifths.
    high: u64,
}

impl WorkerList {
    pub(crate) fn new(workers: Vec<Worker>, placements: &[Placement], now: Timestamp) -> Self {
        let row = |worker: Worker| {
            let own = placements.iter().filter(|p| p.worker == worker.worker);
            let wanted = own.clone().count();
            let ready = own.filter(|p| p.state == PlacementState::Ready).count();
            let text = match wanted {
                0 => "none".to_owned(),
                wanted => format!("{ready} of {wanted} ready"),
            };
            WorkerRow::new(worker, text, now)
        };
        Self { rows: workers.into_iter().map(row).collect() }
    }
}

impl InFlight {
    fn new(load: &WorkerLoad) -> Self {
        let max = load.in_flight_max.max(1);
        Self {
            text: format!("{} of {}", number(load.in_flight), number(load.in_flight_max)),
            value: load.in_flight.min(max),
            max,
            high: max - max / 5,
        }
    }
}

impl WorkerRow {
    fn new(worker: Worker, placements: String, now: Timestamp) -> Self {
        let load = &worker.load;
        let is_live = worker.state == WorkerState::Live;
        Self {
            pill: Pill::of_worker(&worker),
            why: worker.availability.detail.clone().filter(|_| is_live),
            labels: worker.labels.iter().map(|(key, value)| format!("{key}={value}")).collect(),
            url: worker.url,
            platform: worker.platform,
            release: worker.release,
            state: worker.state.as_str(),
            in_flight: is_live.then(|| InFlight::new(load)),
            invocations: number(load.invocations),
            failures: number(load.failures),
            memory: match load.resident_bytes {
                0 => "unknown".into(),
                count => bytes(count),
            },
            placements,
            seen: Moment::new(worker.seen_at, now),
            name: worker.name,
        }
    }
}

/// `GET /workers`.
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    session: Session,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    page(&shared, &session, &headers, None).await
}

/// `GET /live/workers`.
pub(crate) async fn poll(
    State(shared): State<Arc<Shared>>,
    _: Session,
    Query(poll): Query<Poll>,
) -> Result<Response, ApiError> {
    list(&shared).await?.answer(&poll)
}

/// `POST /workers/join-token`: shows the join token to the administrator who asks for it.
pub(crate) async fn reveal(
    State(shared): State<Arc<Shared>>,
    session: Session,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    tracing::info!("join token shown in the portal");
    let token = JoinToken { token: shared.auth.join_token_text.clone() };
    if super::is_htmx(&headers) {
        return super::html(StatusCode::OK, &token);
    }
    page(&shared, &session, &headers, Some(token.render()?)).await
}

async fn page(
    shared: &Shared,
    session: &Session,
    headers: &HeaderMap,
    join_token: Option<String>,
) -> Result<Response, ApiError> {
    let host = headers.get(HOST).and_then(|value| value.to_str().ok());
    let url = url_for_workers(&shared.settings.url, host);
    let page = WorkersPage {
        frame: Frame::new(session, Section::Workers),
        list: list(shared).await?,
        join_command: format!("steading worker --manager {url}"),
        join_token,
    };
    super::html(StatusCode::OK, &page)
}

/// Where another machine reaches the manager: its own address, or when that is good on this machine
/// only, the one that the browser came by.
fn url_for_workers(own: &Url, host: Option<&str>) -> String {
    let is_local = match own.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        _ => false,
    };
    let seen = host.and_then(|host| Url::parse(&format!("{}://{host}", own.scheme())).ok());
    let url = seen.filter(|_| is_local).unwrap_or_else(|| own.clone());
    url.as_str().trim_end_matches('/').to_owned()
}

async fn list(shared: &Shared) -> Result<Live, ApiError> {
    let workers = shared.store.worker_list().await?;
    let placements = shared.store.placement_list(None).await?;
    let list = WorkerList::new(workers, &placements, shared.now());
    Ok(Live::new("worker-list", "/live/workers", &list)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portal::sample;

    fn rendered(join_token: Option<String>) -> String {
        let placements = [sample::placement(2, PlacementState::Ready)];
        let list = WorkerList::new(vec![sample::worker()], &placements, sample::now());
        let page = WorkersPage {
            frame: sample::frame(),
            list: Live::new("worker-list", "/live/workers", &list).unwrap(),
            join_command: "steading worker --manager http://127.0.0.1:7070".into(),
            join_token,
        };
        page.render().unwrap()
    }

    #[test]
    fn a_worker_shows_its_state_and_load() {
        let html = rendered(None);
        sample::check(&html);
        for part in ["data-worker-state=\"live\"", "3 of 1\u{202f}000", "84 MiB", "1 of 1 ready"] {
            assert!(html.contains(part), "{part} in {html}");
        }
    }

    #[test]
    fn the_join_command_names_an_address_that_others_reach() {
        let url = |own: &str, host| url_for_workers(&own.parse().unwrap(), host);
        let local = "http://127.0.0.1:7070/";
        assert_eq!(url(local, Some("farm.example:7070")), "http://farm.example:7070");
        assert_eq!(url(local, None), "http://127.0.0.1:7070");
        assert_eq!(url(local, Some("a b")), "http://127.0.0.1:7070");
        assert_eq!(url("https://farm.example", Some("10.0.0.1")), "https://farm.example");
    }

    #[test]
    fn the_join_token_is_not_on_the_page_until_asked_for() {
        let token = JoinToken { token: Secret::new("join-secret") };
        assert!(!rendered(None).contains("join-secret"));
        assert!(rendered(Some(token.render().unwrap())).contains("join-secret"));
    }
}
