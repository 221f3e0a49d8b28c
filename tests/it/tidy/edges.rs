//! The house of DESIGN.md: who may depend on whom, over any number of crates in between. Edges that
//! only tests use are left out, except between the two roles.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;
use steading_tests::repository;

/// Clients of databases, by the beginning of their names.
const DATABASES: [&str; 9] = [
    "rusqlite",
    "libsqlite3",
    "tiberius",
    "sqlx",
    "diesel",
    "postgres",
    "tokio-postgres",
    "mysql",
    "redis",
];

/// The packages that each package of the workspace depends on, by name.
static GRAPH: LazyLock<Graph> = LazyLock::new(Graph::read);

struct Graph {
    /// With everything that stands in a `Cargo.toml`.
    direct: BTreeMap<String, BTreeSet<String>>,
    /// Without edges for tests, and through all crates in between.
    reached: BTreeMap<String, BTreeSet<String>>,
    /// The programs that packages say are the one to run.
    default_runs: Vec<String>,
}

impl Graph {
    fn read() -> Self {
        let cargo = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--locked", "--manifest-path"])
            .arg(repository().join("Cargo.toml"))
            .output()
            .expect("cargo can be started");
        assert!(cargo.status.success(), "{}", String::from_utf8_lossy(&cargo.stderr));
        let metadata: Value = serde_json::from_slice(&cargo.stdout).expect("cargo prints JSON");
        let (mut names, mut all, mut built) = (BTreeMap::new(), vec![], BTreeMap::new());
        for package in array(&metadata["packages"]) {
            names.insert(text(&package["id"]), text(&package["name"]));
        }
        for node in array(&metadata["resolve"]["nodes"]) {
            let from = text(&node["id"]);
            for dependency in array(&node["deps"]) {
                let to = text(&dependency["pkg"]);
                let only_tests =
                    array(&dependency["dep_kinds"]).iter().all(|kind| kind["kind"] == "dev");
                all.push((from, to));
                if !only_tests {
                    built.entry(from).or_insert_with(Vec::new).push(to);
                }
            }
        }
        let mut direct: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (from, to) in all {
            direct.entry(names[from].to_owned()).or_default().insert(names[to].to_owned());
        }
        let members = array(&metadata["workspace_members"]).iter().map(text);
        let reached = members.map(|member| {
            let ids = reach(&built, member);
            (names[member].to_owned(), ids.iter().map(|id| names[id].to_owned()).collect())
        });
        let own = array(&metadata["workspace_members"]);
        let of_members = array(&metadata["packages"]).iter().filter(|it| own.contains(&it["id"]));
        let default_runs = of_members.filter_map(|it| it["default_run"].as_str()).map(Into::into);
        Self { direct, reached: reached.collect(), default_runs: default_runs.collect() }
    }

    #[track_caller]
    fn assert_apart(&self, from: &str, forbidden: impl Fn(&str) -> bool) {
        let reached = self.reached.get(from).unwrap_or_else(|| panic!("there is a crate {from}"));
        let found: Vec<&String> = reached.iter().filter(|name| forbidden(name)).collect();
        assert!(found.is_empty(), "{from} depends on {found:?}; `cargo tree -p {from}` shows how");
    }
}

fn reach<'a>(edges: &BTreeMap<&'a str, Vec<&'a str>>, start: &'a str) -> BTreeSet<&'a str> {
    let (mut reached, mut left) = (BTreeSet::new(), vec![start]);
    while let Some(next) = left.pop() {
        for to in edges.get(next).into_iter().flatten() {
            if reached.insert(*to) {
                left.push(to);
            }
        }
    }
    reached
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().expect("cargo names things by text")
}

/// Without a word of that, `cargo run` of the README stops as soon as a second package has a program.
#[test]
fn cargo_runs_the_one_program_that_users_start() {
    assert_eq!(GRAPH.default_runs, ["steading"]);
}

#[test]
fn the_two_roles_do_not_know_each_other_not_even_in_tests() {
    let (host, manager) = ("steading-host", "steading-manager");
    GRAPH.assert_apart(host, |name| name == manager);
    GRAPH.assert_apart(manager, |name| name == host);
    assert!(!GRAPH.direct[host].contains(manager) && !GRAPH.direct[manager].contains(host));
}

#[test]
fn the_manager_runs_no_wasm() {
    GRAPH.assert_apart("steading-manager", |name| {
        name.starts_with("wasmtime") || name.starts_with("cranelift")
    });
}

#[test]
fn a_worker_holds_no_database() {
    GRAPH.assert_apart("steading-host", |name| {
        DATABASES.iter().any(|database| name.starts_with(database))
    });
}

#[test]
fn the_protocol_does_no_io() {
    GRAPH.assert_apart("steading-protocol", |name| {
        ["tokio", "hyper", "reqwest", "axum", "mio", "socket2"].contains(&name)
    });
}

#[test]
fn matching_a_route_takes_no_sockets_and_no_role() {
    GRAPH.assert_apart("steading-router", |name| {
        let ours = name.starts_with("steading-") && name != "steading-protocol";
        ours || ["tokio", "hyper", "wasmtime"].contains(&name)
    });
}

#[test]
fn the_sockets_know_neither_routes_nor_roles() {
    GRAPH.assert_apart("steading-server", |name| {
        let ours = name.starts_with("steading-") && name != "steading-protocol";
        ours || name.starts_with("wasmtime") || DATABASES.iter().any(|it| name.starts_with(it))
    });
}

#[test]
fn a_gateway_runs_no_wasm_holds_no_database_and_knows_no_other_role() {
    GRAPH.assert_apart("steading-gateway", |name| {
        let role = ["steading-host", "steading-manager"].contains(&name);
        role || name.starts_with("wasmtime") || DATABASES.iter().any(|it| name.starts_with(it))
    });
    for role in ["steading-host", "steading-manager"] {
        GRAPH.assert_apart(role, |name| name == "steading-gateway");
    }
}

#[test]
fn a_guest_takes_nothing_of_ours_but_the_sdk_and_its_macro() {
    for guest_side in ["steading", "steading-macro"] {
        GRAPH.assert_apart(guest_side, |name| {
            name.starts_with("steading-") && name != "steading-macro"
        });
    }
}
