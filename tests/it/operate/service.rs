//! `steading service` on Linux. No systemd runs here: a script that is first on the path stands for
//! `systemctl` and writes down what it is told; what is in a unit, systemd's own `systemd-analyze` judges.

#![cfg(unix)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use steading_tests::{Ended, Steading, run, scratch};
use tempfile::TempDir;

use crate::setup::steading;

/// A folder that stands for a mounted system, and a `systemctl`.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self { folder: scratch() };
        std::fs::create_dir_all(bench.root().join("etc/steading"))
            .expect("a temporary folder takes it");
        bench.systemctl(0);
        bench.secret("join-token", 0o600);
        std::fs::write(
            bench.root().join("etc/steading/worker.toml"),
            "[server]\ndrain_ms_max = 5000\n",
        )
        .expect("a temporary folder takes it");
        bench
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// A `systemctl` that ends with a code.
    fn systemctl(&self, code: i32) {
        let (path, told) = (self.folder.path().join("systemctl"), self.folder.path().join("told"));
        let script = format!("#!/bin/sh\necho \"$@\" >> {}\nexit {code}\n", told.display());
        std::fs::write(&path, script).expect("a temporary folder takes it");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))
            .expect("a temporary folder takes it");
    }

    fn secret(&self, name: &str, mode: u32) {
        let path = self.root().join("etc/steading").join(name);
        std::fs::write(&path, "secret").expect("a temporary folder takes it");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode))
            .expect("a temporary folder takes it");
    }

    fn call(&self, arguments: &[&str]) -> Steading {
        let path = format!("{}:/usr/bin:/bin", self.folder.path().display());
        steading().env("PATH", path).args(["service"]).args(arguments)
    }

    async fn install(&self, more: &[&str]) -> Ended {
        let root = self.root().display().to_string();
        let token = "/etc/steading/join-token";
        let known = ["install", "worker", "--root", &root, "--join-token-file", token];
        self.call(&known).args(more).ended().await
    }

    fn unit(&self) -> PathBuf {
        self.root().join("etc/systemd/system/steading-worker.service")
    }

    fn told(&self) -> Vec<String> {
        let told = std::fs::read_to_string(self.folder.path().join("told")).unwrap_or_default();
        told.lines().map(str::to_owned).collect()
    }
}

#[test]
fn a_unit_is_written_enabled_and_removed_again() {
    run(async {
        let bench = Bench::new();
        bench.install(&["--config", "/etc/steading/worker.toml"]).await.succeeded();
        let unit = std::fs::read_to_string(bench.unit()).unwrap();
        for line in [
            "LoadCredential=join-token:/etc/steading/join-token",
            "TimeoutStopSec=20",
            "NoNewPrivileges=yes",
            "Restart=on-failure",
        ] {
            assert!(unit.lines().any(|it| it == line), "no `{line}` in\n{unit}");
        }
        assert!(
            unit.contains(" worker --config /etc/steading/worker.toml --state-dir %S/"),
            "{unit}"
        );
        let root = bench.root().display().to_string();
        let gone = bench.call(&["uninstall", "worker", "--root", &root]).ended().await.succeeded();
        assert!(gone.stdout.contains("its state stays in /var/lib/steading/worker"), "{gone}");
        assert!(!bench.unit().exists());
        let unit = "steading-worker.service";
        let told =
            [format!("--root {root} enable {unit}"), format!("--root {root} disable {unit}")];
        assert_eq!(bench.told(), told);
        let again = bench.call(&["uninstall", "worker", "--root", &root]).ended().await;
        assert!(again.failed(64).contains("there is no "), "{again}");
    });
}

