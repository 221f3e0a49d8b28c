//! Failures of the command line: an exit code that a script can tell apart, and one line.

use std::net::TcpListener;
use std::time::Duration;

use reqwest::StatusCode;
use steading_tests::{ADMIN_PASSWORD, Ended, Load, Steading, http, packages, run, scratch, wasm};
use tempfile::TempDir;

use crate::setup::{built, cluster, shared, steading};

/// Bad configuration, bad data, no manager, not allowed: the codes of `sysexits.h`.
const USAGE: i32 = 64;
const DATA: i32 = 65;
const UNAVAILABLE: i32 = 69;
const DENIED: i32 = 77;

/// A folder with one file in it, and the path of the file.
fn file(name: &str, bytes: &[u8]) -> (TempDir, String) {
    let folder = scratch();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("a temporary folder takes a file");
    (folder, path.display().to_string())
}

async fn publish(steading: Steading, path: &str) -> Ended {
    steading.args(["publish", path, "--app", "refused"]).ended().await
}

#[test]
fn a_package_at_fault_ends_with_65_and_the_managers_reason() {
    run(async {
        let cluster = shared().await;
        let module = wasm::module(&[("hello", "hello")]);
        let cases: [(&str, &[u8], &str); 4] = [
            ("app.wasm", b"this is text", "not_wasm"),
            ("app.wasm", &module[..module.len() / 2], "wasm_invalid"),
            ("app.wasm", &wasm::module_importing("env", "open_socket"), "open_socket"),
            ("app.zip", &packages::zipped(&[("steading.toml", b"[app]\nnme = \"x\"")]), "nme"),
        ];
        for (name, bytes, said) in cases {
            let (_folder, path) = file(name, bytes);
            let ended = publish(cluster.steading(), &path).await;
            assert!(ended.failed(DATA).contains(said), "`{said}` in\n{ended}");
        }
    });
}

#[test]
fn an_unknown_manifest_key_ends_a_build_with_65_and_names_key_and_line() {
    run(async {
        let (folder, _) = file("steading.toml", b"[app]\nname = \"shop\"\nhots = [\"a\"]\n");
        let wasm = folder.path().join("shop.wasm");
        std::fs::write(wasm, wasm::module(&[("hello", "hello")])).unwrap();
        let ended = steading().args(["build"]).args([folder.path()]).ended().await;
        let line = ended.failed(DATA);
        assert!(line.contains("`hots`") && line.contains("line 3"), "{line}");
    });
}

#[test]
fn a_missing_file_ends_with_65_and_its_name() {
    run(async {
        let cluster = shared().await;
        let ended = publish(cluster.steading(), "no-such-file.wasm").await;
        assert!(ended.failed(DATA).contains("no-such-file.wasm"), "{ended}");
    });
}

#[test]
fn an_unknown_app_or_function_ends_with_65_and_its_name() {
    run(async {
        let cluster = shared().await;
        for (app, function, named) in [("absent", "hello", "absent"), ("hello", "none", "none")] {
            let ended = cluster.steading().args(["invoke", app, function]).ended().await;
            assert!(ended.failed(DATA).contains(named), "{ended}");
        }
    });
}

#[test]
fn a_wrong_token_and_no_token_end_with_77() {
    run(async {
        let cluster = shared().await;
        let wrong = cluster.steading().env("STEADING_TOKEN", "not-a-token");
        let wrong = wrong.args(["status"]).ended().await;
        assert!(!wrong.failed(DENIED).is_empty());
        let none = steading().within(std::env::temp_dir());
        let none = none.env("STEADING_MANAGER", cluster.manager()).args(["status"]).ended().await;
        assert!(none.failed(DENIED).contains("login"), "it says what helps\n{none}");
    });
}

