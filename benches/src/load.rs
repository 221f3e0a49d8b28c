//! The load: wrk (Debian's package), one thread, 32 connections that stay open, for a bounded time.

use std::io::Write;
use std::process::Command;

use anyhow::{Context, bail, ensure};

/// How to load a server.
pub struct Load {
    /// Seconds of load.
    pub seconds: u32,
    /// Open connections.
    pub connections: u32,
}

/// What wrk measured.
#[derive(Clone, Copy, Debug)]
pub struct Throughput {
    /// Requests answered a second.
    pub per_second: f64,
}

impl Load {
    /// Loads one URL and returns its throughput; an answer that is not 2xx or 3xx is an error, because a
    /// refusal is faster than the work.
    pub fn run(&self, url: &str) -> anyhow::Result<Throughput> {
        self.measure(Command::new("wrk"), url)
    }

    /// Loads these paths of one server in random order.
    pub fn run_paths(&self, server: &str, paths: &[String]) -> anyhow::Result<Throughput> {
        let mut script = tempfile::NamedTempFile::with_suffix(".lua")?;
        let paths: Vec<_> = paths.iter().map(|path| format!("{path:?}")).collect();
        // requests are put together once, so that many paths cost the load no more than one
        write!(
            script,
            "local paths = {{{}}}\nlocal requests = {{}}\nfunction init()\n  for i, path in ipairs(paths) do\n    \
             requests[i] = wrk.format(\"GET\", path)\n  end\nend\nfunction request()\n  \
             return requests[math.random(#requests)]\nend\n",
            paths.join(",")
        )?;
        let mut wrk = Command::new("wrk");
        wrk.arg("-s").arg(script.path());
        self.measure(wrk, server)
    }

    fn measure(&self, mut wrk: Command, url: &str) -> anyhow::Result<Throughput> {
        let output = wrk
            .args(["-t1", &format!("-c{}", self.connections), &format!("-d{}s", self.seconds), url])
            .output()
            .context("wrk cannot be run; it is Debian's package `wrk`")?;
        let text = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "wrk failed: {text}");
        if let Some(line) =
            text.lines().find(|line| line.contains("Non-2xx") || line.contains("Socket errors"))
        {
            bail!("{url}: {}", line.trim());
        }
        let line = text.lines().find_map(|line| line.strip_prefix("Requests/sec:"));
        let per_second = line.context("wrk prints its throughput")?.trim().parse()?;
        Ok(Throughput { per_second })
    }
}
