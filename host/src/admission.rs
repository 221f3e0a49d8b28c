//! Permits: how many invocations may run at once, of the worker, of an app and of a function. Overload
//! answers at once; nobody queues here. Counting takes no lock and no memory. What runs of an app is
//! counted with or without a cap, because the manager is told of it.
//!
//! Invariant: no count ever exceeds its cap, also not for the moment of a refusal, and the worker's cap
//! is the pool's size, so a permit means that an instance can be had. A component made of several takes several
//! of the worker's places. An instance that is [`idle`](crate::idle) keeps its places, and goes when there are none left.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use steading_protocol::{AppName, FunctionName};

use crate::guest::IdleInstances;
use crate::idle::IdleMetrics;

/// Hands out permits, up to a fixed number, under the caps of what is to run.
pub(crate) struct Admission {
    worker: Arc<Gate>,
    max: u32,
    idle: Arc<IdleInstances>,
}

/// Counts what is inside.
#[derive(Debug, Default)]
struct Gate(AtomicU32);

/// Places inside a gate; given back on drop.
#[derive(Debug)]
pub(crate) struct Place {
    gate: Arc<Gate>,
    count: u32,
}

/// The right to run one invocation; given back on drop.
#[derive(Debug)]
pub(crate) struct Permit {
    _function: Option<Place>,
    _app: Option<Place>,
    /// None when an instance has [taken](Permit::take_place) it over.
    worker: Option<Place>,
}

/// The caps of one function: its own, and the one it shares with the other functions of its app; and how many of
/// the worker's places one invocation takes.
#[derive(Debug)]
pub(crate) struct Caps {
    places: u32,
    function: Option<Cap>,
    app: Option<Cap>,
}

/// So many may be inside at once.
#[derive(Debug)]
struct Cap {
    gate: Arc<Gate>,
    max: u32,
}

/// Nothing more may run now, and whose cap that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Busy {
    #[error("the function already runs the {max} invocations that it may at once")]
    Function { max: u32 },
    #[error("the app already runs the {max} invocations that it may at once")]
    App { max: u32 },
    #[error("all {max} invocations of this worker are taken")]
    Worker { max: u32 },
}

/// The gates of apps and functions by name. Versions share them, so that what still runs of an old
/// version counts for the new one.
#[derive(Debug, Default)]
pub(crate) struct Gates(Mutex<Named>);

#[derive(Debug, Default)]
struct Named {
    gates: HashMap<Gated, Weak<Gate>>,
    /// With how many gates those are forgotten that nobody has any more: every app has one, so that to
    /// look at all for each would take long where there are thousands.
    forget_at: usize,
}

/// The most apps that a heartbeat tells of: with the longest names, and with the versions that it tells
/// of as well, it stays below the 64 KiB that a manager reads. An app that is left out counts as idle, so
/// the busiest are told.
const TOLD_MAX: usize = 300;

/// A function of an app, or the app itself.
type Gated = (AppName, Option<FunctionName>);

impl Admission {
    pub(crate) fn new(max: u32, metrics: IdleMetrics) -> Arc<Self> {
        let idle = Arc::new(IdleInstances::new(metrics));
        Arc::new(Self { worker: Arc::default(), max, idle })
    }

    /// Takes a permit, or says at once why there is none.
    pub(crate) fn admit(&self, caps: &Caps) -> Result<Permit, Busy> {
        let enter = |cap: &Option<Cap>, busy: fn(u32) -> Busy| match cap {
            None => Ok(None),
            Some(Cap { gate, max }) => gate.enter(1, *max).map(Some).ok_or_else(|| busy(*max)),
        };
        Ok(Permit {
            _function: enter(&caps.function, |max| Busy::Function { max })?,
            _app: enter(&caps.app, |max| Busy::App { max })?,
            worker: Some(
                self.worker
                    .enter(caps.places, self.max)
                    .or_else(|| self.enter_for_idle(caps.places))
                    .ok_or(Busy::Worker { max: self.max })?,
            ),
        })
    }

    /// Places of instances that wait for a call, given up one after the other until they are enough.
    #[cold]
    fn enter_for_idle(&self, count: u32) -> Option<Place> {
        while self.idle.give_up_one() {
            if let Some(place) = self.worker.enter(count, self.max) {
                return Some(place);
            }
        }
        None
    }

