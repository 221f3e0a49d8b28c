//! The URLs at which a function answers on the live workers. Pure.

use steading_protocol::api::{App, Worker, WorkerState};
use steading_protocol::{FunctionSpec, Trigger};
use url::Url;

/// The URLs of a function, shortest form first: `/api/…` when its app is the default one, the app's
/// own hosts, `/functions/<app>/api/…`; each form for every live worker in the order given.
pub(super) fn of(app: &App, workers: &[Worker], function: &FunctionSpec) -> Vec<String> {
    let Trigger::Http(http) = &function.trigger;
    let route = http.route.as_str();
    let live: Vec<Url> = workers
        .iter()
        .filter(|worker| worker.state == WorkerState::Live)
        .filter_map(|worker| worker.url.parse().ok())
        .collect();
    let base = |url: &Url| url.as_str().trim_end_matches('/').to_owned();
    let mut urls = vec![];
    if app.default {
        urls.extend(live.iter().map(|url| format!("{}/api/{route}", base(url))));
    }
    for host in &app.hosts {
        urls.extend(live.iter().filter_map(|url| {
            let mut url = url.clone();
            url.set_host(Some(host)).ok()?;
            Some(format!("{}/api/{route}", base(&url)))
        }));
    }
    let named = |url: &Url| format!("{}/functions/{}/api/{route}", base(url), app.app);
    urls.extend(live.iter().map(named));
    let mut seen = std::collections::HashSet::new();
    urls.retain(|url| seen.insert(url.clone()));
    urls
}

#[cfg(test)]
mod tests {
    use steading_protocol::{
        AppLimits, AuthLevel, Digest, Grants, HttpTrigger, Limits, PlacementRules, VersionNumber,
    };

    use super::*;
    use crate::clock;
    use crate::portal::sample;

    fn worker(url: &str, state: WorkerState) -> Worker {
        Worker { url: url.into(), state, ..sample::worker() }
    }

    #[test]
    fn shorter_forms_come_first_and_dead_workers_do_not_count() {
        let mut app = App {
            app: "shop".parse().unwrap(),
            version: VersionNumber(1),
            rollout: None,
            placement: PlacementRules::default(),
            limits: AppLimits::default(),
            grants: Grants::default(),
            default: true,
            hosts: vec!["shop.example".into()],
            created_at: clock::now(),
        };
        let function = FunctionSpec {
            name: "orders".parse().unwrap(),
            module: Digest::from_bytes([0; 32]),
            export: "e".into(),
            trigger: Trigger::Http(HttpTrigger {
                route: "orders/{id?}".parse().unwrap(),
                methods: vec![],
                auth: AuthLevel::Anonymous,
            }),
            limits: Limits::default(),
        };
        let workers = [
            worker("http://10.0.0.1:7071", WorkerState::Live),
            worker("http://10.0.0.2:7071/", WorkerState::Live),
            worker("http://10.0.0.3:7071", WorkerState::Lost),
        ];
        assert_eq!(
            of(&app, &workers, &function),
            [
                "http://10.0.0.1:7071/api/orders/{id?}",
                "http://10.0.0.2:7071/api/orders/{id?}",
                "http://shop.example:7071/api/orders/{id?}",
                "http://10.0.0.1:7071/functions/shop/api/orders/{id?}",
                "http://10.0.0.2:7071/functions/shop/api/orders/{id?}",
            ]
        );
        app.default = false;
        app.hosts.clear();
        assert_eq!(of(&app, &workers, &function).len(), 2);
    }
}
