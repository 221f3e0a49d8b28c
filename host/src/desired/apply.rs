//! Makes a worker serve what a desired state says: load what is new, swap the routes, let go of what
//! is no longer wanted.
//!
//! What is cached is taken up within [`Applier::apply`], in one swap; what has to be fetched or compiled
//! comes afterwards through [`Applier::advance`], beside the next pull, and is put in service as it
//! arrives. So nothing waits for anything slower than itself, and going back to a version that is held
//! takes as long as mapping its code. Who is called when is decided in [`App`](super::app::App).

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use steading_protocol::desired::{DesiredState, PlacementsReport};
use steading_protocol::{Digest, Generation};
use tokio::sync::watch;
use tokio::time::sleep_until;

use super::agenda::Agenda;
use super::apps::Apps;
use super::draining::Draining;
use super::in_service::InService;
use super::link::Session;
use super::loader::{Fault, Loader};
use super::loads::{Arrival, Loads};
use super::modules::Modules;
use super::report::{Reports, Standing};
use crate::service::Routes;

/// Applies desired states, one after the other.
pub(crate) struct Applier {
    loader: Arc<Loader>,
    served: Served,
    generation: Generation,
    applied: Generation,
    apps: Apps,
    hold: Vec<Digest>,
    /// What cannot be compiled need not be tried again.
    unholdable: HashSet<Digest>,
    modules: Modules,
    loads: Loads,
    draining: Draining,
    agenda: Agenda,
    reports: Reports,
}

/// What others see of the applier's work.
#[derive(Clone, Default)]
pub(crate) struct Served {
    /// Where requests find their function.
    pub(crate) routes: Routes,
    /// What the heartbeat tells.
    pub(crate) in_service: InService,
    /// Set once calls have been answered as a desired state wants it.
    pub(crate) settled: Arc<AtomicBool>,
}

impl Applier {
    pub(crate) fn new(loader: Loader, served: Served) -> (Self, watch::Receiver<PlacementsReport>) {
        let loader = Arc::new(loader);
        let (reports, receiver) = Reports::new();
        let applier = Self {
            loads: Loads::new(Arc::clone(&loader)),
            loader,
            served,
            generation: Generation(0),
            applied: Generation(0),
            apps: Apps::default(),
            hold: vec![],
            unholdable: HashSet::new(),
            modules: Modules::default(),
            draining: Draining::default(),
            agenda: Agenda::new(),
            reports,
        };
        (applier, receiver)
    }

    /// Makes the worker serve `desired`, as far as it has the code; the rest is for
    /// [`Applier::advance`].
    pub(crate) async fn apply(&mut self, desired: DesiredState) {
        self.want(desired);
        self.modules.forget_passing();
        let here = |digest: &Digest| self.loader.has(digest);
        let cached = self.to_load().filter(|digest| here(digest)).cloned().collect();
        for (digest, module) in self.loads.cached(cached).await {
            self.modules.put(digest, module);
        }
        self.take_up();
        self.publish();
        self.queue();
    }

    /// Waits for what is due next, and does it. May be dropped at any time.
    pub(crate) async fn advance(&mut self, session: &Session) {
        self.loads.start(session);
        tokio::select! {
            Some(arrival) = self.loads.next() => self.arrived(arrival),
            () = sleep_until(self.agenda.next(!self.draining.is_empty())) => self.look_after(),
        }
    }

    /// Whether calls are answered as the last state wants it, as far as that is possible at all.
    pub(crate) fn is_applied(&self) -> bool {
        self.applied == self.generation
    }

    fn want(&mut self, desired: DesiredState) {
        self.generation = desired.generation;
        let generation = i64::try_from(desired.generation.0).unwrap_or(i64::MAX);
        self.loader.metrics.generation.set(generation);
        self.apps.want(desired.apps);
        self.hold = desired.hold.into_iter().map(|module| module.digest).collect();
        self.unholdable.retain(|digest| self.hold.contains(digest));
    }

    /// The modules that must be loaded, in the manager's order, each once.
    fn to_load(&self) -> impl Iterator<Item = &Digest> {
        let mut seen = HashSet::new();
        let missing = self.apps.missing();
        missing.filter(move |digest| self.modules.get(digest).is_none() && seen.insert(*digest))
    }

    /// Takes up every version whose modules are all there.
    fn take_up(&mut self) {
        self.apps.take_up(&self.loader, &self.modules);
        self.modules.keep_only(&self.apps.missing().collect());
        self.agenda.retry(self.modules.has_passing());
    }

    /// Swaps the route table and then tells what is served.
    fn publish(&mut self) {
        self.served.routes.store(Arc::new(self.apps.table()));
        self.served.in_service.set(self.apps.in_service());
        for version in self.apps.take_let_go() {
            self.draining.add(&version);
        }
        if self.apps.is_applied() {
            self.applied = self.generation;
            self.served.settled.store(true, Ordering::Release);
        }
        self.agenda.published();
        self.report();
    }

    fn report(&mut self) {
        self.draining.forget_drained();
        self.reports.tell(Standing {
            generation: self.generation,
            applied: self.applied,
            apps: self.apps.iter(),
            draining: self.draining.versions(),
        });
    }

    /// Has loaded what is missing and what is to be held.
    fn queue(&mut self) {
        let wanted = self.to_load().cloned().collect();
        self.loads.want(wanted);
        let absent =
            |digest: &&Digest| !self.loader.has(digest) && !self.unholdable.contains(*digest);
        self.loads.hold(self.hold.iter().filter(absent).cloned().collect());
    }

    fn arrived(&mut self, (digest, module): Arrival) {
        if !self.apps.missing().any(|missing| *missing == digest) {
            if let Err(fault) = module.map_err(Fault::from) {
                tracing::debug!(module = %digest, error = fault.detail, "Module cannot be held");
                if !fault.is_passing {
                    self.unholdable.insert(digest);
                }
            }
            return;
        }
        if let Err(error) = &module {
            let error = super::chain(error);
            tracing::warn!(module = %digest, error, "Module cannot be loaded");
        }
        self.modules.put(digest, module);
        self.take_up();
        if self.agenda.publish() || self.loads.is_idle() {
            self.publish();
        }
    }

    fn look_after(&mut self) {
        if self.agenda.is_publish_due() {
            self.publish();
        }
        if self.agenda.take_retry() {
            self.modules.forget_passing();
            self.queue();
        }
        if self.draining.forget_drained() {
            self.report();
        }
        // before the first state nobody knows what is wanted
        if self.agenda.take_tidy() && self.generation > Generation(0) {
            self.tidy();
        }
    }

    /// Deletes code and folders that nobody wants, beside everything else, and tries again to hold what is not held.
    fn tidy(&mut self) {
        let used = self.apps.wanted_modules().chain(&self.hold).chain(self.modules.live());
        let used: HashSet<Digest> = used.cloned().collect();
        let (code, folders) = (self.loader.code.clone(), self.loader.folders.clone());
        tokio::task::spawn_blocking(move || {
            let now = SystemTime::now();
            code.forget_unwanted(&used, now);
            folders.forget_unwanted(&used, now);
        });
        self.queue();
    }
}
