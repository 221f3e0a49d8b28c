//! One child process with its output. It knows nothing of what the process does.
//!
//! Two things end a child: dropping its [`Process`], and, for those kept in statics or left behind by a
//! killed test run, the parent-death signal that `setpriv` (util-linux) asks the kernel for.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};

use crate::{eventually, runtime};

/// Lines of a process's output shown when a test fails: enough for the last few requests.
const TAIL_LINES: usize = 60;

/// A running child process.
#[derive(Debug)]
pub struct Process {
    name: String,
    id: u32,
    child: Child,
    output: Output,
}

/// The lines that a process has written so far, on both streams, in the order of arrival.
#[derive(Clone, Debug, Default)]
struct Output(Arc<Mutex<Vec<String>>>);

impl Process {
    /// Starts `command`; its stdin is empty, its output is kept.
    pub async fn start(name: impl Into<String>, mut command: Command) -> Self {
        let name = name.into();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        // The kernel sends the parent-death signal when the *thread* that spawned the child ends:
        // a thread of the shared runtime stays, the thread of a test does not.
        let spawned = runtime::handle().spawn(async move { command.spawn() });
        let spawned = spawned.await.expect("spawning does not panic");
        let mut child = spawned.unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let output = Output::default();
        output.collect(child.stdout.take());
        output.collect(child.stderr.take());
        let id = child.id().expect("a child that nobody waited for has an id");
        Self { name, id, child, output }
    }

    /// The first line that `wanted` takes something from; panics when the process ends before.
    pub async fn line<T>(&mut self, what: &str, wanted: impl Fn(&str) -> Option<T>) -> T {
        self.try_line(what, wanted).await.unwrap_or_else(|ended| panic!("{ended}"))
    }

    /// As [`Process::line`]; when the process ends before, how it ended and what it had said.
    pub async fn try_line<T>(
        &mut self,
        what: &str,
        wanted: impl Fn(&str) -> Option<T>,
    ) -> Result<T, String> {
        let (name, output, child) = (&self.name, &self.output, Mutex::new(&mut self.child));
        let what = format!("{name} to print {what}");
        eventually(&what, Duration::from_secs(60), || async {
            if let Some(found) = output.lines().iter().find_map(|line| wanted(line)) {
                return Ok(Ok(found));
            }
            let mut child = child.lock().unwrap_or_else(PoisonError::into_inner);
            if let Ok(Some(status)) = child.try_wait() {
                return Ok(Err(format!("{name} ended with {status} instead:\n{}", output.tail())));
            }
            Err(format!("its output is\n{}", output.tail()))
        })
        .await
    }

    /// Everything the process has written so far, one line each.
    pub fn lines(&self) -> Vec<String> {
        self.output.lines()
    }

    /// The end of the output under the name of the process, for a failed test.
    pub fn tail(&self) -> String {
        format!("---- {} ({})\n{}", self.name, self.id, self.output.tail())
    }

    /// Resident memory, bytes.
    pub fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id));
        let status = status.expect("the process runs, on Linux");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kib.expect("its status has the line VmRSS") << 10
    }

    /// SIGKILL: the process gets no chance to say goodbye. Returns when it is gone.
    pub async fn sigkill(&mut self) {
        self.child
            .kill()
            .await
            .unwrap_or_else(|error| panic!("cannot kill {}: {error}", self.name));
    }

    /// Asks the process to end, as a service manager would.
    pub fn sigterm(&self) {
        self.signal("TERM");
    }

    /// Sends a signal by its name, such as `STOP`.
    pub fn signal(&self, name: &str) {
        // The standard library has no kill(2); every POSIX shell has it built in.
        let status = std::process::Command::new("sh")
            .args(["-c", &format!("kill -{name} {}", self.id)])
            .status()
            .expect("a shell can be started");
        assert!(status.success(), "cannot signal {}", self.name);
    }

    /// The status with which the process has ended by itself, or nothing when it says that it is ready
    /// (a line of JSON) or still runs after `within`.
    pub async fn outcome(&mut self, within: Duration) -> Option<ExitStatus> {
        let is_ready = |lines: Vec<String>| lines.iter().any(|line| line.starts_with('{'));
        let until = tokio::time::Instant::now() + within;
        loop {
            let ended = self.child.try_wait().expect("a child can be waited for");
            let over = is_ready(self.lines()) || tokio::time::Instant::now() >= until;
            if ended.is_some() || over {
                return ended;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The status with which the process ends by itself within `within`.
    pub async fn ended(&mut self, within: Duration) -> ExitStatus {
        match tokio::time::timeout(within, self.child.wait()).await {
            Ok(status) => status.expect("a child can be waited for"),
            Err(_) => panic!("{} still runs after {within:?}:\n{}", self.name, self.output.tail()),
        }
    }
}

impl Output {
    fn collect(&self, stream: Option<impl AsyncRead + Unpin + Send + 'static>) {
        let (output, stream) = (self.clone(), stream.expect("the stream is piped"));
        runtime::handle().spawn(async move {
            let mut lines = BufReader::new(stream).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                output.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn tail(&self) -> String {
        let lines = self.lines();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }
}

/// A command for `program` whose process dies with this one, where the platform can do that.
pub(crate) fn bound_command(program: impl AsRef<OsStr>) -> Command {
    static SETPRIV: LazyLock<bool> = LazyLock::new(|| Path::new("/usr/bin/setpriv").exists());
    if !*SETPRIV {
        return Command::new(program);
    }
    let mut command = Command::new("/usr/bin/setpriv");
    command.args(["--pdeathsig", "KILL"]).arg(program);
    command
}
