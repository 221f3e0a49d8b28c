//! Gives a header whose value tries to be a header, a head's end and a body of its own.

crate::raw_function!("smuggle", "raw.smuggle", || {
    let head = crate::abi::head("x-guest", "a\r\nx-smuggled: b\r\n\r\nbody");
    crate::abi::response_send(&head, b"")
});
