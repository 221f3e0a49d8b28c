//! The wall clock at the precision that is stored: milliseconds, so that a time reads the same
//! before and after a restart. Not for measuring durations.

use std::time::Duration;

use jiff::Timestamp;

/// The present moment, cut to milliseconds.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_millisecond(Timestamp::now().as_millisecond())
        .expect("a timestamp cut to milliseconds is a timestamp")
}

/// `time` moved into the past.
pub(crate) fn before(time: Timestamp, span: Duration) -> Timestamp {
    time.checked_sub(span).unwrap_or(Timestamp::MIN)
}

/// `time` moved into the future.
pub(crate) fn after(time: Timestamp, span: Duration) -> Timestamp {
    time.checked_add(span).unwrap_or(Timestamp::MAX)
}
