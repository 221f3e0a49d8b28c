//! Log records: one call, one record, with the invocation's id added by the worker. In native tests
//! they go to standard error. What a function prints to standard output or error reaches the
//! same log, line by line, at level info. One invocation may write `log_kib_max` of the manifest, 64 KiB without
//! it; the rest is dropped, and the log says so.
//!
//! ```
//! steading::log::info("order accepted");
//! steading::log::warn(format!("{} items have no price", 3));
//! ```

use crate::sys;

/// Something failed and someone should look at it.
pub fn error(message: impl AsRef<str>) {
    sys::log_write(0, message.as_ref());
}

/// Something is odd, and the function went on.
pub fn warn(message: impl AsRef<str>) {
    sys::log_write(1, message.as_ref());
}

/// Something worth keeping happened.
pub fn info(message: impl AsRef<str>) {
    sys::log_write(2, message.as_ref());
}

/// A detail for someone who is looking for a fault.
pub fn debug(message: impl AsRef<str>) {
    sys::log_write(3, message.as_ref());
}
