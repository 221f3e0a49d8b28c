//! Directories of a worker and folders of a package as folders of apps, for every kind of guest: what is found in
//! them, and that nothing leads out of them.

mod limit;
mod package;
mod refused;
mod unpacked;

use std::fs;
use std::path::Path;

use reqwest::Method;
use steading_tests::{Cluster, http, packages, run, scratch};

use crate::setup::{built, cluster};

/// A guest of each kind.
const GUESTS: [&str; 4] = ["native", "command", "wasi02", "wasi03"];

const GRANTS: &str = "[grants]\nfiles = [{ host = \"worker:up\", guest = \"/up\", write = true }, { host = \"worker:docs\", guest = \"/docs/of/mine\" }]\n";

/// What nobody should read.
const SECRET: &str = "the secret of the machine";

/// Two directories beside a secret, with links to it.
fn furnish(folder: &Path) {
    fs::create_dir_all(folder.join("up/inner")).expect("the temporary folder takes it");
    fs::create_dir_all(folder.join("docs")).expect("the temporary folder takes it");
    fs::write(folder.join("secret.txt"), SECRET).expect("the temporary folder takes it");
    fs::write(folder.join("docs/a.txt"), "read me").expect("the temporary folder takes it");
    #[cfg(unix)]
    for (link, to) in [
        ("up/relative", Path::new("../secret.txt")),
        ("up/absolute", &folder.join("secret.txt")),
        ("up/parent", Path::new("..")),
        ("up/inner/far", Path::new("../../secret.txt")),
        ("up/chain", Path::new("relative")),
        ("up/root", Path::new("/")),
        ("docs/inside", Path::new("a.txt")),
    ] {
        std::os::unix::fs::symlink(to, folder.join(link)).expect("the temporary folder takes it");
    }
}

/// A worker with these directories, and a guest of each kind that has them as folders.
async fn serving(folder: &Path) -> Cluster {
    let (up, docs) = (folder.join("up"), folder.join("docs"));
    let tables = format!(
        "[directories]\nup = {{ path = {up:?}, write = true }}\ndocs = {{ path = {docs:?} }}\n"
    );
    let cluster = cluster().workers(1).worker_tables(tables).start().await;
    for guest in GUESTS {
        let package = package(guest, GRANTS).await;
        cluster.api().publish_ready(guest, &package, 1).await;
    }
    cluster
}

async fn package(guest: &str, manifest: &str) -> Vec<u8> {
    let module = match guest {
        "native" => packages::module_of(&built("tests/guests").await),
        "command" => packages::command().await,
        component => packages::component(component).await,
    };
    packages::zipped(&[("steading.toml", manifest.as_bytes()), ("guest.wasm", &module)])
}

async fn read(cluster: &Cluster, guest: &str, path: &str) -> String {
    let function = if guest == "native" { "folder" } else { "read" };
    let at = format!("{}/functions/{guest}/api/{function}", cluster.worker(0));
    http::send(http::request(Method::GET, &at).header("path", path)).await.text()
}

/// What the native guest says that became of something.
async fn done(cluster: &Cluster, action: &str, path: &str, to: &str) -> String {
    let at = format!("{}/functions/native/api/folder", cluster.worker(0));
    let request = http::request(Method::GET, &at).header("do", action);
    http::send(request.header("path", path).header("to", to)).await.text()
}

#[test]
pub(crate) fn every_kind_of_guest_finds_its_folders() {
    run(async {
        let folder = scratch();
        furnish(folder.path());
        let cluster = serving(folder.path()).await;
        for guest in GUESTS {
            assert_eq!(read(&cluster, guest, "/docs/of/mine/a.txt").await, "read me", "{guest}");
            let inside = read(&cluster, guest, "/docs/of/mine/inside").await;
            assert_eq!(inside, "read me", "{guest}: a link within the folder");
        }
        assert_eq!(done(&cluster, "list", "/docs/of/mine", "").await, "a.txt inside");
        assert_eq!(done(&cluster, "write", "/up/new.txt", "").await, "done");
        assert_eq!(fs::read_to_string(folder.path().join("up/new.txt")).unwrap(), "written");
        for guest in GUESTS {
            assert_eq!(read(&cluster, guest, "/up/new.txt").await, "written", "{guest}");
        }
        assert_eq!(done(&cluster, "rename", "/up/new.txt", "/up/inner/old.txt").await, "done");
        assert_eq!(done(&cluster, "remove", "/up/inner/old.txt", "").await, "done");
        assert!(!folder.path().join("up/inner/old.txt").exists());
    });
}

