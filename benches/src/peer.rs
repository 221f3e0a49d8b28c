//! Other hosts, when they are installed: `wasmtime serve` and workerd, each with a hello world of its
//! own kind, as processes on loopback. Nothing is installed here; an absent one says how to get it.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, ensure};

use crate::guest::root;

/// A running peer; killed when dropped.
pub struct Peer {
    child: Child,
    url: String,
}

/// A peer, or how to install it.
pub type Found = Result<Peer, String>;

impl Peer {
    /// Its hello world.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// `wasmtime serve` on its defaults with a `wasi:http` 0.2 component, and with `-Scli`, because Rust's
    /// standard library imports `wasi:cli`. Found as `$WASMTIME`, below `peers` in the target folder, or
    /// on the path.
    pub fn wasmtime() -> anyhow::Result<Found> {
        let installed = peers()?.join("bin/wasmtime");
        let program = match std::env::var_os("WASMTIME") {
            Some(program) => PathBuf::from(program),
            None if installed.exists() => installed,
            None => PathBuf::from("wasmtime"),
        };
        if !runs(&program) {
            let root = peers()?;
            let root = root.display();
            return Ok(Err(format!(
                "cargo install wasmtime-cli --version '^48' --locked --root {root}"
            )));
        }
        let mut child = Command::new(program)
            .args(["serve", "-Scli", "--addr", "127.0.0.1:0"])
            .arg(hello_component()?)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let line = line_with("http://", child.stderr.take())?;
        let url = line[line.find("http://").unwrap_or(0)..].trim().to_owned();
        Ok(Ok(Self { child, url }))
    }

    /// workerd with one warm isolate. Found as `$WORKERD` or below `peers` in the target folder.
    pub fn workerd() -> anyhow::Result<Found> {
        let Some(program) = std::env::var_os("WORKERD").map(PathBuf::from).or(workerd_of_npm()?)
        else {
            let prefix = peers()?;
            return Ok(Err(format!("npm install --prefix {} workerd", prefix.display())));
        };
        let mut child = Command::new(program)
            .arg("serve")
            .arg(root()?.join("benches/peers/workerd.capnp"))
            .arg("--control-fd=1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let line = line_with("\"port\"", child.stdout.take())?;
        let event: serde_json::Value = serde_json::from_str(&line)?;
        let port = event["port"].as_u64().with_context(|| format!("a port in {line:?}"))?;
        Ok(Ok(Self { child, url: format!("http://127.0.0.1:{port}/") }))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // it may have ended by itself
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where peers are looked for: `peers` in the target folder.
fn peers() -> anyhow::Result<PathBuf> {
    let bench = std::env::current_exe()?;
    let target = bench.ancestors().nth(3).context("a bench lies in target/release/deps")?;
    Ok(target.join("peers"))
}

/// npm's `workerd` is a script that starts the program of the platform's own package.
fn workerd_of_npm() -> anyhow::Result<Option<PathBuf>> {
    let Ok(packages) = std::fs::read_dir(peers()?.join("node_modules/@cloudflare")) else {
        return Ok(None);
    };
    let programs = packages.flatten().map(|package| package.path().join("bin/workerd"));
    Ok(programs.into_iter().find(|program| program.exists()))
}

fn runs(program: &Path) -> bool {
    let version = Command::new(program).arg("--version").output();
    version.is_ok_and(|output| output.status.success())
}

/// Builds the component that `wasmtime serve` runs, and the worker for comparison.
pub fn hello_component() -> anyhow::Result<PathBuf> {
    let target = peers()?.join("hello-component");
    let built = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(root()?.join("benches/peers/hello-component"))
        .args(["build", "--quiet", "--release", "--locked", "--target", "wasm32-wasip2"])
        .arg("--target-dir")
        .arg(&target)
        .output()?;
    ensure!(
        built.status.success(),
        "{}(is the target there? `rustup target add wasm32-wasip2`)",
        String::from_utf8_lossy(&built.stderr)
    );
    Ok(target.join("wasm32-wasip2/release/hello_component.wasm"))
}

/// The first line of a child's output that says where it listens; the rest is read and dropped by a
/// thread, so that the child never waits for a reader.
fn line_with(text: &str, output: Option<impl Read + Send + 'static>) -> anyhow::Result<String> {
    let mut output = BufReader::new(output.context("the output is piped")?);
    let mut line = String::new();
    while !line.contains(text) {
        line.clear();
        ensure!(output.read_line(&mut line)? > 0, "the peer ended before it listened");
    }
    std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
    Ok(line)
}
