//! Modules being loaded, several side by side. What is wanted goes first, in the manager's order; what is
//! only held comes when nothing else is to be done, one at a time.
//!
//! A load goes on when what is wanted changes: a large module on a slow link would never arrive if each
//! new generation began it anew. Invariant: no module is loaded twice at once.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use steading_protocol::Digest;
use tokio::task::{Id, JoinSet};

use super::link::Session;
use super::loader::{LoadError, Loader};
use super::part::Part;

/// Loads at once, most of them waiting for the network or for their turn to be compiled: so many slow
/// ones hold up the others. Not more, because each may hold a module of 100 MiB.
const AT_ONCE: usize = 8;

/// A module that has been loaded, or could not be.
pub(super) type Arrival = (Digest, Result<Part, LoadError>);

/// Loads, running and waiting.
pub(super) struct Loads {
    loader: Arc<Loader>,
    wanted: VecDeque<Digest>,
    held: VecDeque<Digest>,
    running: JoinSet<Result<Part, LoadError>>,
    names: HashMap<Id, Digest>,
}

impl Loads {
    pub(super) fn new(loader: Arc<Loader>) -> Self {
        let (wanted, held, running) = (VecDeque::new(), VecDeque::new(), JoinSet::new());
        Self { loader, wanted, held, running, names: HashMap::new() }
    }

    /// The modules out of these that the cache has, whole; the others are left out.
    pub(super) async fn cached(&self, digests: Vec<Digest>) -> Vec<Arrival> {
        let (mut waiting, mut loading) = (digests.into_iter(), JoinSet::new());
        let mut arrived = vec![];
        loop {
            while loading.len() < AT_ONCE
                && let Some(digest) = waiting.next()
            {
                let load = Arc::clone(&self.loader).cached(digest.clone());
                loading.spawn(async move { (digest, load.await) });
            }
            match loading.join_next().await {
                None => return arrived,
                Some(Ok((digest, Some(module)))) => arrived.push((digest, module)),
                // not there, or interrupted: then it is loaded with the others
                Some(_) => {}
            }
        }
    }

    /// Replaces what waits.
    pub(super) fn want(&mut self, wanted: Vec<Digest>) {
        self.wanted = wanted.into();
    }

    /// Replaces what is to be held.
    pub(super) fn hold(&mut self, held: Vec<Digest>) {
        self.held = held.into();
    }

    /// Starts as much as may run.
    pub(super) fn start(&mut self, session: &Session) {
        while self.running.len() < AT_ONCE
            && let Some(digest) = self.wanted.pop_front()
        {
            self.spawn(digest, session);
        }
        if self.running.is_empty()
            && let Some(digest) = self.held.pop_front()
        {
            self.spawn(digest, session);
        }
    }

    fn spawn(&mut self, digest: Digest, session: &Session) {
        if self.names.values().any(|running| *running == digest) {
            return;
        }
        let load = Arc::clone(&self.loader).module(digest.clone(), session.clone());
        let id = self.running.spawn(load).id();
        self.names.insert(id, digest);
    }

    /// The next module to arrive; `None` when none is under way.
    pub(super) async fn next(&mut self) -> Option<Arrival> {
        let (id, result) = match self.running.join_next_with_id().await? {
            Ok((id, result)) => (id, result),
            Err(error) => (error.id(), Err(LoadError::Interrupted(error))),
        };
        let digest = self.names.remove(&id).expect("each load is named when it starts");
        Some((digest, result))
    }

    /// Whether nothing runs and nothing that is wanted waits.
    pub(super) fn is_idle(&self) -> bool {
        self.running.is_empty() && self.wanted.is_empty()
    }
}
