//! Fuzz target: whole modules. Whatever the manager lets through, and what it would not, is compiled and
//! run as a guest.
//!
//! What must hold: the worker refuses the module or runs it to an answer or a fault within its deadline,
//! does not panic, and has its slot back.

use std::sync::Arc;

use steading_fuzz::{Corpus, Script};
use wasmtime::Module;

use super::{Lab, NativeFunction, NativeModule, call, run};
use crate::engine::MemoryReset;

const DEADLINE_MS: u64 = 20;

fn check(lab: &Lab, wasm: &[u8]) {
    let Ok(module) = Module::new(lab.engine.wasmtime(), wasm) else { return };
    let Ok(module) = NativeModule::prepare(&lab.linker, &module) else { return };
    let limits = steading_protocol::Limits {
        deadline_ms_max: DEADLINE_MS,
        memory_bytes_max: 4 << 20,
        ..Default::default()
    };
    let Ok(function) = NativeFunction::new(Arc::new(module), "run", limits) else { return };
    let began = std::time::Instant::now();
    // an answer or a fault, both are meant
    let _ = run(call(&function));
    assert!(began.elapsed().as_secs() < 5, "the deadline of {DEADLINE_MS} ms holds");
    assert_eq!(lab.in_use(), [0; 4]);
}

#[test]
fn fuzz_modules_as_guests() {
    let lab = Lab::new(1, MemoryReset::KeepResident);
    let corpus = Corpus::of("module").map(|path, text| {
        wat::parse_bytes(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display())).into_owned()
    });
    for (_, wasm) in corpus.seeds() {
        check(&lab, wasm);
    }
    let subject = std::panic::AssertUnwindSafe((&lab, &corpus));
    bolero::check!()
        .with_type::<Script>()
        .with_iterations(usize::MAX)
        .with_test_time(steading_fuzz::time())
        .for_each(|script| {
            let (lab, corpus) = *subject;
            check(lab, &corpus.mutate(script));
        });
}
