//! Gives a whole response and traps afterwards.

crate::raw_function!("late", "raw.late", || {
    crate::abi::response_send(&crate::abi::head("x-guest", "late"), b"sent before the trap");
    core::arch::wasm32::unreachable()
});