    /// Places taken now by invocations that run, as far as each takes one; without those of idle instances.
    pub(crate) fn running(&self) -> u64 {
        let (_, idle) = self.idle.counts();
        // the two are not counted in the same moment
        u64::from(self.worker.0.load(Ordering::Relaxed).saturating_sub(idle))
    }

    /// The instances that wait for a call.
    pub(crate) fn idle(&self) -> &Arc<IdleInstances> {
        &self.idle
    }

    /// Invocations that can run at once.
    pub(crate) fn max(&self) -> u64 {
        u64::from(self.max)
    }
}

impl Gate {
    fn enter(self: &Arc<Self>, count: u32, max: u32) -> Option<Place> {
        // the place exists only once it is counted: its drop takes the count back
        let more = |inside: u32| inside.checked_add(count).filter(|inside| *inside <= max);
        let entered = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        entered.is_ok().then(|| Place { gate: Arc::clone(self), count })
    }
}

impl Permit {
    /// Takes the worker's places out: an instance stays in them after its invocation.
    pub(crate) fn take_place(&mut self) -> Option<Place> {
        self.worker.take()
    }
}

impl Place {
    /// How many places these are.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.gate.0.fetch_sub(self.count, Ordering::Relaxed);
    }
}

impl Default for Caps {
    fn default() -> Self {
        Self { places: 1, function: None, app: None }
    }
}

impl Caps {
    /// The same, of a function whose invocations take so many of the worker's places.
    pub(crate) fn taking(self, places: u32) -> Self {
        Self { places, ..self }
    }
}

impl Gates {
    /// The caps of a function of an app, where they are set, and what counts its app in any case.
    pub(crate) fn caps(
        &self,
        app: (&AppName, Option<u32>),
        function: (&FunctionName, Option<u32>),
    ) -> Caps {
        let cap = |function: Option<&FunctionName>, max: Option<u32>| {
            max.map(|max| Cap { gate: self.gate(app.0, function), max })
        };
        let app_max = app.1.unwrap_or(u32::MAX);
        let function = cap(Some(function.0), function.1);
        Caps { places: 1, app: cap(None, Some(app_max)), function }
    }

    /// Invocations running now, by app, of those that have any; of the busiest ones, when they are more
    /// than a heartbeat tells of.
    pub(crate) fn running(&self) -> BTreeMap<AppName, u32> {
        let named = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_apps = named.gates.iter().filter(|((_, function), _)| function.is_none());
        let running = of_apps.filter_map(|((app, _), gate)| {
            let inside = gate.upgrade()?.0.load(Ordering::Relaxed);
            (inside > 0).then(|| (app.clone(), inside))
        });
        let mut running: Vec<_> = running.collect();
        drop(named);
        running.sort_unstable_by_key(|(_, inside)| Reverse(*inside));
        running.truncate(TOLD_MAX);
        running.into_iter().collect()
    }

