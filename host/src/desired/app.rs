//! One app on this worker: the versions that are wanted, and the versions that are called. Pure; what a
//! loaded version is made of it does not know.
//!
//! Calls go over to new shares when every version that has one is loaded, and until then the old ones
//! stand. A version without a share is loaded and never called, so it cannot do harm by failing. Where
//! nothing is called yet, what is loaded takes the place of what is missing: a part of an app is more
//! than none.
//!
//! Invariant: the shares of the versions that are called make 100 together, or there are none.

use std::sync::Arc;

use steading_protocol::desired::{DesiredApp, PlacementState};
use steading_protocol::{Digest, VersionNumber};

use super::loader::Fault;

/// A version that is loaded.
#[derive(Debug)]
pub(super) struct Version<L> {
    pub(super) desired: DesiredApp,
    pub(super) loaded: L,
}

/// An app.
#[derive(Debug)]
pub(super) struct App<L> {
    wanted: Vec<Wanted<L>>,
    called: Vec<(u8, Arc<Version<L>>)>,
    let_go: Vec<Arc<Version<L>>>,
}

#[derive(Debug)]
struct Wanted<L> {
    desired: DesiredApp,
    state: State<L>,
}

#[derive(Debug)]
enum State<L> {
    /// Not loaded; when something keeps it from that, what.
    Loading(Option<String>),
    Ready(Arc<Version<L>>),
    /// For a reason that trying again would not change.
    Failed(String),
}

/// A version's state for the manager.
pub(super) type Told<'a> = (VersionNumber, PlacementState, Option<&'a str>);

impl<L> Default for App<L> {
    fn default() -> Self {
        Self { wanted: vec![], called: vec![], let_go: vec![] }
    }
}

impl<L> App<L> {
    /// Takes over what is wanted from now on. What is loaded, or has failed, need not be loaded again.
    pub(super) fn want(&mut self, desired: Vec<DesiredApp>) {
        let mut before = std::mem::take(&mut self.wanted);
        for desired in desired {
            let known = before.iter().position(|old| is_same(&old.desired, &desired));
            let state = match known {
                Some(index) => before.swap_remove(index).state,
                // no longer wanted, still called, and now wanted again
                None => self.called(&desired).map_or(State::Loading(None), State::Ready),
            };
            self.wanted.push(Wanted { desired, state });
        }
        let ready = before.into_iter().filter_map(|old| match old.state {
            State::Ready(version) => Some(version),
            _ => None,
        });
        self.let_go.extend(ready);
        self.settle();
    }

    /// The versions that are yet to be loaded.
    pub(super) fn missing(&self) -> impl Iterator<Item = &DesiredApp> {
        let missing = |wanted: &&Wanted<L>| matches!(wanted.state, State::Loading(_));
        self.wanted.iter().filter(missing).map(|wanted| &wanted.desired)
    }

    /// The modules of every version that is wanted, loaded or not.
    pub(super) fn wanted_modules(&self) -> impl Iterator<Item = &Digest> {
        let modules = self.wanted.iter().flat_map(|wanted| &wanted.desired.modules);
        modules.map(|module| &module.digest)
    }

    /// Takes up what `load` has of the missing versions; `None` is nothing yet.
    pub(super) fn take_up(
        &mut self,
        mut load: impl FnMut(&DesiredApp) -> Option<Result<L, Fault>>,
    ) {
        for Wanted { desired, state } in &mut self.wanted {
            if !matches!(state, State::Loading(_)) {
                continue;
            }
            *state = match load(desired) {
                None => continue,
                Some(Ok(loaded)) => {
                    State::Ready(Arc::new(Version { desired: desired.clone(), loaded }))
                }
                Some(Err(fault)) if fault.is_passing => State::Loading(Some(fault.detail)),
                Some(Err(fault)) => State::Failed(fault.detail),
            };
        }
        self.settle();
    }

    /// The versions that are called with their shares, which make 100 together.
    pub(super) fn shares(&self) -> impl ExactSizeIterator<Item = (u8, &Version<L>)> {
        self.called.iter().map(|(percent, version)| (*percent, &**version))
    }

