//! Where the truth is kept, as a trait with two implementations: SQLite, embedded, for one manager,
//! and SQL Server for any number of them.
//!
//! Methods are cut by resource and named object first. Each is one transaction: it happens whole or
//! not at all, and it is on disk when it returns, except leases and the signs of life of workers and
//! sessions, which only have to be recent. Times are kept to the microsecond.
//! Nothing here knows SQL, HTTP or policy: who serves what comes in as a [`PlanFn`], which
//! [`Store::plan_apply`] runs inside one transaction over everything it looks at; whoever changes
//! something that a plan looks at also grows [`Store::change_get`]'s number. Times come in as arguments,
//! except in leases, where the store's own clock is the only one that all managers share.

mod app_data;
mod check;
mod copy;
mod location;
mod records;
mod words;

mod sqlite;
mod sqlserver;

#[cfg(test)]
mod contract;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use steading_protocol::api::{App, Lease, Placement, RolloutRequest, Token, Version, Worker};
use steading_protocol::desired::{DesiredState, Heartbeat, PlacementReport, PlacementsReport};
use steading_protocol::{AppName, Digest, Generation, VersionNumber, WorkerId};

use crate::Config;
use crate::auth::SecretHash;
use crate::schedule::PlanFn;

pub(crate) use app_data::{
    AppData, KvEntry, KvLimits, KvList, KvSlot, KvWrite, KvWritten, StoredSetting,
};
pub use check::{Finding, Grade, store_check};
pub use copy::{Copied, StoreToolError, store_copy};
pub use location::{StoreLocation, StoreLocationInvalid};
pub(crate) use records::{
    Activation, NewGrants, NewModule, NewToken, NewVersion, NewWorker, Planned, Publishing,
    SessionRecord, Setting,
};
pub(crate) use sqlite::Sqlite;
pub(crate) use sqlserver::{SqlServer, Target};

/// A store that did not do what was asked; but for [`StoreError::Unreachable`], the old state is
/// intact.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// No room on the disk, or the size limit is reached.
    #[error("{operation}: the store is full")]
    Full {
        /// The method.
        operation: &'static str,
        /// What the database said.
        source: BoxError,
    },
    /// The database is away, too busy, or did not answer in time. Whether the change was made is not
    /// known when it broke off at the very end; a caller may look, and try again.
    #[error("{operation}: the store cannot be reached")]
    Unreachable {
        /// The method.
        operation: &'static str,
        /// What stood in the way.
        source: BoxError,
    },
    /// Anything else.
    #[error("{operation}: the store failed")]
    Failed {
        /// The method.
        operation: &'static str,
        /// What the database said.
        source: BoxError,
    },
}

/// An error of some database.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The answer of a store.
pub(crate) type Result<T> = std::result::Result<T, StoreError>;

/// Opens the store of a configuration, and brings its tables up to date.
pub(crate) async fn open(config: &Config) -> std::result::Result<Arc<dyn Store>, BoxError> {
    match config.store() {
        StoreLocation::Sqlite(path) => {
            Ok(Arc::new(Sqlite::open(&path, config.store_bytes_max).await?))
        }
        StoreLocation::SqlServer => Ok(Arc::new(SqlServer::open(target(config)?).await?)),
    }
}

/// The SQL Server of a configuration.
pub(crate) fn target(config: &Config) -> std::result::Result<Target, BoxError> {
    let text = config.store_connection.as_ref().ok_or(
        "`sqlserver:` needs a connection string in STEADING_STORE_CONNECTION, or the path of a file \
         with it in STEADING_STORE_CONNECTION_FILE",
    )?;
    // The driver takes the provider of the process; any will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(Target::parse(text, config.store_ca_file.as_deref())?)
}

