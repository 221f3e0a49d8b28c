//! Gives a response with more headers than may be.

crate::raw_function!("crowded", "raw.crowded", || {
    let head = crate::abi::head_of("x-guest", "crowded", 129);
    crate::abi::response_send(&head, b"");
    0
});