    /// Whether calls are answered as is wanted, or as far as that is possible at all.
    pub(super) fn is_applied(&self) -> bool {
        !self.with_share().any(|wanted| matches!(wanted.state, State::Loading(_)))
    }

    /// Versions that were loaded and are of no use any more, each once.
    pub(super) fn take_let_go(&mut self) -> Vec<Arc<Version<L>>> {
        std::mem::take(&mut self.let_go)
    }

    /// Gives everything up.
    pub(super) fn into_versions(mut self) -> Vec<Arc<Version<L>>> {
        self.want(vec![]);
        self.let_go
    }

    /// The state of every version that is wanted or called.
    pub(super) fn states(&self) -> impl Iterator<Item = Told<'_>> {
        let wanted = self.wanted.iter().map(|Wanted { desired, state }| match state {
            State::Loading(why) => (desired.version, PlacementState::Loading, why.as_deref()),
            State::Ready(_) => (desired.version, PlacementState::Ready, None),
            State::Failed(why) => (desired.version, PlacementState::Failed, Some(why.as_str())),
        });
        let is_wanted = |version| self.wanted.iter().any(|w| w.desired.version == version);
        let called = self.called.iter().map(|(_, version)| version.desired.version);
        let called = called.filter(move |version| !is_wanted(*version));
        wanted.chain(called.map(|version| (version, PlacementState::Ready, None)))
    }

    fn with_share(&self) -> impl Iterator<Item = &Wanted<L>> {
        self.wanted.iter().filter(|wanted| wanted.desired.percent > 0)
    }

    fn called(&self, desired: &DesiredApp) -> Option<Arc<Version<L>>> {
        let found = self.called.iter().find(|(_, version)| is_same(&version.desired, desired));
        found.map(|(_, version)| Arc::clone(version))
    }

    /// Decides who is called.
    fn settle(&mut self) {
        let ready = self.with_share().filter_map(|wanted| match &wanted.state {
            State::Ready(version) => Some((wanted.desired.percent, Arc::clone(version))),
            _ => None,
        });
        let ready: Vec<_> = ready.collect();
        if ready.len() == self.with_share().count() || self.called.is_empty() {
            let before = std::mem::replace(&mut self.called, scaled(ready));
            self.let_go.extend(before.into_iter().map(|(_, version)| version));
        }
        let mut let_go: Vec<Arc<Version<L>>> = vec![];
        for version in std::mem::take(&mut self.let_go) {
            let known = |other: &Arc<Version<L>>| Arc::ptr_eq(other, &version);
            if !self.versions().any(known) && !let_go.iter().any(known) {
                let_go.push(version);
            }
        }
        self.let_go = let_go;
    }

    /// The versions that are loaded and of use; some twice.
    fn versions(&self) -> impl Iterator<Item = &Arc<Version<L>>> {
        let ready = self.wanted.iter().filter_map(|wanted| match &wanted.state {
            State::Ready(version) => Some(version),
            _ => None,
        });
        ready.chain(self.called.iter().map(|(_, version)| version))
    }
}

/// Whether two are the same version to load, whatever their shares.
fn is_same(one: &DesiredApp, other: &DesiredApp) -> bool {
    let DesiredApp {
        app,
        version,
        percent: _,
        hosts,
        modules,
        functions,
        limits,
        grants,
        settings,
    } = one;
    (app, version, limits) == (&other.app, &other.version, &other.limits)
        && (grants, settings) == (&other.grants, &other.settings)
        && (hosts, modules, functions) == (&other.hosts, &other.modules, &other.functions)
}