/// The truth about apps, versions, modules, workers, placements, sessions and tokens; with [`AppData`],
/// also about settings and key-value stores.
#[async_trait]
pub(crate) trait Store: AppData + Send + Sync + 'static {
    /// All apps by name.
    async fn app_list(&self) -> Result<Vec<App>>;
    /// One app.
    async fn app_get(&self, app: &AppName) -> Result<Option<App>>;
    /// Makes an app the default one; false when there is no such app.
    async fn app_default_set(&self, app: &AppName) -> Result<bool>;
    /// Removes an app with its versions, placements and the modules that nothing else uses; false
    /// when there is no such app. Its version numbers are not given again.
    async fn app_delete(&self, app: &AppName) -> Result<bool>;
    /// Brings a version into service at once and ends any roll-out; absent, the one before the version in
    /// service.
    async fn app_roll_back(
        &self,
        app: &AppName,
        version: Option<VersionNumber>,
    ) -> Result<Activation>;
    /// Begins a roll-out of a version, in place of one under way.
    async fn app_roll_out(&self, app: &AppName, rollout: RolloutRequest) -> Result<Activation>;
    /// Ends a roll-out where it is: the version in service gets all calls. False when there is no such
    /// app.
    async fn app_roll_out_end(&self, app: &AppName) -> Result<bool>;

    /// Publishes: modules, version, hosts, and a roll-out; the first version of an app is in service at
    /// once. A package that the version in service or the one being rolled out already holds makes no
    /// version; a stopped roll-out of it begins anew.
    async fn version_publish(&self, version: NewVersion, now: Timestamp) -> Result<Publishing>;
    /// The versions of an app, newest first; empty for an unknown app.
    async fn version_list(&self, app: &AppName) -> Result<Vec<Version>>;
    /// One version.
    async fn version_get(&self, app: &AppName, version: VersionNumber) -> Result<Option<Version>>;

    /// The bytes of a module.
    async fn module_get(&self, digest: &Digest) -> Result<Option<Bytes>>;

    /// All workers by name, then id.
    async fn worker_list(&self) -> Result<Vec<Worker>>;
    /// One worker.
    async fn worker_get(&self, worker: &WorkerId) -> Result<Option<Worker>>;
    /// Takes a worker in and gives it a token; an earlier token of it dies. A worker that brings the
    /// id and name of an earlier join keeps its id, any other gets `fresh`.
    async fn worker_join(&self, join: NewWorker, now: Timestamp) -> Result<WorkerId>;
    /// The worker that a token belongs to.
    async fn worker_by_token(&self, token: &SecretHash) -> Result<Option<WorkerId>>;
    /// Records a sign of life; a lost worker becomes live again and its lost placements pending.
    /// Returns the newest generation, or nothing for an unknown worker.
    async fn worker_heartbeat(
        &self,
        worker: &WorkerId,
        heartbeat: Heartbeat,
        now: Timestamp,
    ) -> Result<Option<Generation>>;
    /// Records a goodbye: the token dies and the placements go.
    async fn worker_leave(&self, worker: &WorkerId) -> Result<()>;
    /// Marks the live workers not seen since `seen_before`, and their placements, as lost; returns
    /// them.
    async fn worker_lose(&self, seen_before: Timestamp, now: Timestamp) -> Result<Vec<WorkerId>>;
    /// Forgets the workers that are gone and not seen since `seen_before`; returns how many.
    async fn worker_prune(&self, seen_before: Timestamp) -> Result<usize>;

    /// Placements by app, version and worker's name; of one app, or all.
    async fn placement_list(&self, app: Option<&AppName>) -> Result<Vec<Placement>>;
    /// Takes a worker's whole report: listed placements get the reported state, unlisted ones that
    /// are no longer wanted go, wanted ones are pending. A sign of life, too. Returns what named an
    /// unknown version.
    async fn placement_report(
        &self,
        worker: &WorkerId,
        report: PlacementsReport,
        now: Timestamp,
    ) -> Result<Vec<PlacementReport>>;

    /// Makes a plan of what is there and applies it.
    async fn plan_apply(&self, plan: PlanFn, now: Timestamp) -> Result<Planned>;
    /// The newest generation of a worker's desired state; nothing for an unknown worker.
    async fn desired_generation(&self, worker: &WorkerId) -> Result<Option<Generation>>;
    /// Lifts a worker's generation above one that it says to have, as after a restored backup.
    async fn desired_raise(&self, worker: &WorkerId, above: Generation) -> Result<()>;
    /// A worker's desired state; nothing for an unknown worker. Of each app that it serves it is told
    /// to hold the modules of the newest `held` versions.
    async fn desired_get(&self, worker: &WorkerId, held: u32) -> Result<Option<DesiredState>>;

    /// Keeps a session.
    async fn session_insert(&self, session: SessionRecord) -> Result<()>;
    /// A session by the hash of its id, expired or not.
    async fn session_get(&self, id: &SecretHash) -> Result<Option<SessionRecord>>;
    /// Notes that a session was used.
    async fn session_touch(&self, id: &SecretHash, now: Timestamp) -> Result<()>;
    /// Ends a session.
    async fn session_delete(&self, id: &SecretHash) -> Result<()>;
    /// Ends every session: the password has changed.
    async fn session_delete_all(&self) -> Result<()>;
    /// Forgets sessions that ended before `now` or were last used before `seen_before`.
    async fn session_prune(&self, now: Timestamp, seen_before: Timestamp) -> Result<usize>;

    /// Keeps an API token.
    async fn token_insert(&self, token: NewToken) -> Result<()>;
    /// All API tokens, oldest first.
    async fn token_list(&self) -> Result<Vec<Token>>;
    /// Revokes a token; false when there is no such token.
    async fn token_delete(&self, id: &str) -> Result<bool>;
    /// The token of a hash.
    async fn token_by_hash(&self, hash: &SecretHash) -> Result<Option<Token>>;

    /// One setting.
    async fn setting_get(&self, setting: Setting) -> Result<Option<String>>;
    /// Sets a setting that is not set yet; false when it is.
    async fn setting_insert(&self, setting: Setting, value: &str) -> Result<bool>;
    /// Sets a setting.
    async fn setting_put(&self, setting: Setting, value: &str) -> Result<()>;

    /// The store's own clock, to the microsecond.
    #[allow(dead_code, reason = "for what only one of several managers does")]
    async fn clock(&self) -> Result<Timestamp>;
    /// Takes the lease of this name when it is free, has run out, or is the owner's already, for
    /// `ttl` from now by the store's clock. True when `owner` holds it now.
    #[allow(dead_code, reason = "for what only one of several managers does")]
    async fn lease_take(&self, name: &str, owner: &str, ttl: Duration) -> Result<bool>;
    /// Gives a lease back; nothing happens when somebody else holds it.
    #[allow(dead_code, reason = "for what only one of several managers does")]
    async fn lease_release(&self, name: &str, owner: &str) -> Result<()>;
    /// The leases that are held now, by name.
    #[allow(dead_code, reason = "for what only one of several managers does")]
    async fn lease_list(&self) -> Result<Vec<Lease>>;
    /// A number that every transaction makes grow that changes an app, a generation, or anything else
    /// that a plan looks at; so a manager notices what another one did, and what is to be planned.
    #[allow(dead_code, reason = "for what only one of several managers does")]
    async fn change_get(&self) -> Result<u64>;
}
