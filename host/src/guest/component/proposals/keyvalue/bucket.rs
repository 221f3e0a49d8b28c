//! A bucket: one of the app's stores that a component has opened.

use std::sync::Arc;

use steading_protocol::KvStore;
use steading_protocol::kv::{KvRefusal, LIST_MAX};

use super::{Error, KEYS_MAX};
use crate::capability::{Capabilities, Entry, Kv, KvError, Page};

/// The store that is meant where none is named, as other hosts have it.
const UNNAMED: &str = "default";

/// A store that is open. Clones are the same store.
#[derive(Clone)]
pub(super) struct Bucket {
    capabilities: Arc<Capabilities>,
    store: Arc<str>,
    /// Where the last list by number has ended.
    place: Place,
}

/// A place in the order of keys.
#[derive(Clone, Default)]
struct Place {
    /// How many keys come before.
    number: u64,
    /// The last of them.
    after: Option<String>,
}

impl Bucket {
    /// Opens a store that the app was granted.
    pub(super) fn open(capabilities: &Arc<Capabilities>, identifier: &str) -> Result<Self, Error> {
        let name = if identifier.is_empty() { UNNAMED } else { identifier };
        let store: KvStore = name.parse().map_err(|_| Error::NoSuchStore)?;
        let granted = capabilities.kv.as_ref().is_some_and(|kv| kv.has(&store));
        if !granted {
            return Err(Error::AccessDenied);
        }
        let (capabilities, store) = (Arc::clone(capabilities), store.as_str().into());
        Ok(Self { capabilities, store, place: Place::default() })
    }

    /// The app's stores, and which of them this is.
    fn kv(&self) -> Result<(&Kv, &str), KvError> {
        let kv = self.capabilities.kv.as_ref().ok_or(KvRefusal::NotGranted)?;
        Ok((kv, &self.store))
    }

    pub(super) async fn entry(&self, key: &str) -> Result<Option<Entry>, Error> {
        let (kv, store) = self.kv()?;
        Ok(kv.get(store, key).await?)
    }

    pub(super) async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.entry(key).await?.map(|entry| entry.value))
    }

    pub(super) async fn set(&self, key: &str, value: &[u8]) -> Result<(), Error> {
        let (kv, store) = self.kv()?;
        Ok(kv.set(store, key, value).await?)
    }

    pub(super) async fn delete(&self, key: &str) -> Result<(), Error> {
        let (kv, store) = self.kv()?;
        Ok(kv.delete(store, key).await?)
    }

    pub(super) async fn increment(&self, key: &str, by: i64) -> Result<i64, Error> {
        let (kv, store) = self.kv()?;
        Ok(kv.increment(store, key, by).await?)
    }

    /// Writes an entry that still has this revision, or, without one, is not there.
    pub(super) async fn replace(
        &self,
        key: &str,
        (revision, value): (Option<u64>, &[u8]),
    ) -> Result<(), KvError> {
        let (kv, store) = self.kv()?;
        kv.compare_and_set(store, key, (revision, value)).await
    }

    /// The keys after one, and the one to go on after, if there are more.
    pub(super) async fn keys(
        &self,
        after: Option<&str>,
    ) -> Result<(Vec<String>, Option<String>), Error> {
        let (keys, more) = self.page(after, LIST_MAX).await?;
        let next = if more { keys.last().cloned() } else { None };
        Ok((keys, next))
    }

    /// The keys from a number on, and the number to go on from, if there are more. A store has keys and no
    /// numbers, so those before are counted: from where the last list has ended, if that lies before.
    pub(super) async fn keys_from(
        &mut self,
        number: u64,
    ) -> Result<(Vec<String>, Option<u64>), Error> {
        if number < self.place.number {
            self.place = Place::default();
        }
        while self.place.number < number {
            let missing = u32::try_from(number - self.place.number).unwrap_or(LIST_MAX);
            if !self.pass(missing.min(LIST_MAX)).await?.1 && self.place.number < number {
                return Ok((vec![], None));
            }
        }
        let (keys, more) = self.pass(LIST_MAX).await?;
        Ok((keys, more.then_some(self.place.number)))
    }

    /// Lists as many keys, and stands behind them.
    async fn pass(&mut self, count: u32) -> Result<(Vec<String>, bool), Error> {
        let (keys, more) = self.page(self.place.after.as_deref(), count).await?;
        if let Some(last) = keys.last() {
            let number = self.place.number + keys.len() as u64;
            self.place = Place { number, after: Some(last.clone()) };
        }
        // whoever says that there are more and has none would be asked for ever
        let more = more && !keys.is_empty();
        Ok((keys, more))
    }

    async fn page(&self, after: Option<&str>, count: u32) -> Result<(Vec<String>, bool), Error> {
        let (kv, store) = self.kv()?;
        let Page { keys, more } = kv.list(store, "", (after, count)).await?;
        Ok((keys.into_iter().map(String::from).collect(), more))
    }
}

/// An error when there are more keys than one call may have.
pub(super) fn check_count(keys: usize) -> Result<(), Error> {
    if keys > KEYS_MAX {
        return Err(Error::other(format!("one call may have {KEYS_MAX} keys at most")));
    }
    Ok(())
}