/// Shares in the same proportion that make 100 together.
fn scaled<T>(shares: Vec<(u8, T)>) -> Vec<(u8, T)> {
    let total: u32 = shares.iter().map(|(percent, _)| u32::from(*percent)).sum();
    let (mut sum, mut end) = (0, 0);
    let scale = |(percent, version)| {
        let start = end;
        sum += u32::from(percent);
        // the end of each share is rounded, so that what one loses the next one gets
        end = (sum * 100 + total / 2) / total;
        ((end - start) as u8, version)
    };
    shares.into_iter().map(scale).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn desired(version: u32, percent: u8) -> DesiredApp {
        serde_json::from_value(serde_json::json!({
            "app": "shop", "version": version, "percent": percent,
            "hosts": [], "modules": [], "functions": [],
        }))
        .unwrap()
    }

    fn want(app: &mut App<()>, versions: &[(u32, u8)]) {
        app.want(versions.iter().map(|(version, percent)| desired(*version, *percent)).collect());
    }

    fn load(app: &mut App<()>, versions: &[u32]) {
        app.take_up(|desired| versions.contains(&desired.version.0).then_some(Ok(())));
    }

    fn fail(app: &mut App<()>, version: u32, is_passing: bool) {
        app.take_up(|desired| {
            let fault = Fault { detail: "broken".into(), is_passing };
            (desired.version.0 == version).then_some(Err(fault))
        });
    }

    fn called(app: &App<()>) -> Vec<(u32, u8)> {
        app.shares().map(|(percent, version)| (version.desired.version.0, percent)).collect()
    }

    fn let_go(app: &mut App<()>) -> Vec<u32> {
        app.take_let_go().iter().map(|version| version.desired.version.0).collect()
    }

    fn states(app: &App<()>) -> Vec<(u32, PlacementState)> {
        app.states().map(|(version, state, _)| (version.0, state)).collect()
    }

    fn serving(versions: &[(u32, u8)]) -> App<()> {
        let mut app = App::default();
        want(&mut app, versions);
        load(&mut app, &versions.iter().map(|(version, _)| *version).collect::<Vec<_>>());
        app
    }

    use PlacementState::{Failed, Loading, Ready};

    #[test]
    fn the_old_version_is_called_until_the_new_one_is_loaded() {
        let mut app = serving(&[(1, 100)]);
        want(&mut app, &[(2, 100)]);
        assert_eq!(called(&app), [(1, 100)]);
        assert_eq!(states(&app), [(2, Loading), (1, Ready)]);
        assert!(!app.is_applied() && let_go(&mut app).is_empty());
        load(&mut app, &[2]);
        assert_eq!((called(&app), let_go(&mut app)), (vec![(2, 100)], vec![1]));
        assert_eq!(states(&app), [(2, Ready)]);
        assert!(app.is_applied());
    }

    #[test]
    fn a_standby_is_ready_and_not_called_and_its_failure_touches_nothing() {
        let mut app = serving(&[(1, 100)]);
        want(&mut app, &[(1, 100), (2, 0)]);
        assert!(app.is_applied(), "calls are answered as is wanted all along");
        fail(&mut app, 2, true);
        assert_eq!(states(&app), [(1, Ready), (2, Loading)]);
        assert_eq!(app.states().find_map(|(.., why)| why), Some("broken"));
        load(&mut app, &[2]);
        assert_eq!((called(&app), states(&app)), (vec![(1, 100)], vec![(1, Ready), (2, Ready)]));
        want(&mut app, &[(1, 100), (3, 0)]);
        assert_eq!(let_go(&mut app), [2]);
        fail(&mut app, 3, false);
        assert_eq!((called(&app), states(&app)), (vec![(1, 100)], vec![(1, Ready), (3, Failed)]));
        assert!(app.is_applied());
    }

    #[test]
    fn shares_change_in_one_step_when_all_who_have_one_are_loaded() {
        let mut app = serving(&[(1, 100)]);
        want(&mut app, &[(2, 30), (3, 70)]);
        load(&mut app, &[3]);
        assert_eq!(called(&app), [(1, 100)]);
        load(&mut app, &[2]);
        assert_eq!((called(&app), let_go(&mut app)), (vec![(2, 30), (3, 70)], vec![1]));
        want(&mut app, &[(2, 60), (3, 40)]);
        assert_eq!(called(&app), [(2, 60), (3, 40)], "nothing is to be loaded for that");
    }

    #[test]
    fn a_version_that_cannot_be_loaded_leaves_the_old_one_in_service() {
        let mut app = serving(&[(1, 100)]);
        want(&mut app, &[(2, 100)]);
        fail(&mut app, 2, false);
        assert_eq!((called(&app), states(&app)), (vec![(1, 100)], vec![(2, Failed), (1, Ready)]));
        assert!(app.is_applied(), "more cannot be done");
        want(&mut app, &[(2, 100)]);
        assert_eq!(app.missing().count(), 0, "what has failed for good is not tried again");
        want(&mut app, &[(1, 100)]);
        assert_eq!((called(&app), states(&app)), (vec![(1, 100)], vec![(1, Ready)]));
        assert!(let_go(&mut app).is_empty());
    }

    #[test]
    fn where_nothing_is_called_yet_what_is_loaded_takes_it_all() {
        let mut app = App::default();
        want(&mut app, &[(1, 60), (2, 30), (3, 10)]);
        load(&mut app, &[1, 2]);
        assert_eq!(called(&app), [(1, 67), (2, 33)]);
        assert!(!app.is_applied());
        load(&mut app, &[3]);
        assert_eq!(called(&app), [(1, 60), (2, 30), (3, 10)]);
    }

    #[test]
    fn a_version_that_has_changed_takes_the_place_of_itself() {
        let mut app = serving(&[(1, 100)]);
        let other = DesiredApp { hosts: vec!["shop.example.org".into()], ..desired(1, 100) };
        app.want(vec![other]);
        assert_eq!((called(&app), states(&app)), (vec![(1, 100)], vec![(1, Loading)]));
        load(&mut app, &[1]);
        assert_eq!((let_go(&mut app), states(&app)), (vec![1], vec![(1, Ready)]));
    }

    #[test]
    fn an_app_that_is_no_longer_wanted_gives_up_every_version_once() {
        let mut app = serving(&[(1, 100), (2, 0)]);
        want(&mut app, &[(3, 100), (2, 0)]);
        let mut gone: Vec<u32> =
            app.into_versions().iter().map(|version| version.desired.version.0).collect();
        gone.sort_unstable();
        assert_eq!(gone, [1, 2]);
    }

    /// What may happen to an app, in any order: wishes, and versions that come or fail.
    #[derive(Clone, Debug)]
    enum Step {
        Want(Vec<(u32, u8)>),
        Load(u32),
        Fail(u32, bool),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let shares = prop_oneof![
            (1..5u32).prop_map(|only| vec![(only, 100)]),
            (1..5u32, 1..4u32, 0..=100u8)
                .prop_map(|(one, more, part)| vec![(one, part), (one + more, 100 - part)]),
        ];
        let step = prop_oneof![
            shares.prop_map(Step::Want),
            (1..8u32).prop_map(Step::Load),
            (1..8u32, any::<bool>()).prop_map(|(version, passing)| Step::Fail(version, passing)),
        ];
        proptest::collection::vec(step, 1..30)
    }

    proptest! {
        #[test]
        fn whatever_happens_somebody_is_called_from_the_first_loaded_version_on(steps in steps()) {
            let mut app = App::default();
            let mut held: Vec<std::sync::Weak<Version<()>>> = vec![];
            for step in steps {
                let was_called = !called(&app).is_empty();
                match step {
                    Step::Want(versions) => want(&mut app, &versions),
                    Step::Load(version) => load(&mut app, &[version]),
                    Step::Fail(version, passing) => fail(&mut app, version, passing),
                }
                app.take_let_go();
                held.extend(app.versions().map(Arc::downgrade));
                let sum: u32 = called(&app).iter().map(|(_, percent)| u32::from(*percent)).sum();
                prop_assert!(sum == 100 || (sum == 0 && !was_called), "{:?}", app);
                let all_ready = app.with_share().all(|w| matches!(w.state, State::Ready(_)));
                if all_ready {
                    let wanted = app.with_share().map(|w| (w.desired.version.0, w.desired.percent));
                    prop_assert_eq!(called(&app), wanted.collect::<Vec<_>>());
                }
                // what was let go is held by nobody here
                let alive: Vec<_> = held.iter().filter_map(std::sync::Weak::upgrade).collect();
                for version in alive {
                    prop_assert!(app.versions().any(|held| Arc::ptr_eq(held, &version)));
                }
            }
        }
    }
}