#[test]
fn start_stop_and_status_are_systemds_with_their_outcome() {
    run(async {
        let bench = Bench::new();
        for verb in ["start", "stop", "status"] {
            bench.call(&[verb, "gateway"]).ended().await.succeeded();
        }
        let unit = "steading-gateway.service";
        let told =
            [format!("start {unit}"), format!("stop {unit}"), format!("status --no-pager {unit}")];
        assert_eq!(bench.told(), told);
        bench.systemctl(3);
        let ended = bench.call(&["status", "gateway"]).ended().await;
        assert!(ended.failed(1).contains("exit status: 3"), "{ended}");
        let nowhere = steading().env("PATH", "/nowhere").args(["service", "start", "worker"]);
        assert!(nowhere.ended().await.failed(64).contains("there is no systemctl here"));
    });
}

#[test]
fn what_would_not_start_is_not_installed() {
    run(async {
        let bench = Bench::new();
        let unknown = bench.call(&["install", "landlord"]).ended().await;
        assert_eq!(unknown.code, 64, "{unknown}");
        assert!(unknown.stderr.contains("manager, worker, gateway"), "{unknown}");
        let without = bench.call(&["install", "worker", "--print"]).ended().await;
        assert!(without.failed(64).contains("--join-token-file"), "{without}");
        let foreign = bench.install(&["--admin-password-file", "/etc/x"]).await;
        assert_eq!(foreign.failed(64), "a worker takes no --admin-password-file");
        let absent = bench.install(&["--config", "/etc/steading/absent.toml"]).await;
        assert!(absent.failed(64).contains("absent.toml"), "{absent}");
        let large = bench.root().join("etc/steading/worker.toml");
        std::fs::write(large, "[engine]\ninstances_max = 9000\n[capacity]\nmemory_mib = 64\n")
            .unwrap();
        let large = bench.install(&["--config", "/etc/steading/worker.toml"]).await;
        assert!(large.failed(64).ends_with("would fit"), "{large}");
        bench.secret("join-token", 0o644);
        let open = bench.install(&[]).await;
        assert!(open.failed(64).contains("chmod 600"), "{open}");
        assert!(!bench.unit().exists() && bench.told().is_empty());
    });
}

#[test]
fn a_missing_right_to_write_units_is_told() {
    run(async {
        let bench = Bench::new();
        // a file where a folder belongs cannot be written below, by root either
        let root = bench.root().display().to_string();
        std::fs::write(bench.root().join("etc/systemd"), "").unwrap();
        let ended = bench.install(&[]).await;
        assert!(
            ended.failed(1).starts_with(&format!("cannot write {root}/etc/systemd/")),
            "{ended}"
        );
    });
}

/// Whether systemd's tools are here; in CI they have to be.
fn systemd_wanted() -> bool {
    let there = Path::new("/usr/bin/systemd-analyze").exists();
    assert!(
        there || std::env::var_os("STEADING_REQUIRE_SYSTEMD").is_none(),
        "STEADING_REQUIRE_SYSTEMD is set and there is no systemd-analyze"
    );
    if !there {
        println!("SKIPPED: there is no systemd-analyze");
    }
    there
}

#[test]
fn systemd_takes_every_unit_and_finds_little_exposed() {
    if !systemd_wanted() {
        return;
    }
    run(async {
        let folder = scratch();
        for role in ["manager", "worker", "gateway"] {
            let arguments =
                ["service", "install", role, "--print", "--join-token-file", "/etc/token"];
            let unit = steading().args(arguments).ended().await.succeeded().stdout;
            let path = folder.path().join(format!("steading-{role}.service"));
            std::fs::write(&path, &unit).unwrap();
            let verified =
                Command::new("systemd-analyze").arg("verify").arg(&path).output().unwrap();
            let said = String::from_utf8_lossy(&verified.stderr);
            let ours: Vec<&str> = said.lines().filter(|line| line.contains("steading")).collect();
            assert!(verified.status.success() && ours.is_empty(), "{ours:?}\n{unit}");
            // 20 stands for an exposure of 2.0 of 10, which systemd calls OK
            let exposed = Command::new("systemd-analyze")
                .args(["security", "--no-pager", "--offline=yes", "--threshold=20"])
                .arg(&path)
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&exposed.stdout);
            assert!(exposed.status.success(), "{said}");
        }
    });
}
