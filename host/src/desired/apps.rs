//! All apps of this worker in the manager's order, and the route table that they make.

use std::collections::HashMap;
use std::sync::Arc;

use steading_protocol::desired::DesiredApp;
use steading_protocol::{AppName, Digest};
use steading_router::{RouteTable, Split};

use super::app::{App, Version};
use super::in_service::Counted;
use super::loader::{Fault, Loaded, Loader};
use super::modules::Modules;
use crate::invoke::Function;

/// The apps that are wanted.
#[derive(Default)]
pub(super) struct Apps {
    /// Their names in the manager's order.
    order: Vec<AppName>,
    apps: HashMap<AppName, App<Loaded>>,
    /// Versions of apps that are no longer wanted.
    let_go: Vec<Arc<Version<Loaded>>>,
}

impl Apps {
    /// Takes over what is wanted from now on.
    pub(super) fn want(&mut self, desired: Vec<DesiredApp>) {
        self.order.clear();
        let mut wanted: HashMap<AppName, Vec<DesiredApp>> = HashMap::new();
        for app in desired {
            let versions = wanted.entry(app.app.clone()).or_insert_with(|| {
                self.order.push(app.app.clone());
                vec![]
            });
            versions.push(app);
        }
        let unwanted = self.apps.extract_if(|name, _| !wanted.contains_key(name));
        self.let_go.extend(unwanted.flat_map(|(_, app)| app.into_versions()));
        for (name, versions) in wanted {
            self.apps.entry(name).or_default().want(versions);
        }
    }

    /// The apps in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&AppName, &App<Loaded>)> {
        self.order.iter().map(|name| (name, &self.apps[name]))
    }

    /// The modules of versions that are not loaded, in order; some more than once.
    pub(super) fn missing(&self) -> impl Iterator<Item = &Digest> {
        let versions = self.iter().flat_map(|(_, app)| app.missing());
        versions.flat_map(|version| &version.modules).map(|module| &module.digest)
    }

    /// The modules of every version that is wanted, loaded or not.
    pub(super) fn wanted_modules(&self) -> impl Iterator<Item = &Digest> {
        self.iter().flat_map(|(_, app)| app.wanted_modules())
    }

    /// Takes up every version whose modules are all there.
    pub(super) fn take_up(&mut self, loader: &Loader, modules: &Modules) {
        for app in self.apps.values_mut() {
            app.take_up(|desired| load(loader, modules, desired));
        }
    }

    /// Whether calls are answered as is wanted, or as far as that is possible at all.
    pub(super) fn is_applied(&self) -> bool {
        self.apps.values().all(App::is_applied)
    }

    /// The routes of everything that is called.
    pub(super) fn table(&self) -> RouteTable<Arc<Function>> {
        let mut table = RouteTable::default();
        for (name, app) in self.iter().filter(|(_, app)| app.shares().len() > 0) {
            let shares = app.shares().map(|(share, v)| (share, Arc::clone(&v.loaded.routes)));
            let split = Split::new(shares).expect("the shares of an app make 100 together");
            let hosts = app.shares().flat_map(|(_, version)| version.desired.hosts.clone());
            table.insert(name.as_str(), &hosts.collect::<Vec<_>>(), split);
        }
        table
    }

    /// The versions that are called beside another one of their app.
    pub(super) fn in_service(&self) -> Vec<Counted> {
        let several = self.iter().filter(|(_, app)| app.shares().len() > 1);
        several.flat_map(|(_, app)| app.shares()).map(|(_, version)| Counted::of(version)).collect()
    }

    /// Versions that were loaded and are of no use any more. To be asked after the routes were swapped.
    pub(super) fn take_let_go(&mut self) -> Vec<Arc<Version<Loaded>>> {
        let mut let_go = std::mem::take(&mut self.let_go);
        let_go.extend(self.apps.values_mut().flat_map(App::take_let_go));
        let_go
    }
}

/// What there is of a version; `None` when not all of its modules have arrived.
fn load(loader: &Loader, modules: &Modules, desired: &DesiredApp) -> Option<Result<Loaded, Fault>> {
    let mut arrived = HashMap::new();
    let found = loader.check(desired).map_err(Fault::from).and_then(|()| {
        for module in &desired.modules {
            let found = modules.get(&module.digest).transpose()?;
            arrived.extend(found.map(|found| (&module.digest, found)));
        }
        Ok(())
    });
    if found.is_ok() && !desired.modules.iter().all(|m| arrived.contains_key(&m.digest)) {
        return None;
    }
    let loaded = found.and_then(|()| loader.assemble(desired, &arrived).map_err(Fault::from));
    let (app, version) = (desired.app.as_str(), desired.version.0);
    match &loaded {
        Ok(_) => tracing::info!(app, version, "Placement ready"),
        Err(fault) if fault.is_passing => {}
        Err(fault) => tracing::error!(app, version, error = fault.detail, "Placement failed"),
    }
    Some(loaded)
}