#[test]
fn nothing_leads_out_of_a_folder() {
    run(async {
        let folder = scratch();
        furnish(folder.path());
        let cluster = serving(folder.path()).await;
        let absolute = folder.path().join("secret.txt");
        let absolute = absolute.to_str().unwrap();
        #[cfg(unix)]
        for link in ["relative", "absolute", "chain", "inner/far"] {
            let read = fs::read_to_string(folder.path().join("up").join(link));
            assert_eq!(read.unwrap(), SECRET, "{link} leads there for others");
        }
        let paths = [
            "/up/../secret.txt",
            "/up/inner/../../secret.txt",
            "up/../secret.txt",
            "/up/./..//secret.txt",
            "/docs/of/mine/../secret.txt",
            "/up/relative",
            "/up/absolute",
            "/up/parent/secret.txt",
            "/up/inner/far",
            "/up/chain",
            &format!("/up/root{absolute}"),
            &format!("/up/{absolute}"),
            absolute,
            "/etc/passwd",
            "secret.txt",
            "",
        ];
        for guest in GUESTS {
            for path in paths {
                let text = read(&cluster, guest, path).await;
                assert!(text.starts_with("refused: "), "{guest} {path}: {text}");
            }
        }
    });
}

#[test]
fn nothing_is_made_or_taken_outside_of_a_folder() {
    run(async {
        let folder = scratch();
        furnish(folder.path());
        let cluster = serving(folder.path()).await;
        for (action, path, to) in [
            ("write", "/up/relative", ""),
            ("write", "/up/../new.txt", ""),
            ("write", "/up/parent/new.txt", ""),
            ("make", "/up/parent/new", ""),
            ("remove", "/up/parent/secret.txt", ""),
            ("rename", "/up/parent/secret.txt", "/up/mine"),
            ("rename", "/up/inner", "/up/../inner"),
            ("link", "/up/parent/secret.txt", "/up/mine"),
            ("list", "/up/parent", ""),
            ("list", "/up/..", ""),
            ("list", "/", ""),
        ] {
            let text = done(&cluster, action, path, to).await;
            assert!(text.starts_with("refused: "), "{action} {path} {to}: {text}");
        }
        let secret = fs::read_to_string(folder.path().join("secret.txt"));
        assert_eq!(secret.unwrap(), SECRET);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "nothing was made or taken");
        assert!(folder.path().join("up/inner").is_dir());
    });
}

#[test]
fn what_is_read_only_stays_as_it_is() {
    run(async {
        let folder = scratch();
        furnish(folder.path());
        let cluster = serving(folder.path()).await;
        for (action, path, to) in [
            ("write", "/docs/of/mine/new.txt", ""),
            ("write", "/docs/of/mine/a.txt", ""),
            ("remove", "/docs/of/mine/a.txt", ""),
            ("make", "/docs/of/mine/new", ""),
            ("rename", "/docs/of/mine/a.txt", "/up/a.txt"),
            ("link", "/docs/of/mine/a.txt", "/up/a.txt"),
        ] {
            let text = done(&cluster, action, path, to).await;
            assert!(text.starts_with("refused: "), "{action} {path} {to}: {text}");
        }
        assert_eq!(fs::read_to_string(folder.path().join("docs/a.txt")).unwrap(), "read me");
        assert_eq!(fs::read_dir(folder.path().join("docs")).unwrap().count(), 2);
    });
}
