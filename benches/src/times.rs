//! Many durations, and what stands at which percentile of them.

use std::time::Duration;

/// Durations in ascending order; never empty.
pub struct Times(Vec<Duration>);

impl Times {
    /// Sorts them.
    pub fn new(mut times: Vec<Duration>) -> Self {
        assert!(!times.is_empty(), "a measure has at least one value");
        times.sort_unstable();
        Self(times)
    }

    /// The value that `percent` of all do not exceed, milliseconds.
    pub fn ms(&self, percent: usize) -> f64 {
        self.us(percent) / 1000.0
    }

    /// The value that `percent` of all do not exceed, microseconds.
    pub fn us(&self, percent: usize) -> f64 {
        let index = (self.0.len() * percent).div_ceil(100).clamp(1, self.0.len()) - 1;
        self.0[index].as_nanos() as f64 / 1000.0
    }
}
