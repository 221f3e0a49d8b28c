//! What one invocation of a function may use. The manager decides the numbers (manifest over
//! defaults), workers enforce them.

use serde::{Deserialize, Serialize};

/// The limits of one function, all of them set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Limits {
    /// Linear memory of one instance, bytes.
    pub memory_bytes_max: u64,
    /// Wall-clock time from the first instruction to the last, milliseconds.
    pub deadline_ms_max: u64,
    /// Processor time, milliseconds; waiting does not count.
    #[serde(default = "cpu_ms_max_default")]
    pub cpu_ms_max: u64,
    /// Request body, bytes. Longer ones are refused with 413.
    pub request_body_bytes_max: u64,
    /// Response body, bytes. A guest that writes more is answered for with 500.
    pub response_body_bytes_max: u64,
    /// What one invocation may write to files, bytes. One that writes more is ended.
    #[serde(default = "file_write_bytes_max")]
    pub file_write_bytes_max: u64,
    /// What one invocation may log, bytes; what comes after is dropped and the log says so.
    #[serde(default = "log_bytes_max")]
    pub log_bytes_max: u64,
    /// Invocations of the function that one worker runs at once; more are refused with 429. Absent,
    /// only what the app and the worker allow is the limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_flight_max: Option<u32>,
}

/// The limits of all functions of an app together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct AppLimits {
    /// Invocations of the app that one worker runs at once; more are refused with 429.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_flight_max: Option<u32>,
}

/// A function that computes for longer than this says so in its manifest.
const CPU_MS_MAX_DEFAULT: u64 = 10_000;

fn cpu_ms_max_default() -> u64 {
    CPU_MS_MAX_DEFAULT
}

impl Default for Limits {
    /// 128 MiB of memory, 30 s of which 10 s on the processor, and the 100 MB request body that Azure Functions takes.
    fn default() -> Self {
        Self {
            memory_bytes_max: 128 << 20,
            deadline_ms_max: 30_000,
            cpu_ms_max: CPU_MS_MAX_DEFAULT,
            request_body_bytes_max: 100 << 20,
            response_body_bytes_max: 100 << 20,
            file_write_bytes_max: file_write_bytes_max(),
            log_bytes_max: log_bytes_max(),
            in_flight_max: None,
        }
    }
}

/// As much as a request may bring, so that it can be kept.
fn file_write_bytes_max() -> u64 {
    100 << 20
}

/// Enough for some hundred lines, little enough for a thousand invocations at once.
fn log_bytes_max() -> u64 {
    64 << 10
}

/// The limits that a manifest sets; what is absent stays as it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsOverride {
    /// Linear memory of one instance, MiB; 1 to 4096.
    pub memory_mib_max: Option<u32>,
    /// Wall-clock deadline, milliseconds; 1 to 3,600,000.
    pub deadline_ms_max: Option<u32>,
    /// Processor time, milliseconds; 1 to 3,600,000.
    pub cpu_ms_max: Option<u32>,
    /// Request body, KiB; 0 to 1 GiB.
    pub request_body_kib_max: Option<u32>,
    /// Response body, KiB; 0 to 1 GiB.
    pub response_body_kib_max: Option<u32>,
    /// What one invocation writes to files, KiB; 0 to 1 GiB.
    pub file_write_kib_max: Option<u32>,
    /// Log of one invocation, KiB; 0 to 16 MiB.
    pub log_kib_max: Option<u32>,
    /// Invocations of one function at once; 1 to 32,000, the most instances a worker can have.
    pub in_flight_max: Option<u32>,
}

/// The range of every `in_flight_max`: its end is the most instances that a worker can have.
pub(crate) const IN_FLIGHT: std::ops::RangeInclusive<u32> = 1..=32_000;

impl Limits {
    /// These limits with the given ones laid over them.
    #[must_use]
    pub fn with(self, over: LimitsOverride) -> Self {
        let kib = |value: Option<u32>, old: u64| value.map_or(old, |v| u64::from(v) << 10);
        Self {
            memory_bytes_max: over
                .memory_mib_max
                .map_or(self.memory_bytes_max, |mib| u64::from(mib) << 20),
            deadline_ms_max: over.deadline_ms_max.map_or(self.deadline_ms_max, u64::from),
            cpu_ms_max: over.cpu_ms_max.map_or(self.cpu_ms_max, u64::from),
            request_body_bytes_max: kib(over.request_body_kib_max, self.request_body_bytes_max),
            response_body_bytes_max: kib(over.response_body_kib_max, self.response_body_bytes_max),
            file_write_bytes_max: kib(over.file_write_kib_max, self.file_write_bytes_max),
            log_bytes_max: kib(over.log_kib_max, self.log_bytes_max),
            in_flight_max: over.in_flight_max.or(self.in_flight_max),
        }
    }
}

impl LimitsOverride {
    /// The first key whose value is out of its range, with the range.
    pub(crate) fn out_of_range(&self) -> Option<String> {
        let keys = [
            ("memory_mib_max", self.memory_mib_max, 1, 4096),
            ("deadline_ms_max", self.deadline_ms_max, 1, 3_600_000),
            ("cpu_ms_max", self.cpu_ms_max, 1, 3_600_000),
            ("request_body_kib_max", self.request_body_kib_max, 0, 1 << 20),
            ("response_body_kib_max", self.response_body_kib_max, 0, 1 << 20),
            ("file_write_kib_max", self.file_write_kib_max, 0, 1 << 20),
            ("log_kib_max", self.log_kib_max, 0, 16 << 10),
            ("in_flight_max", self.in_flight_max, *IN_FLIGHT.start(), *IN_FLIGHT.end()),
        ];
        keys.into_iter().find_map(|(key, value, min, max)| {
            let value = value?;
            let inside = (min..=max).contains(&value);
            (!inside).then(|| format!("{key} = {value} is not within {min} to {max}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_override_changes_only_what_it_names() {
        let over = LimitsOverride { deadline_ms_max: Some(50), ..Default::default() };
        let limits = Limits::default().with(over);
        assert_eq!(limits.deadline_ms_max, 50);
        assert_eq!(limits.memory_bytes_max, 128 << 20);
        let over = LimitsOverride { memory_mib_max: Some(1), ..Default::default() };
        assert_eq!(limits.with(over).memory_bytes_max, 1 << 20);
        assert_eq!(limits.with(over).deadline_ms_max, 50);
        let over = LimitsOverride { in_flight_max: Some(2), ..Default::default() };
        assert_eq!(limits.with(over).in_flight_max, Some(2));
    }

    #[test]
    fn limits_that_were_kept_before_a_limit_existed_are_read() {
        let old = r#"{"memory_bytes_max":1,"deadline_ms_max":2,"request_body_bytes_max":3,"response_body_bytes_max":4}"#;
        let limits: Limits = serde_json::from_str(old).unwrap();
        assert_eq!((limits.memory_bytes_max, limits.in_flight_max), (1, None));
        assert_eq!((limits.log_bytes_max, limits.file_write_bytes_max), (64 << 10, 100 << 20));
        assert_eq!(serde_json::from_str::<AppLimits>("{}").unwrap(), AppLimits::default());
    }
}
