//! The wall clock at the precision that is stored: microseconds, so that a time reads the same
//! before and after a restart. Not for measuring durations.
//!
//! Managers that share a store must agree on the time, or one finds lost what another has just heard
//! of. So each follows the store's clock: [`Clock`] keeps how far this machine's is from it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// This machine's clock, set by the store's.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    ahead_us: AtomicI64,
}

impl Clock {
    /// The present moment, cut to microseconds.
    pub(crate) fn now(&self) -> Timestamp {
        let ahead = SignedDuration::from_micros(self.ahead_us.load(Ordering::Relaxed));
        now().checked_add(ahead).unwrap_or(Timestamp::MAX)
    }

    /// Sets the clock by the store's, read between the two moments of this machine's.
    pub(crate) fn follow(&self, store: Timestamp, before: Timestamp, after: Timestamp) {
        let middle = (before.as_microsecond() + after.as_microsecond()) / 2;
        self.ahead_us.store(store.as_microsecond() - middle, Ordering::Relaxed);
    }
}

/// The present moment of this machine, cut to microseconds.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_microsecond(Timestamp::now().as_microsecond())
        .expect("a timestamp cut to microseconds is a timestamp")
}

/// `time` moved into the past.
pub(crate) fn before(time: Timestamp, span: Duration) -> Timestamp {
    time.checked_sub(span).unwrap_or(Timestamp::MIN)
}

/// `time` moved into the future.
pub(crate) fn after(time: Timestamp, span: Duration) -> Timestamp {
    time.checked_add(span).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_follows_another_says_what_that_one_says() {
        let (clock, here) = (Clock::default(), now());
        let there = here + SignedDuration::from_mins(7);
        clock.follow(there, here, here);
        let off = clock.now().duration_since(there);
        assert!(off >= SignedDuration::ZERO && off < SignedDuration::from_secs(60), "{off}");
        clock.follow(here, here, here);
        assert!(clock.now() < there);
    }
}
