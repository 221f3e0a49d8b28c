//! What the benchmarks measure from the inside: planning without a store, and the embedded store without
//! HTTP. Makes installations of any size; measures nothing itself.

use std::collections::HashSet;
use std::path::Path;

use jiff::Timestamp;
use steading_protocol::desired::{Heartbeat, PlacementState};
use steading_protocol::{
    AppName, Availability, AvailabilityState, Capacity, Labels, PlacementRules, Replicas,
    VersionNumber, WorkerId,
};

use crate::auth::SecretHash;
use crate::clock;
use crate::schedule::{LiveWorker, PlannedApp, PlannedVersion, Snapshot, WorkerPlacement, plan};
use crate::store::{NewWorker, Sqlite, Store};

/// The error of a store.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// An installation to plan.
pub struct Planning(Snapshot);

impl Planning {
    /// Apps that are wanted on so many workers each, or on all, and are nowhere yet.
    pub fn fresh(apps: u32, workers: u32, replicas: Option<u32>) -> Self {
        let rules = PlacementRules {
            replicas: replicas.map_or(Replicas::All, Replicas::Count),
            workers: Labels::new(),
        };
        let app = |number| PlannedApp {
            app: named(number),
            current: PlannedVersion::new(VersionNumber(1), rules.clone(), &[]),
            rollout: None,
            default: number == 0,
            created_at: Timestamp::UNIX_EPOCH,
        };
        let worker = |number| LiveWorker {
            worker: id(number),
            name: format!("worker {number}"),
            labels: Labels::new(),
            capacity: Capacity { memory_bytes: 0, instances: 1000 },
            availability: AvailabilityState::Available,
            modules: HashSet::new(),
            placements: vec![],
        };
        let (apps, workers) = ((0..apps).map(app).collect(), (0..workers).map(worker).collect());
        Self(Snapshot { apps, workers })
    }

    /// Plans; returns how many workers are told something new.
    pub fn plan(&self) -> usize {
        plan(&self.0).assignments.len()
    }

    /// Carries the plan out, and has every worker report what it is told as ready.
    pub fn settle(&mut self) {
        for assignment in plan(&self.0).assignments {
            let worker = self.0.workers.iter_mut().find(|w| w.worker == assignment.worker);
            let ready = |wanted: crate::schedule::Wanted| WorkerPlacement {
                app: wanted.app.clone(),
                version: wanted.version,
                wanted: Some(wanted),
                state: PlacementState::Ready,
                detail: None,
            };
            if let Some(worker) = worker {
                worker.placements = assignment.wanted.into_iter().map(ready).collect();
            }
        }
    }

    /// Takes one worker away.
    pub fn lose_worker(&mut self) {
        self.0.workers.pop();
    }
}

/// The embedded store with workers in it.
pub struct Heartbeats {
    store: Sqlite,
    workers: Vec<WorkerId>,
}

impl Heartbeats {
    /// Opens a store in a folder and lets so many workers join.
    pub async fn open(folder: &Path, workers: u32) -> Result<Self, BoxError> {
        let store = Sqlite::open(folder, None).await?;
        let mut joined = vec![];
        for number in 0..workers {
            let worker = NewWorker {
                earlier: None,
                fresh: id(number),
                name: format!("worker {number}"),
                url: "http://127.0.0.1:7071".into(),
                release: "0".into(),
                platform: "linux/x86_64".into(),
                labels: Labels::new(),
                capacity: Capacity::default(),
                availability: Availability::default(),
                modules: vec![],
                token: SecretHash::of(&number.to_string()),
            };
            joined.push(store.worker_join(worker, clock::now()).await?);
        }
        Ok(Self { store, workers: joined })
    }

    /// One heartbeat of a worker; they take turns.
    pub async fn beat(&self, turn: usize) -> Result<(), BoxError> {
        let worker = &self.workers[turn % self.workers.len()];
        self.store.worker_heartbeat(worker, Heartbeat::default(), clock::now()).await?;
        Ok(())
    }
}

fn named(number: u32) -> AppName {
    format!("app{number}").parse().expect("letters and digits are an app name")
}

fn id(number: u32) -> WorkerId {
    format!("w-{number}").parse().expect("letters and digits are a worker id")
}
