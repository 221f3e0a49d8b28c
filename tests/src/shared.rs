//! A cluster that outlives the test that started it. Nothing drops it; see [`Process`] for what ends its
//! processes.
//!
//! [`Process`]: crate::Process

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::OnceCell;

use crate::Cluster;

/// A cluster that several tests use and none changes for the others; made by the first.
#[derive(Debug)]
pub struct Shared(OnceCell<Cluster>);

/// A shared cluster in the hands of one test: its logs are printed when the test fails.
#[derive(Debug)]
pub struct Watched(&'static Cluster);

impl Shared {
    /// One that has not been started.
    #[expect(clippy::new_without_default, reason = "statics need a const")]
    pub const fn new() -> Self {
        Self(OnceCell::const_new())
    }

    /// The cluster; the first caller's `start` makes it.
    pub async fn get(&'static self, start: impl Future<Output = Cluster>) -> Watched {
        Watched(self.0.get_or_init(|| start).await)
    }
}

impl Deref for Watched {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        self.0
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        /// Once is enough: the tests that fail next fail for the same reason.
        static PRINTED: AtomicBool = AtomicBool::new(false);
        if std::thread::panicking() && !PRINTED.swap(true, Ordering::Relaxed) {
            self.0.print_logs();
        }
    }
}
