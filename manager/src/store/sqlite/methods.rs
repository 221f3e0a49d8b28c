//! The methods of the trait, each in its lane: reads beside each other, writes one after another,
//! signs of life and leases without waiting for the disk. What they do stands in the files of the
//! resources.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use rusqlite::Transaction;
use steading_protocol::api::{App, Lease, Placement, RolloutRequest, Token, Version, Worker};
use steading_protocol::desired::{DesiredState, Heartbeat, PlacementReport, PlacementsReport};
use steading_protocol::{AppName, Digest, Generation, VersionNumber, WorkerId};

use super::{
    Sqlite, app, change, desired, lease, module, placement, plan, rollout, session, setting, token,
    version, worker,
};
use crate::auth::SecretHash;
use crate::clock;
use crate::schedule::PlanFn;
use crate::store::{
    Activation, NewToken, NewVersion, NewWorker, Planned, Publishing, Result, SessionRecord,
    Setting, Store,
};

#[async_trait]
impl Store for Sqlite {
    async fn app_list(&self) -> Result<Vec<App>> {
        self.lanes.read("app_list", |tx| app::list(tx)).await
    }

    async fn app_get(&self, app: &AppName) -> Result<Option<App>> {
        let app = app.clone();
        self.lanes.read("app_get", move |tx| app::get(tx, &app)).await
    }

    async fn app_default_set(&self, app: &AppName) -> Result<bool> {
        let app = app.clone();
        self.lanes.write("app_default_set", move |tx| app::default_set(tx, &app)).await
    }

    async fn app_delete(&self, app: &AppName) -> Result<bool> {
        let app = app.clone();
        self.lanes.write("app_delete", move |tx| app::delete(tx, &app)).await
    }

    async fn app_roll_back(
        &self,
        app: &AppName,
        version: Option<VersionNumber>,
    ) -> Result<Activation> {
        let app = app.clone();
        self.lanes.write("app_roll_back", move |tx| rollout::back(tx, &app, version)).await
    }

    async fn app_roll_out(&self, app: &AppName, wish: RolloutRequest) -> Result<Activation> {
        let app = app.clone();
        self.lanes.write("app_roll_out", move |tx| rollout::begin(tx, &app, wish)).await
    }

    async fn app_roll_out_end(&self, app: &AppName) -> Result<bool> {
        let app = app.clone();
        self.lanes.write("app_roll_out_end", move |tx| rollout::end(tx, &app)).await
    }

    async fn version_publish(&self, version: NewVersion, now: Timestamp) -> Result<Publishing> {
        let write = move |tx: &Transaction<'_>| version::publish(tx, &version, now);
        self.lanes.write("version_publish", write).await
    }

    async fn version_list(&self, app: &AppName) -> Result<Vec<Version>> {
        let app = app.clone();
        self.lanes.read("version_list", move |tx| version::list(tx, &app)).await
    }

    async fn version_get(&self, app: &AppName, version: VersionNumber) -> Result<Option<Version>> {
        let app = app.clone();
        self.lanes.read("version_get", move |tx| version::get(tx, &app, version)).await
    }

    async fn module_get(&self, digest: &Digest) -> Result<Option<Bytes>> {
        let digest = digest.clone();
        self.lanes.read("module_get", move |tx| module::get(tx, &digest)).await
    }

    async fn worker_list(&self) -> Result<Vec<Worker>> {
        self.lanes.read("worker_list", |tx| worker::list(tx)).await
    }

    async fn worker_get(&self, worker: &WorkerId) -> Result<Option<Worker>> {
        let worker = worker.clone();
        self.lanes.read("worker_get", move |tx| worker::get(tx, &worker)).await
    }

    async fn worker_join(&self, join: NewWorker, now: Timestamp) -> Result<WorkerId> {
        self.lanes.write("worker_join", move |tx| worker::join(tx, &join, now)).await
    }

    async fn worker_by_token(&self, token: &SecretHash) -> Result<Option<WorkerId>> {
        let token = *token;
        self.lanes.read("worker_by_token", move |tx| worker::by_token(tx, &token)).await
    }

    async fn worker_heartbeat(
        &self,
        worker: &WorkerId,
        heartbeat: Heartbeat,
        now: Timestamp,
    ) -> Result<Option<Generation>> {
        let worker = worker.clone();
        let write = move |tx: &Transaction<'_>| worker::heartbeat(tx, &worker, &heartbeat, now);
        self.lanes.write_relaxed("worker_heartbeat", write).await
    }

    async fn worker_leave(&self, worker: &WorkerId) -> Result<()> {
        let worker = worker.clone();
        self.lanes.write("worker_leave", move |tx| worker::leave(tx, &worker)).await
    }

    async fn worker_lose(&self, seen_before: Timestamp, now: Timestamp) -> Result<Vec<WorkerId>> {
        self.lanes.write("worker_lose", move |tx| worker::lose(tx, seen_before, now)).await
    }

    async fn worker_prune(&self, seen_before: Timestamp) -> Result<usize> {
        self.lanes.write("worker_prune", move |tx| worker::prune(tx, seen_before)).await
    }

