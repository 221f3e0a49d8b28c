//! What the management role does alone: planning 1,000 apps over 200 workers, and taking the heartbeats
//! of 200 workers into the embedded store.

#![allow(clippy::print_stdout)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use steading_benches::{Times, without_backtraces};
use steading_manager::bench::{Heartbeats, Planning};

const APPS: u32 = 1000;
const WORKERS: u32 = 200;
const ROUNDS: usize = 15;

/// As often as workers are told to send one.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(2);

const BEAT_FOR: Duration = Duration::from_secs(5);

fn main() -> anyhow::Result<()> {
    without_backtraces()?;
    println!("management: {APPS} apps x {WORKERS} workers, plans of {ROUNDS} rounds");
    let fresh = |replicas| Planning::fresh(APPS, WORKERS, replicas);
    let settled = |replicas| {
        let mut planning = fresh(replicas);
        planning.settle();
        planning
    };
    let less = |replicas| {
        let mut planning = settled(replicas);
        planning.lose_worker();
        planning
    };
    for (name, planning) in [
        ("3 workers each, nothing placed yet", fresh(Some(3))),
        ("3 workers each, nothing to do", settled(Some(3))),
        ("3 workers each, one worker is gone", less(Some(3))),
        ("all workers, nothing placed yet", fresh(None)),
        ("all workers, nothing to do", settled(None)),
    ] {
        let mut told = 0;
        let times = (0..ROUNDS).map(|_| {
            let began = Instant::now();
            told = planning.plan();
            began.elapsed()
        });
        let times = Times::new(times.collect());
        let (median, longest) = (times.ms(50), times.ms(100));
        println!(
            "  plan, {name}: median {median:.1} ms, longest {longest:.1} ms; {told} workers told"
        );
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(heartbeats())
}

/// As many as the store takes from eight callers at once.
async fn heartbeats() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let opened = Heartbeats::open(folder.path(), WORKERS).await;
    let store = Arc::new(opened.map_err(anyhow::Error::from_boxed)?);
    let (count, began) = (Arc::new(AtomicUsize::new(0)), Instant::now());
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let (store, count) = (Arc::clone(&store), Arc::clone(&count));
            tokio::spawn(async move {
                while began.elapsed() < BEAT_FOR {
                    store.beat(count.fetch_add(1, Ordering::Relaxed)).await?;
                }
                Ok::<_, steading_manager::bench::BoxError>(())
            })
        })
        .collect();
    for caller in callers {
        caller.await?.map_err(anyhow::Error::from_boxed)?;
    }
    let per_second = count.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64();
    let needed = f64::from(WORKERS) / HEARTBEAT_EVERY.as_secs_f64();
    println!(
        "  heartbeats on sqlite with {WORKERS} workers: {per_second:.0}/s, {:.0} x the {needed:.0}/s that they need",
        per_second / needed
    );
    Ok(())
}
