//! What an operator allows on this worker, whatever a manifest says.
//!
//! A function that asks for more than a ceiling is not loaded, and its placement says which limit it
//! was: quietly given less, it would fail later and for no reason that its developer can see. A limit
//! that stands at its default was not asked for by anybody, so that one is lowered to the ceiling.
//! Pure. Invariant: no function runs with a limit over its ceiling.

use serde::Deserialize;
use steading_protocol::{AppLimits, Limits};

/// The `[ceilings]` table, with the keys and units of the manifest's limits; what is absent has no
/// ceiling here. That of memory is `engine.memory_mib_max`, because it is the size of the pool's slots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CeilingsConfig {
    /// The longest deadline, milliseconds.
    pub deadline_ms_max: Option<u32>,
    /// The most processor time of one invocation, milliseconds.
    pub cpu_ms_max: Option<u32>,
    /// The longest request body, KiB.
    pub request_body_kib_max: Option<u32>,
    /// The longest response body, KiB.
    pub response_body_kib_max: Option<u32>,
    /// The most that one invocation writes to files, KiB.
    pub file_write_kib_max: Option<u32>,
    /// The longest log of one invocation, KiB.
    pub log_kib_max: Option<u32>,
    /// The most invocations of one function at once.
    pub in_flight_max: Option<u32>,
    /// The most invocations of one app at once.
    pub app_in_flight_max: Option<u32>,
}

/// Ceilings that were found good.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ceilings {
    config: CeilingsConfig,
    memory_mib_max: u32,
}