    async fn placement_list(&self, app: Option<&AppName>) -> Result<Vec<Placement>> {
        let app = app.cloned();
        self.lanes.read("placement_list", move |tx| placement::list(tx, app.as_ref())).await
    }

    async fn placement_report(
        &self,
        worker: &WorkerId,
        report: PlacementsReport,
        now: Timestamp,
    ) -> Result<Vec<PlacementReport>> {
        let worker = worker.clone();
        let write = move |tx: &Transaction<'_>| placement::report(tx, &worker, report, now);
        self.lanes.write("placement_report", write).await
    }

    async fn plan_apply(&self, plan: PlanFn, now: Timestamp) -> Result<Planned> {
        self.lanes.write("plan_apply", move |tx| plan::apply(tx, plan, now)).await
    }

    async fn desired_generation(&self, worker: &WorkerId) -> Result<Option<Generation>> {
        let worker = worker.clone();
        self.lanes.read("desired_generation", move |tx| desired::generation(tx, &worker)).await
    }

    async fn desired_raise(&self, worker: &WorkerId, above: Generation) -> Result<()> {
        let worker = worker.clone();
        self.lanes.write("desired_raise", move |tx| desired::raise(tx, &worker, above)).await
    }

    async fn desired_get(&self, worker: &WorkerId, held: u32) -> Result<Option<DesiredState>> {
        let worker = worker.clone();
        self.lanes.read("desired_get", move |tx| desired::get(tx, &worker, held)).await
    }

    async fn session_insert(&self, session: SessionRecord) -> Result<()> {
        self.lanes.write("session_insert", move |tx| session::insert(tx, &session)).await
    }

    async fn session_get(&self, id: &SecretHash) -> Result<Option<SessionRecord>> {
        let id = *id;
        self.lanes.read("session_get", move |tx| session::get(tx, &id)).await
    }

    async fn session_touch(&self, id: &SecretHash, now: Timestamp) -> Result<()> {
        let id = *id;
        self.lanes.write_relaxed("session_touch", move |tx| session::touch(tx, &id, now)).await
    }

    async fn session_delete(&self, id: &SecretHash) -> Result<()> {
        let id = *id;
        self.lanes.write("session_delete", move |tx| session::delete(tx, &id)).await
    }

    async fn session_delete_all(&self) -> Result<()> {
        self.lanes.write("session_delete_all", |tx| session::delete_all(tx)).await
    }

    async fn session_prune(&self, now: Timestamp, seen_before: Timestamp) -> Result<usize> {
        self.lanes.write("session_prune", move |tx| session::prune(tx, now, seen_before)).await
    }

    async fn token_insert(&self, token: NewToken) -> Result<()> {
        self.lanes.write("token_insert", move |tx| token::insert(tx, &token)).await
    }

    async fn token_list(&self) -> Result<Vec<Token>> {
        self.lanes.read("token_list", |tx| token::list(tx)).await
    }

    async fn token_delete(&self, id: &str) -> Result<bool> {
        let id = id.to_owned();
        self.lanes.write("token_delete", move |tx| token::delete(tx, &id)).await
    }

    async fn token_by_hash(&self, hash: &SecretHash) -> Result<Option<Token>> {
        let hash = *hash;
        self.lanes.read("token_by_hash", move |tx| token::by_hash(tx, &hash)).await
    }

    async fn setting_get(&self, setting: Setting) -> Result<Option<String>> {
        self.lanes.read("setting_get", move |tx| setting::get(tx, setting)).await
    }

    async fn setting_insert(&self, setting: Setting, value: &str) -> Result<bool> {
        let value = value.to_owned();
        self.lanes.write("setting_insert", move |tx| setting::insert(tx, setting, &value)).await
    }

    async fn setting_put(&self, setting: Setting, value: &str) -> Result<()> {
        let value = value.to_owned();
        self.lanes.write("setting_put", move |tx| setting::put(tx, setting, &value)).await
    }

    async fn clock(&self) -> Result<Timestamp> {
        Ok(clock::now())
    }

    async fn lease_take(&self, name: &str, owner: &str, ttl: Duration) -> Result<bool> {
        let (name, owner) = (name.to_owned(), owner.to_owned());
        let write = move |tx: &Transaction<'_>| lease::take(tx, &name, &owner, ttl);
        self.lanes.write_relaxed("lease_take", write).await
    }

    async fn lease_release(&self, name: &str, owner: &str) -> Result<()> {
        let (name, owner) = (name.to_owned(), owner.to_owned());
        let write = move |tx: &Transaction<'_>| lease::release(tx, &name, &owner);
        self.lanes.write_relaxed("lease_release", write).await
    }

    async fn lease_list(&self) -> Result<Vec<Lease>> {
        self.lanes.read("lease_list", |tx| lease::list(tx)).await
    }

    async fn change_get(&self) -> Result<u64> {
        self.lanes.read("change_get", |tx| change::get(tx)).await
    }
}
