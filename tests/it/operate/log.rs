//! What a role does without anybody who reads its log.

#![cfg(unix)]

use std::process::Stdio;
use std::time::Duration;

use steading_tests::{ADMIN_PASSWORD, run, scratch};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::setup::steading;

#[test]
fn a_role_whose_log_nobody_reads_any_more_stops_when_it_is_told_to() {
    run(async {
        let folder = scratch();
        let mut command = steading()
            .within(folder.path())
            .env("STEADING_ADMIN_PASSWORD", ADMIN_PASSWORD)
            .args(["manager", "--listen", "127.0.0.1:0"])
            .into_command();
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("the binary starts");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        lines.next_line().await.unwrap().expect("it says that it is ready");
        drop((lines, child.stderr.take()));
        let id = child.id().expect("it runs");
        let told =
            std::process::Command::new("sh").args(["-c", &format!("kill -TERM {id}")]).status();
        assert!(told.expect("a shell can be started").success());
        let ended = tokio::time::timeout(Duration::from_secs(20), child.wait()).await;
        assert!(ended.expect("it ends in time").unwrap().success());
    });
}
