//! The methods of the trait, each with what it needs of the writer lane, and whether it may be
//! repeated when nobody knows whether it happened. What they do stands in the files of the resources.
//!
//! A method may be repeated when a second run gives the same answer and leaves the same state. It may
//! not when the answer says who was first, or what this call changed.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use steading_protocol::api::{App, Lease, Placement, RolloutRequest, Token, Version, Worker};
use steading_protocol::desired::{DesiredState, Heartbeat, PlacementReport, PlacementsReport};
use steading_protocol::{AppName, Digest, Generation, VersionNumber, WorkerId};

use super::lanes::{Again, Hold, transact};
use super::{
    SqlServer, app, change, desired, lease, module, placement, plan, rollout, session, setting,
    token, version, worker,
};
use crate::auth::SecretHash;
use crate::schedule::PlanFn;
use crate::store::{
    Activation, NewToken, NewVersion, NewWorker, Planned, Publishing, Result, SessionRecord,
    Setting, Store,
};

/// One read, or one write that may happen twice.
macro_rules! single {
    ($store:ident, $operation:literal, |$tx:ident| $work:expr) => {
        transact!($store.lanes, $operation, Hold::Nothing, Again::Safe, |$tx| $work)
    };
}

/// A change in the writer lane.
macro_rules! alone {
    ($store:ident, $operation:literal, $again:ident, |$tx:ident| $work:expr) => {
        transact!($store.lanes, $operation, Hold::Alone, Again::$again, |$tx| $work)
    };
}

#[async_trait]
impl Store for SqlServer {
    async fn app_list(&self) -> Result<Vec<App>> {
        single!(self, "app_list", |tx| app::list(tx))
    }

    async fn app_get(&self, app: &AppName) -> Result<Option<App>> {
        single!(self, "app_get", |tx| app::get(tx, app))
    }

    async fn app_default_set(&self, app: &AppName) -> Result<bool> {
        alone!(self, "app_default_set", Safe, |tx| app::default_set(tx, app))
    }

    async fn app_delete(&self, app: &AppName) -> Result<bool> {
        alone!(self, "app_delete", Never, |tx| app::delete(tx, app))
    }

    async fn app_roll_back(
        &self,
        app: &AppName,
        version: Option<VersionNumber>,
    ) -> Result<Activation> {
        alone!(self, "app_roll_back", Never, |tx| rollout::back(tx, app, version))
    }

    async fn app_roll_out(&self, app: &AppName, wish: RolloutRequest) -> Result<Activation> {
        alone!(self, "app_roll_out", Safe, |tx| rollout::begin(tx, app, wish))
    }

    async fn app_roll_out_end(&self, app: &AppName) -> Result<bool> {
        alone!(self, "app_roll_out_end", Safe, |tx| rollout::end(tx, app))
    }

    async fn version_publish(&self, version: NewVersion, now: Timestamp) -> Result<Publishing> {
        for module in &version.modules {
            module::send(&self.lanes, "version_publish", module).await?;
        }
        alone!(self, "version_publish", Never, |tx| version::publish(tx, &version, now))
    }

    async fn version_list(&self, app: &AppName) -> Result<Vec<Version>> {
        single!(self, "version_list", |tx| version::list(tx, app))
    }

    async fn version_get(&self, app: &AppName, version: VersionNumber) -> Result<Option<Version>> {
        single!(self, "version_get", |tx| version::get(tx, app, version))
    }

    async fn module_get(&self, digest: &Digest) -> Result<Option<Bytes>> {
        module::get(&self.lanes, "module_get", digest).await
    }

    async fn worker_list(&self) -> Result<Vec<Worker>> {
        single!(self, "worker_list", |tx| worker::list(tx))
    }

    async fn worker_get(&self, worker: &WorkerId) -> Result<Option<Worker>> {
        single!(self, "worker_get", |tx| worker::get(tx, worker))
    }

    async fn worker_join(&self, join: NewWorker, now: Timestamp) -> Result<WorkerId> {
        alone!(self, "worker_join", Safe, |tx| worker::join(tx, &join, now))
    }

    async fn worker_by_token(&self, token: &SecretHash) -> Result<Option<WorkerId>> {
        single!(self, "worker_by_token", |tx| worker::by_token(tx, token))
    }

    async fn worker_heartbeat(
        &self,
        worker: &WorkerId,
        heartbeat: Heartbeat,
        now: Timestamp,
    ) -> Result<Option<Generation>> {
        let same = single!(self, "worker_heartbeat", |tx| worker::heartbeat_same(
            tx, worker, &heartbeat, now
        ))?;
        if same.is_some() || self.worker_get(worker).await?.is_none() {
            return Ok(same);
        }
        alone!(self, "worker_heartbeat", Safe, |tx| worker::heartbeat(tx, worker, &heartbeat, now))
    }