    fn gate(&self, app: &AppName, function: Option<&FunctionName>) -> Arc<Gate> {
        let mut named = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if named.gates.len() >= named.forget_at {
            named.gates.retain(|_, gate| gate.strong_count() > 0);
            named.forget_at = 2 * named.gates.len() + 1;
        }
        let gate = named.gates.entry((app.clone(), function.cloned())).or_default();
        gate.upgrade().unwrap_or_else(|| {
            let fresh = Arc::default();
            *gate = Arc::downgrade(&fresh);
            fresh
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(max: u32) -> Arc<Admission> {
        Admission::new(max, IdleMetrics::default())
    }

    fn caps(gates: &Gates, app: Option<u32>, function: &str, own: Option<u32>) -> Caps {
        gates.caps((&"shop".parse().unwrap(), app), (&function.parse().unwrap(), own))
    }

    #[test]
    fn a_refusal_takes_nothing_and_a_drop_gives_back() {
        let (admission, free) = (admission(2), Caps::default());
        let first = admission.admit(&free).unwrap();
        let _second = admission.admit(&free).unwrap();
        assert_eq!(admission.admit(&free).unwrap_err(), Busy::Worker { max: 2 });
        assert_eq!(admission.running(), 2);
        drop(first);
        assert!(admission.admit(&free).is_ok());
        assert_eq!(admission.running(), 1);
    }

    #[test]
    fn an_invocation_may_take_several_of_the_workers_places() {
        let (admission, three) = (admission(4), Caps::default().taking(3));
        let first = admission.admit(&three).unwrap();
        assert_eq!(admission.admit(&three).unwrap_err(), Busy::Worker { max: 4 });
        assert!(admission.admit(&Caps::default()).is_ok());
        drop(first);
        assert_eq!(admission.running(), 0);
        assert!(admission.admit(&three).is_ok());
    }

    #[test]
    fn each_cap_refuses_by_its_own_name_and_a_refusal_leaves_the_others_as_they_were() {
        let (admission, gates) = (admission(3), Gates::default());
        let orders = caps(&gates, Some(2), "orders", Some(1));
        let items = caps(&gates, Some(2), "items", None);
        let order = admission.admit(&orders).unwrap();
        assert_eq!(admission.admit(&orders).unwrap_err(), Busy::Function { max: 1 });
        let item = admission.admit(&items).unwrap();
        assert_eq!(admission.admit(&items).unwrap_err(), Busy::App { max: 2 });
        assert_eq!(admission.running(), 2);
        drop(order);
        let _other = admission.admit(&Caps::default()).unwrap();
        let _another = admission.admit(&Caps::default()).unwrap();
        // the worker's refusal must give back the places in the function and in the app
        assert_eq!(admission.admit(&orders).unwrap_err(), Busy::Worker { max: 3 });
        drop((_other, item));
        assert!(admission.admit(&orders).is_ok());
    }

    #[test]
    fn what_runs_of_an_old_version_counts_for_the_new_one() {
        let (admission, gates) = (admission(9), Gates::default());
        let old = caps(&gates, None, "orders", Some(1));
        let running = admission.admit(&old).unwrap();
        let new = caps(&gates, None, "orders", Some(2));
        drop(old);
        let _second = admission.admit(&new).unwrap();
        assert!(admission.admit(&new).is_err());
        drop(running);
        assert!(admission.admit(&new).is_ok());
    }

    #[test]
    fn an_app_without_a_cap_is_counted_over_all_its_functions() {
        let (admission, gates) = (admission(9), Gates::default());
        let (orders, items) =
            (caps(&gates, None, "orders", None), caps(&gates, None, "items", None));
        assert!(gates.running().is_empty());
        let order = admission.admit(&orders).unwrap();
        let _item = admission.admit(&items).unwrap();
        let running = || gates.running().into_iter().map(|(app, n)| (app.to_string(), n));
        assert_eq!(running().collect::<Vec<_>>(), [("shop".to_owned(), 2)]);
        drop(order);
        assert_eq!(running().collect::<Vec<_>>(), [("shop".to_owned(), 1)]);
    }

    #[test]
    fn of_too_many_apps_the_busiest_are_told_and_the_longest_list_is_one_that_fits() {
        let (admission, gates) = (admission(u32::MAX), Gates::default());
        let mut running = vec![];
        for app in 0..TOLD_MAX + 7 {
            let app = format!("a{app:0>39}").parse().unwrap();
            let caps = gates.caps((&app, None), (&"f".parse().unwrap(), None));
            let times = if app.as_str().ends_with("00") { 2 } else { 1 };
            running.extend((0..times).map(|_| admission.admit(&caps).unwrap()));
        }
        let mut told = gates.running();
        assert_eq!(told.len(), TOLD_MAX);
        assert_eq!(told.values().filter(|inside| **inside == 2).count(), 4);
        told.values_mut().for_each(|inside| *inside = u32::MAX);
        assert!(serde_json::to_vec(&told).unwrap().len() < 18 << 10);
    }

    #[test]
    fn gates_that_nobody_has_any_more_are_forgotten() {
        let gates = Gates::default();
        for function in 0..1000 {
            caps(&gates, None, &format!("f{function}"), Some(1));
        }
        assert!(gates.0.lock().unwrap().gates.len() <= 4);
    }

    #[test]
    fn a_cap_holds_under_many_threads() {
        let (admission, gates) = (admission(1000), Gates::default());
        let caps = caps(&gates, None, "orders", Some(2));
        let most = AtomicU32::new(0);
        std::thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| {
                    for _ in 0..10_000 {
                        if let Ok(_permit) = admission.admit(&caps) {
                            most.fetch_max(admission.running() as u32, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        assert!((1..=3).contains(&most.load(Ordering::Relaxed)), "{most:?}");
        assert_eq!(admission.running(), 0);
    }
}
