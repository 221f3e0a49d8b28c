//! Gives a response head that announces more headers than it has.

crate::raw_function!("garbled", "raw.garbled", || {
    let head = [200u32.to_le_bytes(), 100u32.to_le_bytes()].concat();
    crate::abi::response_send(&head, b"")
});
