//! Versions that were let go: they are draining for as long as an invocation of them runs.

use std::sync::{Arc, Weak};

use steading_protocol::{AppName, VersionNumber};

use super::app::Version;
use super::loader::Loaded;
use crate::invoke::Function;

/// What drains.
#[derive(Default)]
pub(super) struct Draining(Vec<Old>);

struct Old {
    app: AppName,
    version: VersionNumber,
    functions: Vec<Weak<Function>>,
}

impl Draining {
    /// Takes in a version that the route table does not lead to any more.
    pub(super) fn add(&mut self, version: &Version<Loaded>) {
        version.loaded.functions.iter().for_each(|function| function.guest.let_go());
        let functions = version.loaded.functions.iter().map(Arc::downgrade).collect();
        let (app, version) = (version.desired.app.clone(), version.desired.version);
        self.0.push(Old { app, version, functions });
    }

    /// Forgets what has drained. Says whether there was such a thing.
    pub(super) fn forget_drained(&mut self) -> bool {
        let before = self.0.len();
        self.0.retain(|old| old.functions.iter().any(|f| f.strong_count() > 0));
        self.0.len() < before
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The versions that drain; one that was let go twice may be named twice.
    pub(super) fn versions(&self) -> impl Iterator<Item = (&AppName, VersionNumber)> {
        self.0.iter().map(|old| (&old.app, old.version))
    }
}
