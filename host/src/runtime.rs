//! The runtime that a worker runs on, set for guests that compute without letting go.
//!
//! A guest in a loop lets others run once every epoch ([`crate::engine`]). What tokio does in between is
//! by default meant for tasks that take microseconds: it looks for arrived requests after every 61 tasks.
//! With all threads taken by guests in loops, that is after 61 epochs; hence the interval here.

use std::io;

use tokio::runtime::{Builder, Runtime};

/// After how many tasks a busy thread looks for arrived requests. With loops on all threads a request
/// waits for at most so many epochs; looking costs a system call of less than a microsecond.
const EVENT_INTERVAL: u32 = 2;

/// A multi-threaded runtime, a thread for each core.
pub fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread().event_interval(EVENT_INTERVAL).enable_all().build()
}
