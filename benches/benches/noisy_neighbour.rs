//! What a guest that spins on every core does to its neighbours: the p99 of another function at 200
//! requests a second, quiet and with the spinners, the answers of `/live` and `/ready` meanwhile, and
//! how late a deadline fires.

#![allow(clippy::print_stdout)]

use std::net::SocketAddr;
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use anyhow::ensure;
use steading_benches::{Apps, Caller, Desk, Guest, Times, WorkerProcess};
use steading_protocol::Limits;

/// Callers that take turns: at 5 ms between calls, one that waits for 40 ms delays nobody.
const CALLERS: u32 = 8;
const PER_SECOND: u32 = 200;
const SECONDS: u32 = 8;
/// Callers that fell behind give up then, so that the spinners outlast them.
const LASTS_MAX: Duration = Duration::from_secs(10);
const DEADLINE: Duration = Duration::from_millis(500);
const DEADLINES: usize = 6;

/// Longer than everything that is measured while it spins.
const SPIN: Duration = Duration::from_secs(20);

fn main() -> anyhow::Result<()> {
    let (hello, spin) = (Guest::hello()?, Guest::spin()?);
    let limits = |deadline: Duration| Limits {
        deadline_ms_max: deadline.as_millis() as u64,
        ..Limits::default()
    };
    let spinner = |prefix, deadline| {
        Apps { prefix, guest: &spin, count: 1, modules: 1, limits: limits(deadline) }.make()
    };
    let mut apps = Apps::distinct(&hello, 1).make()?;
    apps.extend(spinner("spin", SPIN)?);
    apps.extend(spinner("brief", DEADLINE)?);
    let [neighbour, long, brief] = [0, 1, 2].map(|app: usize| apps[app].path());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (state, desk) = (tempfile::tempdir()?, runtime.block_on(Desk::open())?);
    desk.place(&apps);
    let worker = WorkerProcess::start(&desk, state.path())?;
    runtime.block_on(desk.all_ready())?;
    let cores = std::thread::available_parallelism()?.get();
    println!(
        "noisy_neighbour: {PER_SECOND} requests a second to another function for {SECONDS} s, {cores} cores"
    );
    let quiet = steady(worker.address(), &neighbour)?;
    println!("  quiet: p50 {:.2} ms   p99 {:.2} ms", quiet.ms(50), quiet.ms(99));
    let spinners: Vec<_> = (0..cores).map(|_| call_spinner(worker.address(), &long)).collect();
    sleep(Duration::from_millis(200));
    let noisy = steady(worker.address(), &neighbour)?;
    println!(
        "  with {cores} spinners: p50 {:.2} ms   p99 {:.2} ms   rise of p99 {:.2} ms",
        noisy.ms(50),
        noisy.ms(99),
        noisy.ms(99) - quiet.ms(99)
    );
    let control = probes(worker.control())?;
    println!(
        "  /live and /ready meanwhile: p50 {:.2} ms   longest {:.2} ms",
        control.ms(50),
        control.ms(100)
    );
    let late = deadlines(worker.address(), &brief)?;
    println!(
        "  a deadline of {} ms meanwhile: median answer after {:.0} ms, latest {:.0} ms",
        DEADLINE.as_millis(),
        late.ms(50),
        late.ms(100)
    );
    let ended = spinners.iter().filter(|spinner| spinner.is_finished()).count();
    println!("  spinners that ended before everything was measured: {ended}");
    Ok(())
}

/// Calls `path` at an even rate, from callers in turn. A call counts from when it was due, unless its
/// caller woke late: a late answer delays the caller's next call, and that wait counts.
fn steady(address: SocketAddr, path: &str) -> anyhow::Result<Times> {
    let began = Instant::now() + Duration::from_millis(100);
    let callers = (0..CALLERS).map(|first| {
        let path = path.to_owned();
        std::thread::spawn(move || -> anyhow::Result<Vec<Duration>> {
            let mut caller = Caller::connect(address)?;
            let (mut times, mut free) = (vec![], Instant::now());
            for call in (first..PER_SECOND * SECONDS).step_by(CALLERS as usize) {
                if began.elapsed() > LASTS_MAX {
                    break;
                }
                let due = began + Duration::from_secs(1) * call / PER_SECOND;
                sleep(due.saturating_duration_since(Instant::now()));
                let waited = free.saturating_duration_since(due);
                times.push(caller.get_ok(&path)? + waited);
                free = Instant::now();
            }
            Ok(times)
        })
    });
    let callers: Vec<_> = callers.collect();
    let mut all = vec![];
    for caller in callers {
        all.extend(caller.join().expect("a caller does not panic")?);
    }
    Ok(Times::new(all))
}

/// One call that spins until its deadline, or until the worker ends.
fn call_spinner(address: SocketAddr, path: &str) -> JoinHandle<anyhow::Result<u16>> {
    let path = path.to_owned();
    std::thread::spawn(move || Ok(Caller::connect(address)?.get(&path)?.status))
}

fn probes(control: SocketAddr) -> anyhow::Result<Times> {
    let mut times = vec![];
    for _ in 0..50 {
        for path in ["/live", "/ready"] {
            let began = Instant::now();
            Caller::connect(control)?.get_ok(path)?;
            times.push(began.elapsed());
        }
        sleep(Duration::from_millis(10));
    }
    Ok(Times::new(times))
}

fn deadlines(address: SocketAddr, path: &str) -> anyhow::Result<Times> {
    let mut caller = Caller::connect(address)?;
    let times = (0..DEADLINES).map(|_| {
        let answer = caller.get(path)?;
        ensure!(answer.status == 504, "a deadline is answered with 504, not {}", answer.status);
        Ok(answer.within)
    });
    Ok(Times::new(times.collect::<anyhow::Result<_>>()?))
}
