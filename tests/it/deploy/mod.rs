//! The files in `deploy/`, read as those would who they are for: objects of Kubernetes and of KEDA,
//! Compose, Nomad jobs, Dockerfiles. Nothing is left over unread, and what they start is put before the real
//! binary ([`start`]). What only an orchestrator can tell, `docs/deploy.md` lists as not tried.

mod compose;
mod dockerfile;
mod keda;
mod kubernetes;
mod nomad;
mod start;

use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde_json::Value;
use steading_tests::repository;

/// The ports of the roles and of their control ports, as the code has them when nothing is set.
struct Ports {
    manager: u16,
    worker: [u16; 2],
    gateway: [u16; 2],
}

impl Ports {
    fn of_the_code() -> Self {
        let (worker, gateway) =
            (steading_host::Config::default(), steading_gateway::Config::default());
        Self {
            manager: steading_manager::Config::default().listen.port(),
            worker: [worker.listen.port(), worker.control.port()],
            gateway: [gateway.listen.port(), gateway.control.port()],
        }
    }
}

fn path(below: &str) -> PathBuf {
    repository().join("deploy").join(below)
}

fn text(below: &str) -> String {
    let path = path(below);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files of a folder whose names end like this, by name.
fn files(folder: &str, end: &str) -> Vec<String> {
    let listed = std::fs::read_dir(path(folder)).expect("the folder can be listed").flatten();
    let names = listed.map(|file| file.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(end)).collect();
    names.sort();
    assert!(!names.is_empty(), "{folder} has files that end in {end}");
    names.into_iter().map(|name| format!("{folder}/{name}")).collect()
}

/// The documents of a YAML file, in which no key stands twice.
fn documents(at: &str, text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).unwrap_or_else(|error| panic!("{at}: {error}"))
}

/// A value as a type that knows all of it.
fn typed<T: DeserializeOwned>(at: &str, value: &Value) -> T {
    let mut unknown = vec![];
    let read = serde_ignored::deserialize(value, |path| unknown.push(path.to_string()));
    assert!(unknown.is_empty(), "{at}: nobody knows {unknown:?}");
    read.unwrap_or_else(|error| panic!("{at}: {error}"))
}
