//! The modules in memory: those that something served or draining uses, which are kept alive by their
//! users, and those that have just arrived, which are kept until all of their version are there. Folders of packages
//! are among them; they are not in memory, and as long as they are here nobody deletes them.
//!
//! Invariant: a module that is in memory is not loaded again.

use std::collections::{HashMap, HashSet};

use steading_protocol::Digest;

use super::loader::{Fault, LoadError};
use super::part::{Part, WeakPart};

/// Modules by digest.
#[derive(Default)]
pub(super) struct Modules {
    live: HashMap<Digest, WeakPart>,
    fresh: HashMap<Digest, Result<Part, Fault>>,
}

impl Modules {
    /// Takes in a module that has been loaded, or could not be.
    pub(super) fn put(&mut self, digest: Digest, result: Result<Part, LoadError>) {
        let result = result.map_err(Fault::from);
        if let Ok(module) = &result {
            self.live.insert(digest.clone(), module.downgrade());
        }
        self.fresh.insert(digest, result);
    }

    /// The module, or why there is none; `None` when that is not known yet.
    pub(super) fn get(&self, digest: &Digest) -> Option<Result<Part, Fault>> {
        let live = self.live.get(digest).and_then(WeakPart::upgrade).map(Ok);
        live.or_else(|| self.fresh.get(digest).cloned())
    }

    /// Lets go of everything fresh that none of these asks for.
    pub(super) fn keep_only(&mut self, missing: &HashSet<&Digest>) {
        self.fresh.retain(|digest, _| missing.contains(digest));
        self.live.retain(|_, module| module.is_alive());
    }

    /// Forgets what could not be loaded and might be now.
    pub(super) fn forget_passing(&mut self) {
        self.fresh.retain(|_, module| !module.as_ref().is_err_and(|fault| fault.is_passing));
    }

    /// Whether something could not be loaded that might be later.
    pub(super) fn has_passing(&self) -> bool {
        self.fresh.values().any(|module| module.as_ref().is_err_and(|fault| fault.is_passing))
    }

    /// The modules that are in use.
    pub(super) fn live(&self) -> impl Iterator<Item = &Digest> {
        let live = self.live.iter().filter(|(_, module)| module.is_alive());
        live.map(|(digest, _)| digest)
    }
}