    async fn worker_leave(&self, worker: &WorkerId) -> Result<()> {
        alone!(self, "worker_leave", Safe, |tx| worker::leave(tx, worker))
    }

    async fn worker_lose(&self, seen_before: Timestamp, now: Timestamp) -> Result<Vec<WorkerId>> {
        alone!(self, "worker_lose", Never, |tx| worker::lose(tx, seen_before, now))
    }

    async fn worker_prune(&self, seen_before: Timestamp) -> Result<usize> {
        alone!(self, "worker_prune", Never, |tx| worker::prune(tx, seen_before))
    }

    async fn placement_list(&self, app: Option<&AppName>) -> Result<Vec<Placement>> {
        single!(self, "placement_list", |tx| placement::list(tx, app))
    }

    async fn placement_report(
        &self,
        worker: &WorkerId,
        report: PlacementsReport,
        now: Timestamp,
    ) -> Result<Vec<PlacementReport>> {
        alone!(self, "placement_report", Safe, |tx| placement::report(tx, worker, &report, now))
    }

    async fn plan_apply(&self, plan: PlanFn, now: Timestamp) -> Result<Planned> {
        alone!(self, "plan_apply", Never, |tx| plan::apply(tx, plan, now))
    }

    async fn desired_generation(&self, worker: &WorkerId) -> Result<Option<Generation>> {
        single!(self, "desired_generation", |tx| desired::generation(tx, worker))
    }

    async fn desired_raise(&self, worker: &WorkerId, above: Generation) -> Result<()> {
        alone!(self, "desired_raise", Safe, |tx| desired::raise(tx, worker, above))
    }

    async fn desired_get(&self, worker: &WorkerId, held: u32) -> Result<Option<DesiredState>> {
        transact!(self.lanes, "desired_get", Hold::Shared, Again::Safe, |tx| desired::get(
            tx, worker, held
        ))
    }

    async fn session_insert(&self, session: SessionRecord) -> Result<()> {
        single!(self, "session_insert", |tx| session::insert(tx, &session))
    }

    async fn session_get(&self, id: &SecretHash) -> Result<Option<SessionRecord>> {
        single!(self, "session_get", |tx| session::get(tx, id))
    }

    async fn session_touch(&self, id: &SecretHash, now: Timestamp) -> Result<()> {
        single!(self, "session_touch", |tx| session::touch(tx, id, now))
    }

    async fn session_delete(&self, id: &SecretHash) -> Result<()> {
        single!(self, "session_delete", |tx| session::delete(tx, id))
    }

    async fn session_delete_all(&self) -> Result<()> {
        single!(self, "session_delete_all", |tx| session::delete_all(tx))
    }

    async fn session_prune(&self, now: Timestamp, seen_before: Timestamp) -> Result<usize> {
        alone!(self, "session_prune", Never, |tx| session::prune(tx, now, seen_before))
    }

    async fn token_insert(&self, token: NewToken) -> Result<()> {
        single!(self, "token_insert", |tx| token::insert(tx, &token))
    }

    async fn token_list(&self) -> Result<Vec<Token>> {
        single!(self, "token_list", |tx| token::list(tx))
    }

    async fn token_delete(&self, id: &str) -> Result<bool> {
        alone!(self, "token_delete", Never, |tx| token::delete(tx, id))
    }

    async fn token_by_hash(&self, hash: &SecretHash) -> Result<Option<Token>> {
        single!(self, "token_by_hash", |tx| token::by_hash(tx, hash))
    }

    async fn setting_get(&self, setting: Setting) -> Result<Option<String>> {
        single!(self, "setting_get", |tx| setting::get(tx, setting))
    }

    async fn setting_insert(&self, setting: Setting, value: &str) -> Result<bool> {
        alone!(self, "setting_insert", Never, |tx| setting::insert(tx, setting, value))
    }

    async fn setting_put(&self, setting: Setting, value: &str) -> Result<()> {
        alone!(self, "setting_put", Safe, |tx| setting::put(tx, setting, value))
    }

    async fn clock(&self) -> Result<Timestamp> {
        single!(self, "clock", |tx| lease::clock(tx))
    }

    async fn lease_take(&self, name: &str, owner: &str, ttl: Duration) -> Result<bool> {
        single!(self, "lease_take", |tx| lease::take(tx, name, owner, ttl))
    }

    async fn lease_release(&self, name: &str, owner: &str) -> Result<()> {
        single!(self, "lease_release", |tx| lease::release(tx, name, owner))
    }

    async fn lease_list(&self) -> Result<Vec<Lease>> {
        single!(self, "lease_list", |tx| lease::list(tx))
    }

    async fn change_get(&self) -> Result<u64> {
        single!(self, "change_get", |tx| change::get(tx))
    }
}
