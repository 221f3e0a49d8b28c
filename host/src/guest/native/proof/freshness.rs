//! Nothing of one instance is seen by another, whichever module it is of and however memory is reset.

use std::sync::Arc;

use super::canary::{CONTROLS, FOUND, SHAPES, Shape};
use super::{Lab, NativeFunction, RESETS, call, export, run};
use crate::engine::{KEEP_RESIDENT_KIB_MAX, MemoryReset};
use crate::guest::GuestError;

/// Instances that look for canaries, for each way to reset memory.
const INSTANCES: usize = 10_000;

/// Long: what is tested is not time.
const DEADLINE_MS: u64 = 60_000;

/// Calls a canary guest and fails with what it found.
pub(super) async fn assert_fresh(function: &NativeFunction, which: &str) {
    let found = match call(function).await {
        Ok(response) if response.status == 200 => return,
        Ok(response) => panic!("{which}: {}", response.status),
        Err(GuestError::Failed(code)) => code,
        Err(error) => panic!("{which}: {error}"),
    };
    let what = FOUND.iter().find(|(code, _)| *code == found).map_or("?", |(_, what)| what);
    panic!("{which} found something in {what}");
}

fn prepared(lab: &Lab) -> Vec<(Shape, Arc<NativeFunction>)> {
    let function = |shape: Shape| (shape, export(&lab.module(&shape.wat()), "run", DEADLINE_MS));
    SHAPES.into_iter().map(function).collect()
}

fn assert_no_canary_is_seen(lab: &Lab) {
    let guests = prepared(lab);
    run(async {
        // a fixed sequence that visits every pair of shapes, so a failure can be had again
        let mut state = 1_u32;
        for index in 0..INSTANCES {
            // in runs of the same module: a slot is given back to the module it had last
            if index % 4 == 0 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            }
            let (shape, guest) = &guests[(state >> 16) as usize % guests.len()];
            assert_fresh(guest, &format!("instance {index}, {shape:?}")).await;
        }
        lab.assert_whole().await;
    });
}

#[test]
fn no_canary_is_seen_with_memory_kept_resident() {
    assert_no_canary_is_seen(&Lab::new(2, MemoryReset::KeepResident));
}

#[test]
fn no_canary_is_seen_with_memory_decommitted() {
    assert_no_canary_is_seen(&Lab::new(2, MemoryReset::Decommit));
}

#[test]
fn no_canary_is_seen_with_memory_copied() {
    assert_no_canary_is_seen(&Lab::new(2, MemoryReset::Copy));
}

#[test]
fn no_canary_is_seen_with_all_of_a_small_memory_kept() {
    assert_no_canary_is_seen(&Lab::keeping(Some(KEEP_RESIDENT_KIB_MAX), 2, MemoryReset::Copy));
}

#[test]
fn instances_side_by_side_do_not_see_each_other() {
    for reset in RESETS {
        let lab = Lab::new(4, reset);
        let guests = prepared(&lab);
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let lanes: Vec<_> = (0..4)
                .map(|lane| {
                    let guests = guests.clone();
                    tokio::spawn(async move {
                        for index in 0..500 {
                            let (shape, guest) = &guests[(index + lane) % guests.len()];
                            assert_fresh(guest, &format!("{reset:?}, {shape:?}")).await;
                        }
                    })
                })
                .collect();
            for lane in lanes {
                lane.await.unwrap();
            }
        });
    }
}

#[test]
fn a_canary_guest_finds_what_is_there() {
    let lab = Lab::new(1, MemoryReset::KeepResident);
    for shape in SHAPES.iter().filter(|shape| shape.data.is_some()) {
        let module = lab.module(&shape.wat());
        for (control, number) in CONTROLS {
            let found = run(call(&export(&module, control, DEADLINE_MS))).unwrap_err();
            assert!(matches!(found, GuestError::Failed(n) if n == number), "{control}: {found}");
        }
        let found = run(call(&export(&module, "control_dropped", DEADLINE_MS))).unwrap_err();
        assert!(matches!(found, GuestError::Trapped { .. }), "{found}");
    }
}
