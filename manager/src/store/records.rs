//! What goes into a store and comes out of it where the protocol has no type for it.

use bytes::Bytes;
use jiff::Timestamp;
use steading_protocol::{
    AppLimits, AppName, Availability, Capacity, Digest, FunctionSpec, Grants, Labels,
    PlacementRules, VersionNumber, WorkerId,
};

use crate::auth::SecretHash;

/// A version to publish.
#[derive(Clone, Debug)]
pub(crate) struct NewVersion {
    /// The app; made when it does not exist.
    pub(crate) app: AppName,
    /// The digest of the package as it was sent.
    pub(crate) package: Digest,
    /// Its length, bytes.
    pub(crate) size_bytes: u64,
    /// Host names that lead to the app alone, lower-case.
    pub(crate) hosts: Vec<String>,
    /// The modules, each once.
    pub(crate) modules: Vec<NewModule>,
    /// The functions.
    pub(crate) functions: Vec<FunctionSpec>,
    /// What all functions together may use.
    pub(crate) limits: AppLimits,
    /// Where it may run.
    pub(crate) placement: PlacementRules,
    /// What it may reach.
    pub(crate) grants: Grants,
    /// Whether that may be more than the version before might.
    pub(crate) new_grants: NewGrants,
    /// Whether the app becomes the default one; it does anyway when there is none.
    pub(crate) default: bool,
    /// The share of calls that it is rolled out to, percent.
    pub(crate) percent: u8,
}

/// Whether somebody has said yes to grants that the version before does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NewGrants {
    Allowed,
    Refused,
}

/// A module to keep.
#[derive(Clone, Debug)]
pub(crate) struct NewModule {
    /// The digest of the bytes.
    pub(crate) digest: Digest,
    /// The bytes.
    pub(crate) bytes: Bytes,
}

/// What became of a [`NewVersion`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Publishing {
    /// It is a new version.
    Created(VersionNumber),
    /// The app's current version holds the same package.
    Same(VersionNumber),
    /// Nothing changed: it asks for these grants beyond those of the newest version, and nobody has
    /// allowed that.
    GrantsNew(Vec<String>),
    /// Nothing changed: a host name leads to another app.
    HostTaken {
        /// The host name.
        host: String,
        /// The app it leads to.
        app: AppName,
    },
}

/// What became of a wish to bring a version into service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Activation {
    /// It is on its way.
    Set(VersionNumber),
    /// There is no such app.
    AppUnknown,
    /// The app has no such version, or none before the one in service.
    VersionUnknown,
    /// A host name of the version leads to another app.
    HostTaken {
        /// The host name.
        host: String,
        /// The app it leads to.
        app: AppName,
    },
}

/// What applying a plan came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Planned {
    /// The workers whose generation grew.
    pub(crate) workers: Vec<WorkerId>,
    /// The number of changes with the plan's own.
    pub(crate) change: u64,
}

/// A worker that joins.
#[derive(Clone, Debug)]
pub(crate) struct NewWorker {
    /// The id that it says to have from an earlier join.
    pub(crate) earlier: Option<WorkerId>,
    /// The id that it gets otherwise.
    pub(crate) fresh: WorkerId,
    /// Its name.
    pub(crate) name: String,
    /// Where it answers function calls.
    pub(crate) url: String,
    /// Its release.
    pub(crate) release: String,
    /// Operating system and processor.
    pub(crate) platform: String,
    /// What apps may ask for.
    pub(crate) labels: Labels,
    /// What it can carry.
    pub(crate) capacity: Capacity,
    /// Whether it takes work.
    pub(crate) availability: Availability,
    /// The modules whose code it has.
    pub(crate) modules: Vec<Digest>,
    /// The hash of its new token.
    pub(crate) token: SecretHash,
}

/// A session of the portal. The id itself is only in the browser's cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SessionRecord {
    /// The hash of the id.
    pub(crate) id: SecretHash,
    /// When it was last used.
    pub(crate) seen_at: Timestamp,
    /// When it ends, used or not.
    pub(crate) expires_at: Timestamp,
}

/// An API token to keep.
#[derive(Clone, Debug)]
pub(crate) struct NewToken {
    /// What revokes it.
    pub(crate) id: String,
    /// What it is for.
    pub(crate) name: String,
    /// The hash of its text.
    pub(crate) hash: SecretHash,
    /// When it was made.
    pub(crate) created_at: Timestamp,
}

/// The names of settings that the manager keeps for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    /// The hash of the administrator's password, in PHC form.
    AdminPassword,
}

impl Setting {
    /// The name in the store.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::AdminPassword => "admin_password",
        }
    }
}
