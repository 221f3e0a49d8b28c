//! Workers without sandboxes: they join, pull, report everything as ready and send heartbeats, as the
//! real ones do, so that hundreds fit on one machine. They call nothing a success that the manager did
//! not answer.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::JOIN_TOKEN;
use crate::manager::client;

const HEARTBEAT_EVERY: Duration = Duration::from_secs(2);

/// How long a worker waits before it tries again; the real one begins with as much.
const PAUSE: Duration = Duration::from_millis(100);

const PULL_WAIT_MS: u64 = 20_000;

/// Workers that run until dropped.
pub struct SimulatedWorkers {
    tasks: Vec<JoinHandle<()>>,
    synced: Vec<watch::Receiver<Synced>>,
}

/// What one worker has done since it was last told that the manager is new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Synced {
    /// Placements in its last report that the manager acknowledged.
    placements: usize,
    /// Heartbeats that were answered.
    heartbeats: u64,
}

#[derive(Deserialize)]
struct Desired {
    generation: u64,
    apps: Vec<DesiredApp>,
}

#[derive(Deserialize)]
struct DesiredApp {
    app: String,
    version: u32,
}

struct Joined {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl SimulatedWorkers {
    /// Starts `count` of them.
    pub fn start(count: usize, manager: &str) -> Self {
        let http = client();
        let (mut tasks, mut synced) = (vec![], vec![]);
        for number in 0..count {
            let (told, receiver) = watch::channel(Synced::default());
            let (http, manager) = (http.clone(), manager.to_owned());
            tasks.push(tokio::spawn(async move { live(number, http, manager, told).await }));
            synced.push(receiver);
        }
        Self { tasks, synced }
    }

    /// Waits until every one has reported so many placements.
    pub async fn reported(&mut self, placements: usize) -> anyhow::Result<()> {
        for worker in &mut self.synced {
            worker.wait_for(|synced| synced.placements == placements).await?;
        }
        Ok(())
    }

    /// Waits until every one has had a heartbeat answered that it began after this call.
    pub async fn heard(&mut self) -> anyhow::Result<()> {
        let before: Vec<u64> = self.synced.iter().map(|w| w.borrow().heartbeats).collect();
        for (worker, before) in self.synced.iter_mut().zip(before) {
            worker.wait_for(|synced| synced.heartbeats > before).await?;
        }
        Ok(())
    }
}

impl Drop for SimulatedWorkers {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn live(number: usize, http: reqwest::Client, manager: String, told: watch::Sender<Synced>) {
    let joined = loop {
        match join(number, &http, &manager).await {
            Ok(joined) => break Arc::new(joined),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    };
    tokio::join!(pull(&joined, &told), beat(&joined, &told));
}

async fn join(number: usize, http: &reqwest::Client, manager: &str) -> reqwest::Result<Joined> {
    let join = http.post(format!("{manager}/api/v1/workers/join")).bearer_auth(JOIN_TOKEN);
    let join = join.json(&json!({
        "worker": null, "name": format!("simulated {number}"), "url": format!("http://w{number}:7071"),
        "release": "0", "platform": "linux/x86_64",
    }));
    let reply: Value = join.send().await?.error_for_status()?.json().await?;
    let text = |key: &str| reply[key].as_str().unwrap_or_default().to_owned();
    let base = format!("{manager}/api/v1/workers/{}", text("worker"));
    Ok(Joined { http: http.clone(), base, token: text("token") })
}

impl Joined {
    async fn post(&self, call: &str, body: &Value) -> reqwest::Result<()> {
        let post = self.http.post(format!("{}/{call}", self.base)).bearer_auth(&self.token);
        post.json(body).send().await?.error_for_status().map(drop)
    }

    async fn desired(&self, after: u64) -> reqwest::Result<Option<Desired>> {
        let url = format!("{}/desired?after={after}&wait_ms={PULL_WAIT_MS}", self.base);
        let answer =
            self.http.get(url).bearer_auth(&self.token).send().await?.error_for_status()?;
        if answer.status() == 204 { Ok(None) } else { answer.json().await.map(Some) }
    }
}

async fn pull(joined: &Joined, told: &watch::Sender<Synced>) {
    let mut known = 0;
    loop {
        let Ok(desired) = joined.desired(known).await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let Some(desired) = desired else { continue };
        let placements: Vec<_> = desired
            .apps
            .iter()
            .map(|app| json!({"app": app.app, "version": app.version, "state": "ready"}))
            .collect();
        let (generation, count) = (desired.generation, placements.len());
        let report =
            json!({"generation": generation, "applied": generation, "placements": placements});
        while joined.post("placements", &report).await.is_err() {
            tokio::time::sleep(PAUSE).await;
        }
        known = generation;
        told.send_modify(|synced| synced.placements = count);
    }
}

async fn beat(joined: &Joined, told: &watch::Sender<Synced>) {
    let load = json!({"load": {
        "in_flight": 0, "in_flight_max": 1, "invocations": 0, "failures": 0, "resident_bytes": 0,
    }});
    let mut every = tokio::time::interval(HEARTBEAT_EVERY);
    loop {
        every.tick().await;
        if joined.post("heartbeat", &load).await.is_ok() {
            told.send_modify(|synced| synced.heartbeats += 1);
        }
    }
}
