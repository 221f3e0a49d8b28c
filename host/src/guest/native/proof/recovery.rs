//! However a guest ends, its slot is clean and comes back: by itself, by a trap, at its deadline, by a
//! caller that goes away, by a fault of the worker's own.

use std::sync::Arc;
use std::time::Duration;

use super::canary::{ENDS, SHAPES};
use super::freshness::assert_fresh;
use super::{Lab, NativeFunction, NativeModule, RESETS, call, export, run};
use crate::guest::GuestError;

/// How often each end is tried, each followed by guests that look for what it left.
const ROUNDS: usize = 10;

/// For guests that end by their deadline; longer than it takes to leave canaries.
const DEADLINE_MS: u64 = 20;

/// For guests that end before, however busy the machine is.
const PATIENCE_MS: u64 = 60_000;

/// Ends one call in the way that its export says.
async fn end(module: &Arc<NativeModule>, how: &str) {
    let deadline_ms = if matches!(how, "spin" | "sleep") { DEADLINE_MS } else { PATIENCE_MS };
    let function = export(module, how, deadline_ms);
    let called = tokio::spawn(async move { call(&function).await }).await;
    match (how, called) {
        ("panic", Err(error)) => assert!(error.is_panic(), "{error}"),
        ("run", Ok(Ok(response))) => assert_eq!(response.status, 200),
        ("spin" | "sleep", Ok(Err(GuestError::DeadlineExceeded(_))))
        | ("overflow", Ok(Err(GuestError::StackExhausted)))
        | ("starve", Ok(Err(GuestError::MemoryExceeded { .. })))
        | ("trap" | "exit", Ok(Err(GuestError::Trapped { .. }))) => {}
        (how, other) => panic!("{how}: {other:?}"),
    }
}

/// Calls and goes away while the guest is at it.
async fn abandon(lab: &Lab, module: &Arc<NativeModule>, how: &str) {
    let function = export(module, how, PATIENCE_MS);
    let called = tokio::spawn(async move { call(&function).await.map(drop) });
    lab.eventually(|[instances, ..]| instances == 1).await;
    tokio::time::sleep(Duration::from_millis(2)).await;
    called.abort();
    assert!(called.await.unwrap_err().is_cancelled());
    assert_eq!(lab.in_use(), [0; 4], "after `{how}` was abandoned");
}

async fn assert_all_fresh(guests: &[Arc<NativeFunction>], after: &str) {
    for guest in guests {
        for _ in 0..2 {
            assert_fresh(guest, after).await;
        }
    }
}

#[test]
fn however_a_guest_ends_its_slot_is_clean_and_comes_back() {
    for reset in RESETS {
        let lab = Lab::new(2, reset);
        let modules = SHAPES.map(|shape| lab.module(&shape.wat()));
        let guests = modules.each_ref().map(|module| export(module, "run", PATIENCE_MS));
        run(async {
            for how in ENDS {
                for round in 0..ROUNDS {
                    end(&modules[round % modules.len()], how).await;
                    assert_eq!(lab.in_use(), [0; 4], "after `{how}`");
                    assert_all_fresh(&guests, &format!("{reset:?}, after `{how}`")).await;
                }
            }
            lab.assert_whole().await;
        });
    }
}

#[test]
fn a_caller_that_goes_away_leaves_a_clean_slot() {
    for reset in RESETS {
        let lab = Lab::new(2, reset);
        let modules = SHAPES.map(|shape| lab.module(&shape.wat()));
        let guests = modules.each_ref().map(|module| export(module, "run", PATIENCE_MS));
        run(async {
            for how in ["spin", "sleep"] {
                for module in &modules {
                    abandon(&lab, module, how).await;
                    assert_all_fresh(&guests, &format!("{reset:?}, after `{how}`")).await;
                }
            }
            lab.assert_whole().await;
        });
    }
}
