//! Gives a response whose head is longer than may be, and goes on as if it had been taken.

crate::raw_function!("verbose", "raw.verbose", || {
    let head = crate::abi::head("x-guest", &"v".repeat(64 << 10));
    crate::abi::response_start(&head);
    crate::abi::response_write(b"a body");
    0
});
