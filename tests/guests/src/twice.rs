//! Gives a second response after the first.

crate::raw_function!("twice", "raw.twice", || {
    crate::abi::response_start(&crate::abi::head("x-guest", "twice"));
    crate::abi::response_start(&crate::abi::head("x-guest", "twice"))
});
