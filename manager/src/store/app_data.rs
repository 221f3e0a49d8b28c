//! What belongs to an app beside its versions: its settings and its key-value stores. A part of the
//! [`Store`](super::Store) with the same promises.
//!
//! What a write to a key-value store means is decided here, once, by [`KvWrite::decide`]; a database only
//! reads, asks, and writes in one transaction. Secrets come and go sealed: no database ever has their text.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use steading_protocol::kv::KvRefusal;
use steading_protocol::{
    AppName, Grants, KvKey, KvStore, SettingName, SettingValue, VersionNumber, WorkerId,
};

use super::Result;

/// Settings and key-value stores of apps.
#[async_trait]
pub(crate) trait AppData {
    /// The settings of an app by name.
    async fn app_setting_list(&self, app: &AppName) -> Result<Vec<StoredSetting>>;
    /// Sets one, in whatever spelling it was before; the generations of the workers that have the app
    /// grow. False when there is no such app.
    async fn app_setting_put(&self, app: &AppName, setting: StoredSetting) -> Result<bool>;
    /// Removes one; generations grow as above. False when there is none.
    async fn app_setting_delete(&self, app: &AppName, name: &SettingName) -> Result<bool>;
    /// The secrets of all apps.
    async fn app_setting_secrets(&self) -> Result<Vec<(AppName, StoredSetting)>>;
    /// Puts the same secret in the place of itself, sealed otherwise; nothing when it has changed since.
    async fn app_setting_reseal(
        &self,
        app: &AppName,
        name: &SettingName,
        from: &str,
        to: &str,
    ) -> Result<()>;

    /// What a version that is placed on a worker may reach; nothing when it is not placed there.
    async fn placement_grants(
        &self,
        worker: &WorkerId,
        app: &AppName,
        version: VersionNumber,
    ) -> Result<Option<Grants>>;

    /// An entry.
    async fn kv_get(&self, slot: &KvSlot, key: &KvKey) -> Result<Option<KvEntry>>;
    /// Keys in the order of their bytes.
    async fn kv_list(&self, slot: &KvSlot, list: KvList) -> Result<Vec<KvKey>>;
    /// Writes, or says why not and changes nothing. An app that is not there has no grant.
    async fn kv_write(
        &self,
        slot: &KvSlot,
        key: &KvKey,
        write: KvWrite,
        limits: KvLimits,
    ) -> Result<std::result::Result<KvWritten, KvRefusal>>;
}

/// A setting as it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredSetting {
    /// Its name, as it was last set.
    pub(crate) name: SettingName,
    /// Its value; of a secret, sealed.
    pub(crate) text: String,
    /// Whether it is a secret.
    pub(crate) secret: bool,
    /// When it was set.
    pub(crate) changed_at: Timestamp,
}

impl StoredSetting {
    /// The value on its way, still sealed.
    pub(super) fn into_value(self) -> SettingValue {
        if self.secret { SettingValue::Sealed(self.text) } else { SettingValue::Plain(self.text) }
    }
}

/// Values by app and folded name.
pub(super) type SettingValues = HashMap<(AppName, String), SettingValue>;

/// The settings that a version may read, in its own spelling.
pub(super) fn granted(
    app: &AppName,
    grants: &Grants,
    values: &SettingValues,
) -> BTreeMap<SettingName, SettingValue> {
    let value = |name: &SettingName| values.get(&(app.clone(), name.folded())).cloned();
    grants.settings.iter().filter_map(|name| Some((name.clone(), value(name)?))).collect()
}

/// A key-value store of an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KvSlot {
    pub(crate) app: AppName,
    pub(crate) store: KvStore,
}

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KvEntry {
    pub(crate) value: Bytes,
    /// No two writes to a store give the same.
    pub(crate) revision: u64,
}

/// Which keys to list.
#[derive(Clone, Debug)]
pub(crate) struct KvList {
    pub(crate) prefix: String,
    pub(crate) after: Option<KvKey>,
    pub(crate) count: u32,
}

impl KvList {
    /// Keys are at least the first, more than the second and less than the third of these.
    pub(super) fn bounds(&self) -> (&[u8], &[u8], Vec<u8>) {
        let mut end = self.prefix.as_bytes().to_vec();
        // no byte of UTF-8 is 255, so the last one has a next one
        match end.last_mut() {
            Some(last) => *last += 1,
            None => end.push(u8::MAX),
        }
        let after = self.after.as_ref().map_or("", |key| key.as_str());
        (self.prefix.as_bytes(), after.as_bytes(), end)
    }
}

/// A change of an entry.
#[derive(Clone, Debug)]
pub(crate) enum KvWrite {
    Set(Bytes),
    Delete,
    Increment(i64),
    /// With the revision that must be there; none for no entry.
    CompareAndSet(Option<u64>, Bytes),
}

/// What a write came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KvWritten {
    Stored,
    Number(i64),
}

/// How much may be kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KvLimits {
    pub(crate) value_bytes_max: u64,
    /// Of all stores of an app together.
    pub(crate) app_bytes_max: u64,
}

/// What an entry counts beside its key and its value, so that a million empty ones are not for nothing.
const ENTRY_BYTES: u64 = 64;

/// What is to be done to an entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decided {
    /// The value to put; none is to remove the entry.
    pub(super) value: Option<Bytes>,
    /// By how many bytes the store grows.
    pub(super) growth: i64,
    pub(super) written: KvWritten,
}

impl KvWrite {
    /// What to do, where this entry is and the app's stores hold so many bytes.
    pub(super) fn decide(
        &self,
        key: &KvKey,
        current: Option<&KvEntry>,
        app_bytes: u64,
        limits: KvLimits,
    ) -> std::result::Result<Decided, KvRefusal> {
        let mut written = KvWritten::Stored;
        let value = match self {
            Self::Set(value) => Some(value.clone()),
            Self::Delete => None,
            Self::Increment(by) => {
                let sum = number(current).and_then(|number| number.checked_add(*by));
                let sum = sum.ok_or(KvRefusal::NotANumber)?;
                written = KvWritten::Number(sum);
                Some(Bytes::from(sum.to_string()))
            }
            Self::CompareAndSet(revision, value) => {
                if current.map(|entry| entry.revision) != *revision {
                    return Err(KvRefusal::Changed);
                }
                Some(value.clone())
            }
        };
        let bytes_max = limits.value_bytes_max;
        if value.as_ref().is_some_and(|value| value.len() as u64 > bytes_max) {
            return Err(KvRefusal::ValueTooLarge { bytes_max });
        }
        let cost = |value: &Bytes| ENTRY_BYTES + (key.as_str().len() + value.len()) as u64;
        let before = current.map_or(0, |entry| cost(&entry.value));
        let after = value.as_ref().map_or(0, cost);
        // what makes a store smaller is taken also where it was too full before
        if after > before && app_bytes - before.min(app_bytes) + after > limits.app_bytes_max {
            return Err(KvRefusal::Full { bytes_max: limits.app_bytes_max });
        }
        let growth = after.cast_signed() - before.cast_signed();
        Ok(Decided { value, growth, written })
    }
}

/// The number in an entry; 0 where there is none.
fn number(entry: Option<&KvEntry>) -> Option<i64> {
    let Some(entry) = entry else { return Some(0) };
    std::str::from_utf8(&entry.value).ok()?.parse().ok()
}
