//! The release binary's roles as processes of their own, so that their memory, their threads and their
//! start are those of production. Killed when dropped.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::{Caller, Desk, binary};

/// A running worker.
pub struct WorkerProcess(Role);

/// A running gateway.
pub struct GatewayProcess(Role);

struct Role {
    child: Child,
    address: SocketAddr,
    control: SocketAddr,
}

const READY_WITHIN: Duration = Duration::from_secs(240);

impl WorkerProcess {
    /// Starts it with its state in `state_dir` and waits for its first line, which comes once the
    /// last state is taken up.
    pub fn start(desk: &Desk, state_dir: &Path) -> anyhow::Result<Self> {
        Role::start("worker", &desk.url(), "bench", state_dir).map(Self)
    }

    /// Starts it as one of a manager's workers.
    pub fn join(manager: &str, join_token: &str, state_dir: &Path) -> anyhow::Result<Self> {
        Role::start("worker", manager, join_token, state_dir).map(Self)
    }

    /// Where functions are answered.
    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// Where `/live` and `/ready` are answered.
    pub fn control(&self) -> SocketAddr {
        self.0.control
    }

    /// Waits until `/ready` says so: the state is applied whole and kept for the next start.
    pub fn ready(&self) -> anyhow::Result<()> {
        self.0.ready()
    }

    /// Resident memory, bytes.
    pub fn resident_bytes(&self) -> anyhow::Result<u64> {
        resident_bytes(&self.0.child)
    }

    /// The processor time it has used, to a hundredth of a second.
    pub fn processor_time(&self) -> anyhow::Result<Duration> {
        self.0.processor_time()
    }
}

impl GatewayProcess {
    /// Starts it with its state in `state_dir`, and waits until it knows routes.
    pub fn start(manager: &str, join_token: &str, state_dir: &Path) -> anyhow::Result<Self> {
        let role = Role::start("gateway", manager, join_token, state_dir)?;
        role.ready()?;
        Ok(Self(role))
    }

    /// Where callers are answered.
    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// Resident memory, bytes.
    pub fn resident_bytes(&self) -> anyhow::Result<u64> {
        resident_bytes(&self.0.child)
    }

    /// The processor time it has used, to a hundredth of a second.
    pub fn processor_time(&self) -> anyhow::Result<Duration> {
        self.0.processor_time()
    }
}

/// The processor time that this process and those it has waited for have used, to a hundredth of a second.
pub fn own_processor_time() -> anyhow::Result<Duration> {
    processor_time("self")
}

/// As the kernel accounts it, with that of children which were waited for.
fn processor_time(process: &str) -> anyhow::Result<Duration> {
    /// `utime` and the three fields after it, of those that follow the name.
    const TIMES: std::ops::Range<usize> = 11..15;
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))
        .context("processor time is read from /proc, which is Linux's")?;
    let (_, fields) = stat.rsplit_once(')').context("a name in parentheses")?;
    let fields: Vec<_> = fields.split_whitespace().collect();
    let ticks = fields.get(TIMES).context("times")?.iter().map(|ticks| ticks.parse::<u64>());
    let ticks: u64 = ticks.sum::<Result<_, _>>()?;
    // programs are told hundredths, whatever the kernel counts in
    Ok(Duration::from_millis(ticks * 10))
}

/// Resident memory of a process, bytes, as the kernel accounts it (`VmRSS`).
pub(crate) fn resident_bytes(child: &Child) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()))
        .context("resident memory is read from /proc, which is Linux's")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).context("VmRSS")?;
    Ok(kib.parse::<u64>()? << 10)
}

/// Starts a role of the release binary; returns it with its first line, which says that it is ready.
pub(crate) fn started(
    role: &str,
    settings: impl FnOnce(&mut Command) -> &mut Command,
) -> anyhow::Result<(Child, Value)> {
    let binary = binary()?;
    let mut command = Command::new(&binary);
    command.args([role, "--json"]).env("STEADING_LOG", "error");
    settings(&mut command).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child =
        command.spawn().with_context(|| format!("cannot start {}", binary.display()))?;
    let output = child.stdout.take().context("the output is piped")?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    let ready = serde_json::from_str(&line)
        .with_context(|| format!("the {role}'s first line is JSON, not {line:?}"))?;
    Ok((child, ready))
}

impl Role {
    fn start(role: &str, manager: &str, token: &str, state_dir: &Path) -> anyhow::Result<Self> {
        let (child, ready) = started(role, |command| {
            command
                .args(["--listen", "127.0.0.1:0", "--control", "127.0.0.1:0"])
                .args(["--manager", manager, "--state-dir"])
                .arg(state_dir)
                .env("STEADING_JOIN_TOKEN", token)
        })?;
        let at = |key: &str| anyhow::Ok(ready[key].as_str().context("an address")?.parse()?);
        let (address, control) = (at("address")?, at("control")?);
        Ok(Self { child, address, control })
    }

    fn processor_time(&self) -> anyhow::Result<Duration> {
        processor_time(&self.child.id().to_string())
    }

    fn ready(&self) -> anyhow::Result<()> {
        let began = Instant::now();
        let mut caller = Caller::connect(self.control)?;
        while caller.get("/ready")?.status != 200 {
            ensure!(began.elapsed() < READY_WITHIN, "the process does not become ready");
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        // it may have ended by itself
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
