//! Key-value stores of an app, which its manager keeps: they outlive workers and are shared by them.
//!
//! Every operation is one call of the manager, sent once. One that is answered is stored; of one that is
//! [`KvError::Unavailable`] nobody knows, and only the function can know whether to repeat it. Nothing is kept
//! here, so nothing here is ever out of date. A call ends with its invocation: whoever drops the future
//! takes the call back.

use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwapOption;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use steading_protocol::desired::DesiredApp;
use steading_protocol::kv::{
    KvOperation, KvRefusal, KvReply, KvRequest, LIST_MAX, VALUE_BYTES_MAX,
};
use steading_protocol::{AppName, KvKey, KvStore, VersionNumber};
use tokio::sync::Semaphore;

use crate::desired::Session;
use crate::metrics::Metrics;

/// Operations of a worker at once. The manager's store writes one after the other anyway; what is more
/// waits here, for as long as its function may take.
const AT_ONCE_MAX: usize = 64;

/// Operations of one app's version at once, so that one app does not keep the others waiting.
const OF_APP_AT_ONCE_MAX: usize = 16;

/// The way to the manager, for all apps of a worker.
pub(crate) struct KvRemote {
    session: ArcSwapOption<Session>,
    permits: Semaphore,
    metrics: Arc<Metrics>,
}

/// The key-value stores of one version of an app.
pub(crate) struct Kv {
    app: AppName,
    version: VersionNumber,
    stores: Vec<KvStore>,
    permits: Semaphore,
    remote: Arc<KvRemote>,
}

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) value: Vec<u8>,
    pub(crate) revision: u64,
}

/// Keys, and whether there are more after the last one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) keys: Vec<KvKey>,
    pub(crate) more: bool,
}

/// An operation that was not done, or may not have been.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KvError {
    /// It was not done.
    #[error(transparent)]
    Refused(#[from] KvRefusal),
    /// The key, prefix or cursor is none.
    #[error("a key has 1 to 256 bytes of UTF-8 without control characters")]
    KeyInvalid,
    /// The manager cannot be reached or failed; whether it was done is not known.
    #[error("the key-value store cannot be reached")]
    Unavailable,
}

impl KvRemote {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Arc<Self> {
        let permits = Semaphore::new(AT_ONCE_MAX);
        Arc::new(Self { session: ArcSwapOption::empty(), permits, metrics })
    }

    /// The worker has joined its manager.
    pub(crate) fn joined(&self, session: &Session) {
        self.session.store(Some(Arc::new(session.clone())));
    }

    async fn ask(&self, request: &KvRequest) -> Result<KvReply, KvError> {
        let _permit = self.permits.acquire().await.map_err(|_| KvError::Unavailable)?;
        let session = self.session.load_full().ok_or(KvError::Unavailable)?;
        let reply = session.kv(request).await.map_err(|error| {
            let (app, cause) = (request.app.as_str(), error.cause());
            tracing::debug!(app, error = %error, cause, "Key-value store cannot be reached");
            KvError::Unavailable
        })?;
        match reply {
            KvReply::Refused(refusal) => Err(refusal.into()),
            reply => Ok(reply),
        }
    }
}

impl Kv {
    pub(super) fn of(app: &DesiredApp, remote: Arc<KvRemote>) -> Self {
        Self {
            app: app.app.clone(),
            version: app.version,
            stores: app.grants.kv.clone(),
            permits: Semaphore::new(OF_APP_AT_ONCE_MAX),
            remote,
        }
    }

    /// Whether the app was granted a store.
    pub(crate) fn has(&self, store: &KvStore) -> bool {
        self.stores.contains(store)
    }

    /// Reads an entry.
    pub(crate) async fn get(&self, store: &str, key: &str) -> Result<Option<Entry>, KvError> {
        match self.perform(store, KvOperation::Get { key: valid(key)? }).await? {
            KvReply::Absent => Ok(None),
            KvReply::Entry { value_base64, revision } => {
                let value = STANDARD.decode(value_base64).map_err(|_| KvError::Unavailable)?;
                Ok(Some(Entry { value, revision }))
            }
            _ => Err(KvError::Unavailable),
        }
    }

    /// Writes an entry.
    pub(crate) async fn set(&self, store: &str, key: &str, value: &[u8]) -> Result<(), KvError> {
        let (key, value_base64) = (valid(key)?, encoded(value)?);
        self.stored(store, KvOperation::Set { key, value_base64 }).await
    }

