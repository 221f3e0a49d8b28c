//! The processor time of one invocation, as opposed to the time it waits.
//!
//! A guest runs in slices, one for each poll. The first slices are timed by the wall clock, which costs
//! next to nothing and is what most invocations ever need. One that has run for longer than
//! [`COARSE_MAX`] is timed by the thread's processor clock from then on, which is a system call but does
//! not count what other threads took from it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use cpu_time::ThreadTime;
use pin_project_lite::pin_project;

use super::Conduit;

/// For how long the wall clock will do.
const COARSE_MAX: Duration = Duration::from_millis(5);

/// Adds up the slices of one invocation.
#[derive(Debug)]
pub(crate) struct CpuMeter {
    origin: Instant,
    used_ns: AtomicU64,
    slice_began_ns: AtomicU64,
    exact: AtomicBool,
}

pin_project! {
    /// A future whose polls are metered.
    pub(crate) struct Metered<F> {
        pub(crate) conduit: Arc<Conduit>,
        #[pin]
        pub(crate) inner: F,
    }
}

impl CpuMeter {
    /// Time used so far, the running slice included. To be asked on the thread that runs the guest.
    pub(crate) fn used(&self) -> Duration {
        let ended = Duration::from_nanos(self.used_ns.load(Ordering::Relaxed));
        ended + self.slice()
    }

    /// Time used in the slices that have ended.
    pub(crate) fn ended(&self) -> Duration {
        Duration::from_nanos(self.used_ns.load(Ordering::Relaxed))
    }

    fn begin(&self) {
        self.slice_began_ns.store(self.now_ns(), Ordering::Relaxed);
    }

    fn end(&self) {
        let used = self.used();
        self.used_ns.store(nanoseconds(used), Ordering::Relaxed);
        self.exact.store(used > COARSE_MAX, Ordering::Relaxed);
    }

    fn slice(&self) -> Duration {
        let began = self.slice_began_ns.load(Ordering::Relaxed);
        Duration::from_nanos(self.now_ns().saturating_sub(began))
    }

    fn now_ns(&self) -> u64 {
        nanoseconds(if self.exact.load(Ordering::Relaxed) {
            ThreadTime::now().as_duration()
        } else {
            self.origin.elapsed()
        })
    }
}

impl Default for CpuMeter {
    fn default() -> Self {
        Self {
            origin: Instant::now(),
            used_ns: AtomicU64::new(0),
            slice_began_ns: AtomicU64::new(0),
            exact: AtomicBool::new(false),
        }
    }
}

impl<F: Future> Future for Metered<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.conduit.cpu.begin();
        let polled = this.inner.poll(context);
        this.conduit.cpu.end();
        polled
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy(duration: Duration) {
        let began = Instant::now();
        while began.elapsed() < duration {}
    }

    #[test]
    fn waiting_between_slices_does_not_count() {
        let meter = CpuMeter::default();
        meter.begin();
        busy(2 * COARSE_MAX);
        meter.end();
        let first = meter.ended();
        assert!(first >= 2 * COARSE_MAX);
        std::thread::sleep(Duration::from_millis(100));
        meter.begin();
        std::thread::sleep(Duration::from_millis(100));
        meter.end();
        // the second slice is timed by the thread's clock, so sleeping in it does not count either
        assert!(meter.ended() < first + Duration::from_millis(50), "{:?}", meter.ended());
    }
}
