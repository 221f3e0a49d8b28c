//! The load: wrk (Debian's package), one thread, 32 connections that stay open, for a bounded time.

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
        let output = Command::new("wrk")
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
