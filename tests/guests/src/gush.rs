//! Writes a response body without end, and does not listen when it is told to stop.

crate::raw_function!("gush", "raw.gush", || {
    crate::abi::response_start(&crate::abi::head("x-guest", "gush"));
    loop {
        crate::abi::response_write(&[b'x'; 4096]);
    }
});