/// A ceiling under which nothing could run.
#[derive(Debug, thiserror::Error)]
#[error("ceilings.{0} = 0 would let nothing run")]
pub struct CeilingsError(&'static str);

/// A manifest asks for more than the operator allows.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{who} asks for {key} = {asked}; this worker allows {allowed}")]
pub(crate) struct OverCeiling {
    who: String,
    key: &'static str,
    asked: u64,
    allowed: u32,
}

impl Ceilings {
    pub(crate) fn new(config: CeilingsConfig, memory_mib_max: u32) -> Result<Self, CeilingsError> {
        let at_least_one = [
            ("deadline_ms_max", config.deadline_ms_max),
            ("cpu_ms_max", config.cpu_ms_max),
            ("in_flight_max", config.in_flight_max),
            ("app_in_flight_max", config.app_in_flight_max),
        ];
        match at_least_one.into_iter().find(|(_, value)| *value == Some(0)) {
            Some((key, _)) => Err(CeilingsError(key)),
            None => Ok(Self { config, memory_mib_max }),
        }
    }

    /// The limits that a function has here.
    pub(crate) fn function(&self, name: &str, limits: Limits) -> Result<Limits, OverCeiling> {
        let (mut limits, default, config) = (limits, Limits::default(), &self.config);
        let who = || format!("function `{name}`");
        let over = |key, asked, allowed| OverCeiling { who: who(), key, asked, allowed };
        let (memory, memory_default) = (&mut limits.memory_bytes_max, default.memory_bytes_max);
        let (request, response) =
            (&mut limits.request_body_bytes_max, &mut limits.response_body_bytes_max);
        let (request_default, response_default) =
            (default.request_body_bytes_max, default.response_body_bytes_max);
        let (deadline, deadline_default) = (&mut limits.deadline_ms_max, default.deadline_ms_max);
        let (cpu, cpu_default) = (&mut limits.cpu_ms_max, default.cpu_ms_max);
        let (written, written_default) =
            (&mut limits.file_write_bytes_max, default.file_write_bytes_max);
        let (log, log_default) = (&mut limits.log_bytes_max, default.log_bytes_max);
        // key, value, its default, ceiling, and the power of two of the ceiling's unit
        let keys = [
            ("limits.memory_mib_max", memory, memory_default, Some(self.memory_mib_max), 20),
            ("limits.deadline_ms_max", deadline, deadline_default, config.deadline_ms_max, 0),
            ("limits.cpu_ms_max", cpu, cpu_default, config.cpu_ms_max, 0),
            (
                "limits.request_body_kib_max",
                request,
                request_default,
                config.request_body_kib_max,
                10,
            ),
            (
                "limits.response_body_kib_max",
                response,
                response_default,
                config.response_body_kib_max,
                10,
            ),
            ("limits.file_write_kib_max", written, written_default, config.file_write_kib_max, 10),
            ("limits.log_kib_max", log, log_default, config.log_kib_max, 10),
        ];
        for (key, value, default, ceiling, unit) in keys {
            let Some(allowed) = ceiling else { continue };
            if *value > u64::from(allowed) << unit {
                if *value != default {
                    return Err(over(key, *value >> unit, allowed));
                }
                *value = u64::from(allowed) << unit;
            }
        }
        limits.in_flight_max = under(limits.in_flight_max, config.in_flight_max)
            .map_err(|(asked, allowed)| over("limits.in_flight_max", asked, allowed))?;
        Ok(limits)
    }

    /// The limits that all functions of an app have together here.
    pub(crate) fn app(&self, limits: AppLimits) -> Result<AppLimits, OverCeiling> {
        let in_flight_max = under(limits.in_flight_max, self.config.app_in_flight_max);
        let over = |(asked, allowed)| OverCeiling {
            who: "the app".into(),
            key: "app.in_flight_max",
            asked,
            allowed,
        };
        Ok(AppLimits { in_flight_max: in_flight_max.map_err(over)? })
    }
}

/// A limit without a default under its ceiling, or what was asked and what is allowed.
fn under(asked: Option<u32>, ceiling: Option<u32>) -> Result<Option<u32>, (u64, u32)> {
    match (asked, ceiling) {
        (Some(asked), Some(allowed)) if asked > allowed => Err((asked.into(), allowed)),
        (asked, ceiling) => Ok(asked.or(ceiling)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ceilings() -> Ceilings {
        let config = CeilingsConfig {
            deadline_ms_max: Some(500),
            cpu_ms_max: Some(400),
            request_body_kib_max: Some(8),
            response_body_kib_max: Some(9),
            file_write_kib_max: Some(10),
            log_kib_max: Some(1),
            in_flight_max: Some(5),
            app_in_flight_max: Some(6),
        };
        Ceilings::new(config, 64).unwrap()
    }

    #[test]
    fn what_was_not_asked_for_is_lowered() {
        let limits = ceilings().function("f", Limits::default()).unwrap();
        let expected = Limits {
            memory_bytes_max: 64 << 20,
            deadline_ms_max: 500,
            cpu_ms_max: 400,
            request_body_bytes_max: 8 << 10,
            response_body_bytes_max: 9 << 10,
            file_write_bytes_max: 10 << 10,
            log_bytes_max: 1 << 10,
            in_flight_max: Some(5),
        };
        assert_eq!(limits, expected);
        let app = ceilings().app(AppLimits::default()).unwrap();
        assert_eq!(app, AppLimits { in_flight_max: Some(6) });
        let none = Ceilings::new(CeilingsConfig::default(), 128).unwrap();
        assert_eq!(none.function("f", Limits::default()).unwrap(), Limits::default());
    }

    #[test]
    fn what_was_asked_for_is_refused_by_name() {
        let default = Limits::default();
        let refused = |limits| ceilings().function("f", limits).unwrap_err().to_string();
        for (limits, message) in [
            (
                Limits { memory_bytes_max: 65 << 20, ..default },
                "limits.memory_mib_max = 65; this worker allows 64",
            ),
            (
                Limits { deadline_ms_max: 501, ..default },
                "limits.deadline_ms_max = 501; this worker allows 500",
            ),
            (
                Limits { cpu_ms_max: 401, ..default },
                "limits.cpu_ms_max = 401; this worker allows 400",
            ),
            (
                Limits { request_body_bytes_max: 9 << 10, ..default },
                "limits.request_body_kib_max = 9; this worker allows 8",
            ),
            (
                Limits { response_body_bytes_max: 10 << 10, ..default },
                "limits.response_body_kib_max = 10; this worker allows 9",
            ),
            (
                Limits { file_write_bytes_max: 11 << 10, ..default },
                "limits.file_write_kib_max = 11; this worker allows 10",
            ),
            (
                Limits { log_bytes_max: 2 << 10, ..default },
                "limits.log_kib_max = 2; this worker allows 1",
            ),
            (
                Limits { in_flight_max: Some(6), ..default },
                "limits.in_flight_max = 6; this worker allows 5",
            ),
        ] {
            assert_eq!(refused(limits), format!("function `f` asks for {message}"));
        }
        let app = ceilings().app(AppLimits { in_flight_max: Some(7) }).unwrap_err().to_string();
        assert_eq!(app, "the app asks for app.in_flight_max = 7; this worker allows 6");
    }

    #[test]
    fn what_is_below_its_ceiling_stays() {
        let asked = Limits { deadline_ms_max: 499, in_flight_max: Some(1), ..Limits::default() };
        let limits = ceilings().function("f", asked).unwrap();
        assert_eq!((limits.deadline_ms_max, limits.in_flight_max), (499, Some(1)));
    }

    #[test]
    fn a_ceiling_of_zero_is_refused_where_nothing_could_run() {
        let config = CeilingsConfig { deadline_ms_max: Some(0), ..CeilingsConfig::default() };
        let error = Ceilings::new(config, 64).unwrap_err().to_string();
        assert_eq!(error, "ceilings.deadline_ms_max = 0 would let nothing run");
    }
}
