//! Key-value stores: small values that outlive an invocation and are shared by all workers. The app's
//! manifest names its stores (`kv = ["default"]` under `[grants]`); any other is refused.
//!
//! A write that returns is stored. [`Error::Unavailable`] says that nobody knows: repeat what may happen twice,
//! and read before the rest. In native tests the stores are in memory, empty in each thread.
//!
//! ```
//! let visits = steading::kv::open("default");
//! assert_eq!(visits.increment("page/1", 1)?, 1);
//! assert_eq!(visits.increment("page/1", 1)?, 2);
//! assert_eq!(visits.get("page/1")?.as_deref(), Some(&b"2"[..]));
//! # Ok::<(), steading::kv::Error>(())
//! ```

use crate::sys::kv::{Operation, perform};

/// A key-value store of the app; from [`open`].
#[derive(Clone, Debug)]
pub struct Store(String);

/// An entry with its revision, which changes with every write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The value.
    pub value: Vec<u8>,
    revision: i64,
}

/// Some keys of a store, in the order of their bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The keys.
    pub keys: Vec<String>,
    /// Whether there are more after the last one.
    pub more: bool,
}

/// An operation that was not done, or may not have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The app's manifest does not name the store.
    NotGranted,
    /// A key is 1 to 256 bytes of UTF-8 without control characters.
    KeyInvalid,
    /// The value is longer than the manager takes.
    ValueTooLarge,
    /// The app's stores are full.
    Full,
    /// What is stored is not a whole number of 64 bits, or would no longer be one.
    NotANumber,
    /// The store cannot be reached; whether a write was done is not known.
    Unavailable,
}

/// A store by its name. Whether the app has it shows with the first operation.
pub fn open(name: impl Into<String>) -> Store {
    Store(name.into())
}

impl Store {
    /// Reads a value.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.entry(key)?.map(|entry| entry.value))
    }

    /// Reads a value with its revision, for [`Store::compare_and_set`].
    pub fn entry(&self, key: &str) -> Result<Option<Entry>, Error> {
        let mut found = self.perform(&Operation::Get { key })?;
        let Some(revision) = found.first_chunk() else { return Ok(None) };
        let revision = i64::from_le_bytes(*revision);
        Ok(Some(Entry { value: found.split_off(size_of::<i64>()), revision }))
    }

    /// Writes a value.
    pub fn set(&self, key: &str, value: impl AsRef<[u8]>) -> Result<(), Error> {
        self.perform(&Operation::Set { key, value: value.as_ref() }).map(drop)
    }

    /// Removes an entry, if it is there.
    pub fn delete(&self, key: &str) -> Result<(), Error> {
        self.perform(&Operation::Delete { key }).map(drop)
    }

    /// Adds to a number, which is kept as decimal text and is 0 before the first time; returns the sum.
    /// Increments at once are all counted.
    pub fn increment(&self, key: &str, by: i64) -> Result<i64, Error> {
        let found = self.perform(&Operation::Increment { key, by })?;
        found.first_chunk().map(|sum| i64::from_le_bytes(*sum)).ok_or(Error::Unavailable)
    }

    /// Writes a value unless somebody has written since `seen` was read; `None` was no entry. False, and
    /// nothing written, when somebody has.
    ///
    /// ```
    /// let store = steading::kv::open("default");
    /// assert!(store.compare_and_set("owner", None, "ada")?);
    /// assert!(!store.compare_and_set("owner", None, "bob")?);
    /// let seen = store.entry("owner")?;
    /// assert!(store.compare_and_set("owner", seen.as_ref(), "bob")?);
    /// # Ok::<(), steading::kv::Error>(())
    /// ```
    pub fn compare_and_set(
        &self,
        key: &str,
        seen: Option<&Entry>,
        value: impl AsRef<[u8]>,
    ) -> Result<bool, Error> {
        let (revision, value) = (seen.map_or(0, |seen| seen.revision), value.as_ref());
        match perform(&self.0, &Operation::CompareAndSet { key, revision, value }) {
            Ok(_) => Ok(true),
            Err(CHANGED) => Ok(false),
            Err(code) => Err(error(code)),
        }
    }

    /// Lists keys that begin with `prefix`, at most `count` (and 1,000), from after a key on. For the next
    /// page give the last key of this one.
    pub fn list(&self, prefix: &str, after: Option<&str>, count: u32) -> Result<Page, Error> {
        let after = after.unwrap_or_default();
        let found = self.perform(&Operation::List { prefix, after, count })?;
        page(&found).ok_or(Error::Unavailable)
    }

    fn perform(&self, operation: &Operation<'_>) -> Result<Vec<u8>, Error> {
        perform(&self.0, operation).map_err(error)
    }
}

/// The code of an entry that was changed meanwhile.
const CHANGED: i32 = -6;

fn error(code: i32) -> Error {
    match code {
        -1 => Error::NotGranted,
        -2 => Error::KeyInvalid,
        -3 => Error::ValueTooLarge,
        -4 => Error::Full,
        -5 => Error::NotANumber,
        _ => Error::Unavailable,
    }
}

/// A list as the ABI lays it out: count, keys, whether there are more.
fn page(mut found: &[u8]) -> Option<Page> {
    let mut keys = vec![];
    for _ in 0..number(&mut found)? {
        let length = number(&mut found)? as usize;
        let (key, rest) = found.split_at_checked(length)?;
        keys.push(String::from_utf8(key.to_vec()).ok()?);
        found = rest;
    }
    Some(Page { keys, more: number(&mut found)? > 0 })
}

fn number(found: &mut &[u8]) -> Option<u32> {
    let (number, rest) = found.split_first_chunk()?;
    *found = rest;
    Some(u32::from_le_bytes(*number))
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NotGranted => {
                "the app has no grant for this key-value store; name it in `kv` under [grants]"
            }
            Self::KeyInvalid => "a key has 1 to 256 bytes of UTF-8 without control characters",
            Self::ValueTooLarge => "the value is longer than the manager takes",
            Self::Full => "the app's key-value stores are full",
            Self::NotANumber => "what is stored is not a whole number of 64 bits",
            Self::Unavailable => "the key-value store cannot be reached",
        })
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_listed_in_pages() {
        let store = open("default");
        for key in ["b/2", "a", "b/1", "b/10", "c"] {
            store.set(key, "").unwrap();
        }
        let first = store.list("b/", None, 2).unwrap();
        assert_eq!(first, Page { keys: vec!["b/1".into(), "b/10".into()], more: true });
        let rest = store.list("b/", first.keys.last().map(String::as_str), 2).unwrap();
        assert_eq!(rest, Page { keys: vec!["b/2".into()], more: false });
        assert!(open("other").list("", None, 10).unwrap().keys.is_empty());
    }

    #[test]
    fn what_cannot_be_done_says_why() {
        let store = open("default");
        store.set("word", "abc").unwrap();
        assert_eq!(store.increment("word", 1), Err(Error::NotANumber));
        assert_eq!(store.set("", "x"), Err(Error::KeyInvalid));
        store.delete("word").unwrap();
        assert_eq!((store.get("word"), store.increment("word", 2)), (Ok(None), Ok(2)));
        assert_eq!(page(&[1, 0, 0, 0, 9]), None);
    }
}
