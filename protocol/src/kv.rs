//! What a worker asks of its manager in the name of a function that has a key-value store: one request, one
//! operation. `POST /api/v1/workers/{worker}/kv`.
//!
//! Every entry has a revision, a number that its store gives to no two writes; so "as I read it" can be told
//! from "deleted and written again". A write that is answered is stored; one without an answer may be.

use serde::{Deserialize, Serialize};

use crate::{AppName, KvKey, KvStore, VersionNumber};

/// The most keys of one [`KvOperation::List`].
pub const LIST_MAX: u32 = 1000;

/// The longest value that a manager can be told to take, bytes.
pub const VALUE_BYTES_MAX: u64 = 1 << 20;

/// One operation in the name of a function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KvRequest {
    /// The app.
    pub app: AppName,
    /// The version that the function is of.
    pub version: VersionNumber,
    /// The store.
    pub store: KvStore,
    /// What to do.
    pub operation: KvOperation,
}

/// What to do. Bytes are base64 in the standard alphabet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum KvOperation {
    /// Reads an entry.
    Get {
        /// Its key.
        key: KvKey,
    },
    /// Writes an entry.
    Set {
        /// Its key.
        key: KvKey,
        /// Its value.
        value_base64: String,
    },
    /// Removes an entry, if it is there.
    Delete {
        /// Its key.
        key: KvKey,
    },
    /// Lists keys in the order of their bytes.
    List {
        /// What they begin with; empty is every key.
        prefix: String,
        /// The key after which to begin.
        #[serde(default)]
        after: Option<KvKey>,
        /// How many at most; 1 to [`LIST_MAX`].
        count: u32,
    },
    /// Adds to a number, which is text in decimal and 0 when it is not there.
    Increment {
        /// Its key.
        key: KvKey,
        /// What to add.
        by: i64,
    },
    /// Writes an entry that nobody has written since.
    CompareAndSet {
        /// Its key.
        key: KvKey,
        /// Its revision; absent when it must not be there.
        revision: Option<u64>,
        /// Its new value.
        value_base64: String,
    },
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum KvReply {
    /// Of a get: there is no such entry.
    Absent,
    /// Of a get.
    Entry {
        /// The value.
        value_base64: String,
        /// Its revision.
        revision: u64,
    },
    /// Of a list.
    Keys {
        /// The keys.
        keys: Vec<KvKey>,
        /// Whether there are more after the last one.
        more: bool,
    },
    /// Of an increment: the number now.
    Number(i64),
    /// Of everything else: it is stored.
    Stored,
    /// It was not done, and nothing has changed.
    Refused(KvRefusal),
}

/// Why not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum KvRefusal {
    /// The app's version does not name the store in its manifest, or is not placed on that worker.
    #[error("the app has no grant for this key-value store; name it in `kv` under [grants]")]
    NotGranted,
    /// The value is too long.
    #[error("the value has more than {bytes_max} bytes")]
    ValueTooLarge {
        /// The most that is taken, bytes.
        bytes_max: u64,
    },
    /// All keys and values of the app's stores together would be too long.
    #[error("the app's key-value stores hold {bytes_max} bytes at most; delete something first")]
    Full {
        /// The most that is kept, bytes.
        bytes_max: u64,
    },
    /// What is there is no whole number of 64 bits, or the sum would not be one.
    #[error("what is stored is not a whole number of 64 bits, or would no longer be one")]
    NotANumber,
    /// Somebody else was faster.
    #[error("the entry was changed meanwhile")]
    Changed,
}
