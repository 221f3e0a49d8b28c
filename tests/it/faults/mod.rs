//! What happens when something dies, stops, fills up or is cut off. Every test ends with the same
//! [invariants](Scene::invariants): what was acknowledged is there, and no row of the manager says other
//! than what its worker does. What a healthy worker could have answered, was.

mod cache_full;
mod manager;
mod store;
mod token;
mod worker;

use std::time::Duration;

use reqwest::StatusCode;
use steading_protocol::VersionNumber;
use steading_protocol::api::{List, Status, Version, WorkerState};
use steading_protocol::desired::PlacementState;
use steading_tests::{Builder, Cluster, Gateway, Load, eventually, http, packages};

use crate::setup::{binary, built};

/// On a busy machine, with a worker that counts as lost after 3 s and another pause until it is back.
const SOON: Duration = Duration::from_secs(60);

/// The app that is called all the time.
const APP: &str = "app";

/// A cluster behind a gateway, and what it has acknowledged.
struct Scene {
    cluster: Cluster,
    gateway: Gateway,
    guests: Vec<u8>,
    /// App, version, and the digit in the text that this version answers.
    acknowledged: Vec<(String, VersionNumber, u8)>,
}

impl Scene {
    /// Starts it, with version 1 of [`APP`] in service on every worker.
    async fn start(builder: Builder, workers: usize) -> Self {
        let cluster = builder.workers(workers).start().await;
        let guests = packages::module_of(&built("tests/guests").await);
        let gateway = Gateway::start(binary(), cluster.manager(), "").await;
        let mut scene = Self { cluster, gateway, guests, acknowledged: vec![] };
        scene.publish(APP, 1).await;
        scene.in_service().await;
        eventually("the gateway to answer", SOON, || async {
            let reply = http::get(&scene.url()).await;
            if reply.status == StatusCode::OK { Ok(()) } else { Err(reply.text()) }
        })
        .await;
        scene
    }

    /// Where the gateway answers for [`APP`].
    fn url(&self) -> String {
        format!("{}/functions/{APP}/api/steady", self.gateway.url())
    }

    /// A steady caller of the gateway.
    fn load(&self) -> Load {
        Load::start(self.url())
    }

    /// Publishes a module that answers with `digit`; it must be acknowledged.
    async fn publish(&mut self, app: &str, digit: u8) {
        let module = packages::steady(&self.guests, digit);
        let reply = self.cluster.api().publish(app, &module).await;
        let reply = reply.unwrap_or_else(|refusal| panic!("{app}: {refusal}"));
        self.acknowledged.push((app.to_owned(), reply.version, digit));
    }

    /// Waits until every live worker has applied everything it is told, and nothing is under way.
    async fn in_service(&self) -> Status {
        eventually("everything to be in service", SOON, || async {
            let status = self.cluster.api().status().await;
            match unsettled(&status) {
                None => Ok(status),
                Some(what) => Err(what),
            }
        })
        .await
    }

    /// What must hold after every fault.
    async fn invariants(&self) {
        for (app, version, _) in &self.acknowledged {
            let listed: List<Version> =
                self.cluster.api().get(&format!("apps/{app}/versions")).await;
            let found = listed.items.iter().any(|listed| listed.version == *version);
            assert!(found, "{app} {version} was acknowledged and is gone");
        }
        let status = self.in_service().await;
        for (index, url) in self.cluster.workers().into_iter().enumerate() {
            let name = format!("worker-{index}");
            let rows = status.placements.iter().filter(|row| row.worker_name == name);
            for row in rows.filter(|row| row.percent == Some(100)) {
                let digit = self.digit(row.app.as_str(), row.version);
                let said = http::get(&format!("{url}/functions/{}/api/steady", row.app)).await;
                let expected = format!("the steady guest, version {digit}");
                assert_eq!(said.text(), expected, "{} {} on {name}", row.app, row.version);
            }
        }
        assert_eq!(http::get(&self.url()).await.status, StatusCode::OK, "through the gateway");
    }

    fn digit(&self, app: &str, version: VersionNumber) -> u8 {
        let known = self.acknowledged.iter().find(|(a, v, _)| (a.as_str(), *v) == (app, version));
        known.unwrap_or_else(|| panic!("{app} {version} was never acknowledged")).2
    }
}

/// What is not yet as it should be.
fn unsettled(status: &Status) -> Option<String> {
    if let Some(app) = status.apps.iter().find(|app| app.rollout.is_some()) {
        return Some(format!("{app:?}"));
    }
    if let Some(worker) = status
        .workers
        .iter()
        .find(|worker| worker.state != WorkerState::Live || worker.applied != worker.generation)
    {
        return Some(format!("{worker:?}"));
    }
    let wanted = status.placements.iter().filter(|row| row.percent.is_some());
    let unready =
        wanted.filter(|row| row.state != PlacementState::Ready).map(|row| format!("{row:?}"));
    let missing = status.apps.iter().filter(|app| {
        let on = status.placements.iter().filter(|row| {
            row.app == app.app && row.version == app.version && row.percent.is_some()
        });
        on.count() != status.workers.len()
    });
    unready.chain(missing.map(|app| format!("{app:?} is not everywhere"))).next()
}