    /// Removes an entry, if it is there.
    pub(crate) async fn delete(&self, store: &str, key: &str) -> Result<(), KvError> {
        self.stored(store, KvOperation::Delete { key: valid(key)? }).await
    }

    /// Lists keys in the order of their bytes, after a key; at most 1,000.
    pub(crate) async fn list(
        &self,
        store: &str,
        prefix: &str,
        (after, count): (Option<&str>, u32),
    ) -> Result<Page, KvError> {
        if !KvKey::may_begin(prefix) {
            return Err(KvError::KeyInvalid);
        }
        let (after, count) = (after.map(valid).transpose()?, count.clamp(1, LIST_MAX));
        let list = KvOperation::List { prefix: prefix.to_owned(), after, count };
        match self.perform(store, list).await? {
            KvReply::Keys { keys, more } => Ok(Page { keys, more }),
            _ => Err(KvError::Unavailable),
        }
    }

    /// Adds to a number; returns the sum.
    pub(crate) async fn increment(&self, store: &str, key: &str, by: i64) -> Result<i64, KvError> {
        match self.perform(store, KvOperation::Increment { key: valid(key)?, by }).await? {
            KvReply::Number(number) => Ok(number),
            _ => Err(KvError::Unavailable),
        }
    }

    /// Writes an entry that still has this revision, or, without one, is not there.
    pub(crate) async fn compare_and_set(
        &self,
        store: &str,
        key: &str,
        (revision, value): (Option<u64>, &[u8]),
    ) -> Result<(), KvError> {
        let (key, value_base64) = (valid(key)?, encoded(value)?);
        self.stored(store, KvOperation::CompareAndSet { key, revision, value_base64 }).await
    }

    async fn stored(&self, store: &str, operation: KvOperation) -> Result<(), KvError> {
        match self.perform(store, operation).await? {
            KvReply::Stored => Ok(()),
            _ => Err(KvError::Unavailable),
        }
    }

    async fn perform(&self, store: &str, operation: KvOperation) -> Result<KvReply, KvError> {
        let (name, began) = (name(&operation), Instant::now());
        let granted = self.stores.iter().find(|granted| granted.as_str() == store);
        let done = match granted {
            // the manager would say the same, only later
            None => Err(KvRefusal::NotGranted.into()),
            Some(store) => self.ask(store.clone(), operation).await,
        };
        let outcome = done.as_ref().err().map_or("ok", KvError::code);
        self.remote.metrics.capabilities.record(name, outcome, began.elapsed());
        done
    }

    async fn ask(&self, store: KvStore, operation: KvOperation) -> Result<KvReply, KvError> {
        let _permit = self.permits.acquire().await.map_err(|_| KvError::Unavailable)?;
        let (app, version) = (self.app.clone(), self.version);
        self.remote.ask(&KvRequest { app, version, store, operation }).await
    }
}

impl KvError {
    /// A fixed word for metrics.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Refused(KvRefusal::NotGranted) => "not_granted",
            Self::Refused(KvRefusal::ValueTooLarge { .. }) => "value_too_large",
            Self::Refused(KvRefusal::Full { .. }) => "full",
            Self::Refused(KvRefusal::NotANumber) => "not_a_number",
            Self::Refused(KvRefusal::Changed) => "changed",
            Self::KeyInvalid => "key_invalid",
            Self::Unavailable => "unavailable",
        }
    }
}

fn name(operation: &KvOperation) -> &'static str {
    match operation {
        KvOperation::Get { .. } => "get",
        KvOperation::Set { .. } => "set",
        KvOperation::Delete { .. } => "delete",
        KvOperation::List { .. } => "list",
        KvOperation::Increment { .. } => "increment",
        KvOperation::CompareAndSet { .. } => "compare_and_set",
    }
}

fn valid(key: &str) -> Result<KvKey, KvError> {
    key.parse().map_err(|_| KvError::KeyInvalid)
}

/// A value as it travels; one that no manager takes does not.
fn encoded(value: &[u8]) -> Result<String, KvError> {
    if value.len() as u64 > VALUE_BYTES_MAX {
        return Err(KvRefusal::ValueTooLarge { bytes_max: VALUE_BYTES_MAX }.into());
    }
    Ok(STANDARD.encode(value))
}
