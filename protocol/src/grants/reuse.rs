//! Instances that serve more than one invocation: what an app gives up of a fresh one for each, and how far.
//!
//! It stands among the grants because it is one: an invocation reaches something outside of its own sandbox, which
//! is what earlier ones have left in memory. So an operator sees it and says yes to it, as to every other.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// `reuse = { requests = 128, idle_ms = 1000 }`, each key with this default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reuse {
    /// Invocations that one instance serves at most; 1 to 10,000.
    pub requests: u32,
    /// Invocations that one instance serves at once. More than 1 can be written, and no kind of guest is published
    /// with it.
    pub concurrent: u32,
    /// How long an instance waits for its next invocation, milliseconds; 1 to 60,000.
    pub idle_ms: u32,
}

/// Enough that making instances costs next to nothing; what leaks in one has an end.
const REQUESTS: RangeInclusive<u32> = 1..=10_000;

/// As many as other hosts of `wasi:http` know.
const CONCURRENT: RangeInclusive<u32> = 1..=1_000;

/// An idle instance holds memory and a place of its worker; a minute spans any pause between requests that matters.
const IDLE_MS: RangeInclusive<u32> = 1..=60_000;

impl Default for Reuse {
    fn default() -> Self {
        Self { requests: 128, concurrent: 1, idle_ms: 1_000 }
    }
}

impl Reuse {
    /// The first value that is out of its range, with the range.
    pub(super) fn fault(&self) -> Option<String> {
        let values = [
            ("requests", self.requests, REQUESTS),
            ("concurrent", self.concurrent, CONCURRENT),
            ("idle_ms", self.idle_ms, IDLE_MS),
        ];
        let (key, value, range) =
            values.into_iter().find(|(_, value, range)| !range.contains(value))?;
        Some(format!(".{key} = {value} is not within {} to {}", range.start(), range.end()))
    }
}

impl std::fmt::Display for Reuse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { requests, idle_ms, .. } = self;
        write!(
            f,
            "what earlier requests left in memory: an instance serves up to {requests}, and waits {idle_ms} ms for \
             the next"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_a_default_and_a_range() {
        assert_eq!(toml::from_str::<Reuse>("").unwrap(), Reuse::default());
        for (text, fault) in [
            ("requests = 0", ".requests = 0 is not within 1 to 10000"),
            ("concurrent = 0", ".concurrent = 0 is not within 1 to 1000"),
            ("idle_ms = 60001", ".idle_ms = 60001 is not within 1 to 60000"),
        ] {
            assert_eq!(toml::from_str::<Reuse>(text).unwrap().fault().unwrap(), fault);
        }
        let most = "requests = 10000\nconcurrent = 16\nidle_ms = 60000";
        assert_eq!(toml::from_str::<Reuse>(most).unwrap().fault(), None);
        assert!(toml::from_str::<Reuse>("idle = 1").is_err());
    }
}