#[test]
fn a_busy_port_ends_either_role_with_its_address() {
    run(async {
        let busy = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = busy.local_addr().unwrap().to_string();
        let folder = scratch();
        for (role, more) in [("manager", ""), ("worker", "control = \"127.0.0.1:0\"\n")] {
            let text = format!("listen = \"{address}\"\n{more}");
            let config = folder.path().join(format!("{role}.toml"));
            std::fs::write(&config, text).unwrap();
            let ended = steading()
                .within(folder.path())
                .env("STEADING_ADMIN_PASSWORD", ADMIN_PASSWORD)
                .env("STEADING_JOIN_TOKEN", steading_tests::JOIN_TOKEN)
                .args([role.as_ref(), "--config".as_ref(), config.as_os_str()])
                .ended()
                .await;
            assert_ne!(ended.code, 0);
            assert!(ended.failed(ended.code).contains(&address), "{ended}");
        }
    });
}

#[test]
fn an_unknown_key_in_a_roles_configuration_ends_with_64_and_its_line() {
    run(async {
        for (role, key) in [("manager", "data_folder"), ("worker", "state_folder")] {
            let text = format!("listen = \"127.0.0.1:0\"\n{key} = \"x\"\n");
            let (_folder, path) = file("config.toml", text.as_bytes());
            let ended = steading().args([role, "--config", &path]).ended().await;
            let line = ended.failed(USAGE);
            assert!(line.contains(key) && line.contains("line 2"), "{line}");
        }
    });
}

#[test]
fn a_value_of_a_worker_that_makes_no_sense_ends_with_64_and_its_key() {
    run(async {
        for (text, named) in [
            ("labels = { zone = \"plant 2\" }", "labels: `zone = \"plant 2\"`"),
            ("[capacity]\ninstances = 0", "capacity.instances"),
            ("[availability]\nwindows = [\"Mon-Fir\"]", "availability.windows: `Mon-Fir`"),
            ("[availability]\ntime_zone = \"Berlin\"", "availability.time_zone: `Berlin`"),
            ("[availability]\nmax_cpu_percent = 0", "availability.max_cpu_percent"),
            ("[server]\nidle_ms_max = 0", "server.idle_ms_max"),
            ("[ceilings]\ndeadline_ms_max = 0", "ceilings.deadline_ms_max"),
            ("[engine]\ninstances_max = 0", "engine.instances_max"),
        ] {
            let (_folder, path) = file("worker.toml", text.as_bytes());
            let ended = steading().args(["worker", "--config", &path]).ended().await;
            assert!(ended.failed(USAGE).contains(named), "{named}\n{ended}");
        }
    });
}

#[test]
fn an_unknown_flag_ends_with_64() {
    run(async {
        let ended = steading().args(["publish", "--no-such-flag"]).ended().await;
        assert_eq!(ended.code, USAGE, "{ended}");
        assert!(ended.stderr.contains("--no-such-flag"), "{ended}");
    });
}

#[test]
fn publishing_without_a_manager_retries_ends_with_69_and_the_previous_version_serves_on() {
    run(async {
        let mut cluster = cluster().workers(1).start().await;
        let guests = packages::module_of(&built("tests/guests").await);
        cluster.api().publish_ready("app", &guests, 1).await;
        let url = format!("{}/api/steady", cluster.worker(0));
        let load = Load::start(url.clone());
        cluster.sigkill_manager().await;

        let (_folder, path) = file("app.wasm", &packages::steady(&guests, 2));
        let started = std::time::Instant::now();
        let ended = cluster.steading().args(["publish", &path, "--app", "app"]).ended().await;
        assert!(ended.failed(UNAVAILABLE).contains(cluster.manager()), "{ended}");
        assert!(started.elapsed() > Duration::from_secs(2), "it tried more than once");

        let report = load.stop().await;
        report.assert_no_failure("the worker without a manager");
        let reply = http::get(&url).await;
        let answered = (reply.status, reply.text());
        assert_eq!(answered, (StatusCode::OK, "the steady guest, version 1".to_owned()));
    });
}
