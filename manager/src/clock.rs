//! The wall clock at the precision that is stored: microseconds, so that a time reads the same
//! before and after a restart. Not for measuring durations.

use std::time::Duration;

use jiff::Timestamp;

/// The present moment, cut to microseconds.
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
