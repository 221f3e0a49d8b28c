//! Says that it failed and gives no response.

crate::raw_function!("fail", "raw.fail", || 7);
