//! Instances that wait for the next invocation of their function, of apps that ask for that
//! ([`Reuse`](steading_protocol::Reuse)). Each holds its places in the worker's pool meanwhile, and gives them up as soon
//! as somebody needs them.
//!
//! [`Shelf`] is the pure part: it knows neither instances nor a clock. One shelf for all functions of a worker,
//! because who has to make room is asked of all of them; it is searched front to back, and a worker has so many
//! idle instances at most as its pool has places.
//!
//! Invariant: what is taken is its owner's, and its time is not over. Nothing is dropped under the lock.

mod metrics;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;
use tokio::time::sleep_until;

pub(crate) use self::metrics::IdleMetrics;

/// Whose a thing is; no two functions that were ever loaded have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner(u64);

/// What may be kept.
pub(crate) trait Keepable: Send + 'static {
    /// The places in the worker's pool that it holds.
    fn places(&self) -> u32;
}

/// The idle instances of a worker.
pub(crate) struct Idle<T> {
    state: Mutex<State<T>>,
    /// Told when the first on the shelf to run out of time is another one.
    sooner: Notify,
    metrics: IdleMetrics,
}

struct State<T> {
    shelf: Shelf<T>,
    /// Whether a task looks after the time of what is there.
    is_watched: bool,
    /// Set for good when the worker stops.
    is_closed: bool,
}

/// Things in the order in which they were put there.
struct Shelf<T>(Vec<Item<T>>);

struct Item<T> {
    owner: Owner,
    until: Instant,
    thing: T,
}

impl Owner {
    /// One that nobody else is.
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl<T> Idle<T> {
    pub(crate) fn new(metrics: IdleMetrics) -> Self {
        let state = State { shelf: Shelf(vec![]), is_watched: false, is_closed: false };
        Self { state: Mutex::new(state), sooner: Notify::new(), metrics }
    }
}

impl<T: Keepable> Idle<T> {
    /// Keeps a thing until then, unless the worker stops.
    pub(crate) fn keep(self: &Arc<Self>, owner: Owner, until: Instant, thing: T) {
        let mut state = self.lock();
        if state.is_closed {
            drop(state);
            return;
        }
        let is_first = state.shelf.next_end().is_none_or(|end| until < end);
        state.shelf.put(Item { owner, until, thing });
        if !std::mem::replace(&mut state.is_watched, true) {
            tokio::spawn(Arc::clone(self).watch());
        } else if is_first {
            self.sooner.notify_one();
        }
    }

    /// The thing of this owner that was kept last, or a new one.
    pub(crate) fn take_or(&self, owner: Owner, make: impl FnOnce() -> T) -> T {
        let taken = self.lock().shelf.take(owner, Instant::now());
        self.metrics.count(taken.is_some());
        taken.unwrap_or_else(make)
    }

    /// Gives up what has waited longest; says whether there was such a thing.
    pub(crate) fn give_up_one(&self) -> bool {
        let oldest = self.lock().shelf.oldest();
        oldest.is_some()
    }

    /// Gives up everything of this owner.
    pub(crate) fn forget(&self, owner: Owner) {
        let gone = self.lock().shelf.extract(|item| item.owner == owner);
        drop(gone);
    }

    /// Gives up everything, and keeps nothing any more.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        let gone = state.shelf.extract(|_| true);
        drop(state);
        drop(gone);
        self.sooner.notify_one();
    }

    /// How many there are, and how many places in the pool they hold.
    pub(crate) fn counts(&self) -> (usize, u32) {
        let state = self.lock();
        let places = state.shelf.0.iter().map(|item| item.thing.places());
        (state.shelf.0.len(), places.sum())
    }

    /// Drops what runs out of time, until nothing is left.
    async fn watch(self: Arc<Self>) {
        while let Some(next) = self.look_after() {
            tokio::select! {
                () = sleep_until(next.into()) => {}
                () = self.sooner.notified() => {}
            }
        }
    }

    /// Drops what has run out of time, and says when the next does.
    fn look_after(&self) -> Option<Instant> {
        let mut state = self.lock();
        let now = Instant::now();
        let gone = state.shelf.extract(|item| item.until <= now);
        let next = state.shelf.next_end();
        state.is_watched = next.is_some();
        drop(state);
        drop(gone);
        next
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // nothing in here can be left half-done
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Default for Idle<T> {
    /// One that nobody hears the numbers of.
    fn default() -> Self {
        Self::new(IdleMetrics::default())
    }
}

impl<T> Shelf<T> {
    fn put(&mut self, item: Item<T>) {
        self.0.push(item);
    }

    /// The owner's thing that was put last: the others get the chance to run out of time.
    fn take(&mut self, owner: Owner, now: Instant) -> Option<T> {
        let at = self.0.iter().rposition(|item| item.owner == owner && now < item.until)?;
        Some(self.0.remove(at).thing)
    }

    /// What was put first.
    fn oldest(&mut self) -> Option<T> {
        (!self.0.is_empty()).then(|| self.0.remove(0).thing)
    }

    /// Takes out everything of which this is true.
    fn extract(&mut self, is_meant: impl Fn(&Item<T>) -> bool) -> Vec<T> {
        self.0.extract_if(.., |item| is_meant(item)).map(|item| item.thing).collect()
    }

    /// When the next one runs out of time.
    fn next_end(&self) -> Option<Instant> {
        self.0.iter().map(|item| item.until).min()
    }
}
