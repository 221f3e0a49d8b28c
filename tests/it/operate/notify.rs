//! What a role tells systemd, heard at a socket that stands for it.

#![cfg(unix)]

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::{Duration, Instant};

use steading_tests::{ADMIN_PASSWORD, JOIN_TOKEN, Process, run, scratch};

use crate::setup::steading;

/// The socket of a service manager.
struct Supervisor(UnixDatagram);

impl Supervisor {
    fn open(path: &Path) -> Self {
        let socket = UnixDatagram::bind(path).expect("a temporary folder takes a socket");
        socket.set_read_timeout(Some(Duration::from_secs(1))).expect("a socket takes a deadline");
        Self(socket)
    }

    /// Waits for a message with a line.
    fn hears(&self, wanted: &str) -> String {
        let until = Instant::now() + Duration::from_secs(30);
        let (mut heard, mut buffer) = (vec![], [0; 4096]);
        while Instant::now() < until {
            let Ok(length) = self.0.recv(&mut buffer) else { continue };
            let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if message.lines().any(|line| line == wanted) {
                return message;
            }
            heard.push(message);
        }
        panic!("no {wanted}, but {heard:?}")
    }
}

#[test]
fn every_role_tells_its_supervisor_that_it_is_ready_turns_and_stops() {
    run(async {
        for role in ["manager", "worker", "gateway"] {
            let folder = scratch();
            let socket = folder.path().join("notify");
            let supervisor = Supervisor::open(&socket);
            let control = if role == "manager" { "" } else { "control = \"127.0.0.1:0\"\n" };
            let config = folder.path().join("role.toml");
            std::fs::write(&config, format!("listen = \"127.0.0.1:0\"\n{control}")).unwrap();
            let command = steading()
                .within(folder.path())
                .args([role.as_ref(), "--config".as_ref(), config.as_os_str()])
                .env("NOTIFY_SOCKET", &socket)
                .env("WATCHDOG_USEC", "200000")
                .env("STEADING_ADMIN_PASSWORD", ADMIN_PASSWORD)
                .env("STEADING_JOIN_TOKEN", JOIN_TOKEN)
                .into_command();
            let mut process = Process::start(role, command).await;
            let ready = tokio::task::block_in_place(|| supervisor.hears("READY=1"));
            assert!(ready.contains("\nSTATUS=") && ready.contains("127.0.0.1:"), "{ready}");
            tokio::task::block_in_place(|| {
                for _ in 0..3 {
                    supervisor.hears("WATCHDOG=1");
                }
            });
            process.sigterm();
            tokio::task::block_in_place(|| supervisor.hears("STOPPING=1"));
            let status = process.ended(Duration::from_secs(20)).await;
            assert!(status.success(), "{role} ends with {status}");
        }
    });
}
