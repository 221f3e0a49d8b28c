//! Instances of one function that serve one invocation after the other, where its app asks for that. What such an
//! instance keeps is its memory, and handles that it has not given back: streams of its log, key-value stores. All
//! else is each invocation's own, as in a fresh instance: [`State::renew`] gives it, [`Reused::keep`] takes it.
//!
//! Invariant: an instance is kept only after an invocation that answered, returned, hit no limit and left nothing
//! running; whatever else happens to one, it is dropped. It is never anyone's but its function's, and a function as it
//! was loaded is of one version with one set of limits, settings and grants.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use steading_protocol::{Limits, Reuse};
use wasmtime::Store;
use wasmtime::component::ResourceTable;
use wasmtime_wasi_http::p2::bindings::Proxy;
use wasmtime_wasi_http::p3::bindings::Service;

use super::outbound::Outbound;
use super::proposals;
use super::state::{RESOURCES_MAX, State};
use crate::admission::{Permit, Place};
use crate::guest::{Conduit, GuestRequest, IdleInstances};
use crate::idle::{Keepable, Owner};

/// The instances of one function.
pub(super) struct Reused {
    rules: Reuse,
    owner: Owner,
    idle: Arc<IdleInstances>,
    is_let_go: AtomicBool,
}

/// An instance between two invocations.
pub(crate) struct Kept {
    // first, because the place is free only when the instance has gone
    pub(super) store: Store<State>,
    place: Option<Place>,
}

/// What a store has whose instance may serve again.
pub(super) struct Life {
    /// The instance, unless something runs in it or has not ended well.
    instance: Option<Instance>,
    served: u32,
    /// Where its standard streams lead.
    running: Arc<ArcSwap<Conduit>>,
}

/// An instance, by what it is called by.
pub(super) enum Instance {
    Wasi02(Proxy),
    Wasi03(Service),
}

/// How many handles of the worker's an instance may keep: streams, stores and folders that a program opens once. One
/// that leaves more behind leaks them.
const LEFT_MAX: usize = 100;

impl Reused {
    pub(super) fn new(rules: Reuse, idle: &Arc<IdleInstances>) -> Self {
        let (owner, idle) = (Owner::new(), Arc::clone(idle));
        Self { rules, owner, idle, is_let_go: AtomicBool::new(false) }
    }

    /// A store that is kept, or a new one.
    pub(super) fn take_or(&self, make: impl FnOnce() -> Store<State>) -> Store<State> {
        self.idle.take_or(self.owner, || Kept { store: make(), place: None }).store
    }

    /// Keeps the instance of a store whose invocation has answered, if it is one to be kept.
    pub(super) fn keep(&self, mut store: Store<State>, permit: &mut Permit) {
        let tasks = store.concurrent_resource_table().map_or(0, count);
        if tasks > LEFT_MAX || !store.data_mut().is_at_rest(self.rules.requests) {
            return;
        }
        store.data_mut().close();
        let until = Instant::now() + Duration::from_millis(self.rules.idle_ms.into());
        self.idle.keep(self.owner, until, Kept { store, place: permit.take_place() });
        // asked behind the keeping: whoever lets go in this moment has forgotten it, or is seen here
        if self.is_let_go.load(Ordering::Relaxed) {
            self.idle.forget(self.owner);
        }
    }

    /// Gives up what is kept, and keeps nothing any more.
    pub(super) fn let_go(&self) {
        self.is_let_go.store(true, Ordering::Relaxed);
        self.idle.forget(self.owner);
    }
}

impl Drop for Reused {
    fn drop(&mut self) {
        self.idle.forget(self.owner);
    }
}

impl Keepable for Kept {
    fn places(&self) -> u32 {
        self.place.as_ref().map_or(0, Place::count)
    }
}

impl Life {
    /// The log of the invocation that runs.
    pub(super) fn running(&self) -> Arc<ArcSwap<Conduit>> {
        Arc::clone(&self.running)
    }
}

impl State {
    /// The same, of an instance that may serve again.
    pub(super) fn lasting(mut self) -> Self {
        let running = Arc::new(ArcSwap::new(Arc::clone(&self.conduit)));
        self.life = Some(Box::new(Life { instance: None, served: 0, running }));
        self
    }

    /// Takes in an invocation after another.
    pub(super) fn renew(&mut self, request: GuestRequest, limits: &Limits, conduit: &Arc<Conduit>) {
        let (request, dialogue) = Self::received(request, limits, conduit);
        self.request = Some(request);
        self.dialogue = dialogue;
        self.conduit = Arc::clone(conduit);
        self.outbound = Outbound::new(&self.capabilities, Arc::clone(conduit));
        let left = count(&mut self.table);
        self.table.set_max_capacity(left + RESOURCES_MAX);
        if let Some(life) = &self.life {
            life.running.store(Arc::clone(conduit));
        }
    }

    /// The instance that the store has; whoever takes it gives it back when all went well.
    pub(super) fn take_instance(&mut self) -> Option<Instance> {
        let life = self.life.as_mut()?;
        life.served += 1;
        life.instance.take()
    }

    /// Whether the instance may serve again.
    pub(super) fn is_reused(&self) -> bool {
        self.life.is_some()
    }

    /// Gives an instance back in which nothing runs any more.
    pub(super) fn give_back(&mut self, instance: Instance) {
        if let Some(life) = &mut self.life {
            life.instance = Some(instance);
        }
    }

    fn is_at_rest(&mut self, requests_max: u32) -> bool {
        let may_serve = |life: &Life| life.instance.is_some() && life.served < requests_max;
        self.life.as_deref().is_some_and(may_serve)
            && !self.memory_limit.was_hit()
            && self.outbound.is_done()
            && self.conduit.writes.are_done()
            && count(&mut self.table) <= LEFT_MAX
            && !proposals::is_holding(&mut self.table)
    }

    /// Ends what belongs to the invocation that was.
    fn close(&mut self) {
        self.dialogue.exchange(|exchange| exchange.close());
        // closes its connections
        self.outbound = Outbound::new(&self.capabilities, Arc::clone(&self.conduit));
    }
}

fn count(table: &mut ResourceTable) -> usize {
    table.iter_mut().count()
}
