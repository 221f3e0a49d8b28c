//! Whether this worker takes work: the windows of time in which its machine is lent, and how busy others
//! keep it. Outside of them it answers no new calls, says so, and goes on following the manager, so that
//! it serves at once when it is open again.
//!
//! [`Policy`] decides from the time and a look at the machine, both of which come from outside. Invariant:
//! a worker is `closing` for as long as its operator set before it is `away`, unless it starts up away.

mod cpu;
mod openness;
mod windows;

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer};
use steading_protocol::{Availability, AvailabilityState};

use self::cpu::{Machine, Others, Sampler};
use self::openness::Standing;
pub(crate) use self::openness::{Away, Openness};
pub use self::windows::{InvalidWindow, Windows};

/// What an operator sets for when a worker takes work.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AvailabilityConfig {
    /// When the worker is open; without a window, always.
    pub windows: Windows,
    /// The zone of the windows' times; the system's when it is not set.
    #[serde(deserialize_with = "time_zone")]
    pub time_zone: Option<TimeZone>,
    /// How much of the machine's processors others may use before the worker steps back, percent.
    pub max_cpu_percent: Option<u8>,
    /// How long the worker is closing before it is away, milliseconds.
    pub closing_ms: u64,
}

/// 30 s: enough to load what moves elsewhere, and the time that a drain gets by default.
const CLOSING_MS: u64 = 30_000;

/// The longest time to be closing: a day is longer than any window of a working machine.
const CLOSING_MS_MAX: u64 = 24 * 3600 * 1000;

/// How often time and machine are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

impl Default for AvailabilityConfig {
    fn default() -> Self {
        let windows = Windows::default();
        Self { windows, time_zone: None, max_cpu_percent: None, closing_ms: CLOSING_MS }
    }
}

fn time_zone<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<TimeZone>, D::Error> {
    let name = String::deserialize(deserializer)?;
    let unknown = |_| {
        let message = "is not a time zone that this machine knows, such as `Europe/Berlin`";
        serde::de::Error::custom(format!("availability.time_zone: `{name}` {message}"))
    };
    TimeZone::get(&name).map(Some).map_err(unknown)
}

impl AvailabilityConfig {
    /// The key of a number out of its range, and the range.
    pub(crate) fn fault(&self) -> Option<(&'static str, u64, u64)> {
        let percent = self.max_cpu_percent.is_some_and(|percent| !(1..=99).contains(&percent));
        let closing = self.closing_ms > CLOSING_MS_MAX;
        (percent.then_some(("availability.max_cpu_percent", 1, 99))).or(closing.then_some((
            "availability.closing_ms",
            0,
            CLOSING_MS_MAX,
        )))
    }

    /// Whether there is anything to look after.
    fn is_limited(&self) -> bool {
        !self.windows.is_always_open() || self.max_cpu_percent.is_some()
    }
}

/// Keeps what everyone is told true.
pub(crate) struct Keeper {
    /// `None` when the worker is always open.
    policy: Option<Policy>,
    machine: Machine,
    open: Arc<Openness>,
}

impl Keeper {
    pub(crate) fn new(config: AvailabilityConfig, open: Arc<Openness>) -> Self {
        Self { policy: Policy::new(config), machine: Machine::new(), open }
    }

    /// Looks at the time and the machine once.
    pub(crate) fn look(&mut self) {
        if let Some(policy) = &mut self.policy {
            policy.observe(Timestamp::now(), &mut self.machine, &self.open);
        }
    }

    /// Looks again and again until something else is there.
    pub(crate) async fn until<T>(mut self, other: impl Future<Output = T>) -> T {
        let mut every = tokio::time::interval(LOOK_EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut other = std::pin::pin!(other);
        loop {
            tokio::select! {
                other = &mut other => return other,
                _ = every.tick(), if self.policy.is_some() => self.look(),
            }
        }
    }
}

/// Decides when the worker is open.
struct Policy {
    windows: Windows,
    zone: TimeZone,
    closing: SignedDuration,
    others: Option<Others>,
}

impl Policy {
    /// What the operator has set; `None` when the worker is always open.
    fn new(config: AvailabilityConfig) -> Option<Self> {
        config.is_limited().then(|| Self {
            windows: config.windows,
            zone: config.time_zone.unwrap_or_else(TimeZone::system),
            closing: SignedDuration::from_millis(
                i64::try_from(config.closing_ms).unwrap_or(i64::MAX),
            ),
            others: config.max_cpu_percent.map(Others::new),
        })
    }

    /// Takes in the time and a look at the machine, and lets everyone know.
    fn observe(&mut self, now: Timestamp, machine: &mut dyn Sampler, open: &Openness) {
        if let Some(others) = &mut self.others {
            others.observe(now, machine.others_percent());
        }
        open.set(self.standing(now));
    }

    /// The worse of what the windows and the machine say.
    fn standing(&self, now: Timestamp) -> Standing {
        let (by_time, by_load) = (self.by_time(now), self.by_load(now));
        let rank = |standing: &Standing| match standing.availability.state {
            AvailabilityState::Available => 0,
            AvailabilityState::Closing => 1,
            AvailabilityState::Away => 2,
        };
        if rank(&by_load) > rank(&by_time) { by_load } else { by_time }
    }

    fn by_time(&self, now: Timestamp) -> Standing {
        let change = self.windows.next_change(now, &self.zone);
        let says = |verb: &str| {
            change
                .map(|at| format!("{verb} {}", at.to_zoned(self.zone.clone()).strftime("%a %H:%M")))
        };
        if !self.windows.is_open(now, &self.zone) {
            return standing(AvailabilityState::Away, says("opens"), change);
        }
        match change {
            Some(end) if end.duration_since(now) <= self.closing => {
                standing(AvailabilityState::Closing, says("closes"), None)
            }
            _ => Standing::default(),
        }
    }

    fn by_load(&self, now: Timestamp) -> Standing {
        let Some((others, busy)) = self.others.as_ref().and_then(|o| Some((o, o.busy()?))) else {
            return Standing::default();
        };
        let (percent, max) = (busy.percent, others.max_percent());
        let why = format!("others use {percent:.0} % of the processors, more than {max} %");
        let closing = now.duration_since(busy.since) < self.closing;
        let state = if closing { AvailabilityState::Closing } else { AvailabilityState::Away };
        standing(state, Some(why), None)
    }
}

fn standing(
    state: AvailabilityState,
    detail: Option<String>,
    opens_at: Option<Timestamp>,
) -> Standing {
    Standing { availability: Availability { state, detail }, opens_at }
}

#[cfg(test)]
mod tests {
    use AvailabilityState::{Available, Away, Closing};

    use super::*;

    /// A machine whose load the test sets.
    struct Set(Option<f32>);

    impl Sampler for Set {
        fn others_percent(&mut self) -> Option<f32> {
            self.0
        }
    }

    fn config(text: &str) -> Result<AvailabilityConfig, String> {
        toml::from_str(text).map_err(|error| error.message().to_owned())
    }

    /// A policy, a machine at rest, and what they make of it.
    fn policy(text: &str) -> (Policy, Set, Openness) {
        let policy = Policy::new(config(text).unwrap()).unwrap();
        (policy, Set(Some(0.0)), Openness::new())
    }

    fn at(text: &str) -> Timestamp {
        format!("{text}Z").parse().unwrap()
    }

    fn state(open: &Openness) -> (AvailabilityState, String) {
        let Availability { state, detail } = open.availability();
        (state, detail.unwrap_or_default())
    }

    const NIGHTS: &str = "windows = [\"Mon-Fri 19:00-07:00\", \"Sat,Sun\"]\ntime_zone = \"UTC\"";

    #[test]
    fn a_worker_closes_before_its_window_ends_and_is_back_when_the_next_one_begins() {
        let (mut policy, mut machine, open) = policy(NIGHTS);
        // the 20th is a Friday
        for (time, expected, why) in [
            ("2026-11-20T06:59:29", Available, ""),
            ("2026-11-20T06:59:30", Closing, "closes Fri 07:00"),
            ("2026-11-20T06:59:59", Closing, "closes Fri 07:00"),
            ("2026-11-20T07:00:00", Away, "opens Fri 19:00"),
            ("2026-11-20T18:59:59", Away, "opens Fri 19:00"),
            ("2026-11-20T19:00:00", Available, ""),
            ("2026-11-22T23:59:29", Available, ""),
            ("2026-11-23T00:00:00", Away, "opens Mon 19:00"),
        ] {
            policy.observe(at(time), &mut machine, &open);
            assert_eq!(state(&open), (expected, why.to_owned()), "{time}");
            assert_eq!(open.check().is_err(), expected == Away, "{time}");
        }
        let away = open.away(at("2026-11-23T18:59:00"));
        assert_eq!(away.retry_after_s, 60);
        assert_eq!(away.to_string(), "this worker takes no calls now; opens Mon 19:00");
    }

    #[test]
    fn a_busy_machine_is_closed_and_then_left_and_a_free_one_taken_up_again() {
        let (mut policy, mut machine, open) = policy("max_cpu_percent = 50\nclosing_ms = 10000");
        let mut now = at("2026-11-20T12:00:00");
        let mut look = |percent: f32, looks: u32| {
            machine.0 = Some(percent);
            for _ in 0..looks {
                now += SignedDuration::from_secs(2);
                policy.observe(now, &mut machine, &open);
            }
            state(&open)
        };
        assert_eq!(look(83.0, 2), (Available, String::new()));
        let why = "others use 83 % of the processors, more than 50 %".to_owned();
        assert_eq!(look(83.0, 1), (Closing, why.clone()));
        // the reason stays as it was, so that nobody is told of every look
        assert_eq!(look(91.0, 4), (Closing, why.clone()));
        assert_eq!(look(91.0, 1), (Away, why.clone()));
        assert_eq!(look(10.0, 14), (Away, why));
        assert_eq!(open.check().unwrap_err().retry_after_s, 30);
        assert_eq!(look(10.0, 1), (Available, String::new()));
    }

    #[test]
    fn the_worse_of_time_and_load_counts() {
        let text = format!("{NIGHTS}\nmax_cpu_percent = 50\nclosing_ms = 0");
        let (mut policy, mut machine, open) = policy(&text);
        machine.0 = Some(100.0);
        for _ in 0..3 {
            policy.observe(at("2026-11-20T20:00:00"), &mut machine, &open);
        }
        assert_eq!(state(&open).0, Away);
        machine.0 = Some(0.0);
        for _ in 0..15 {
            policy.observe(at("2026-11-20T12:00:00"), &mut machine, &open);
        }
        assert_eq!(state(&open), (Away, "opens Fri 19:00".to_owned()));
    }

    #[tokio::test]
    async fn a_change_is_told_once() {
        let (mut policy, mut machine, open) = policy(NIGHTS);
        let mut changes = open.changes();
        for time in ["2026-11-20T08:00:00", "2026-11-20T08:00:02", "2026-11-20T08:00:04"] {
            policy.observe(at(time), &mut machine, &open);
        }
        changes.next().await;
        let again = tokio::time::timeout(Duration::from_millis(20), changes.next());
        assert!(again.await.is_err());
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_its_key() {
        for (text, named) in [
            ("windows = [\"Mon-Fir\"]", "availability.windows: `Mon-Fir`"),
            ("time_zone = \"Europe/Berlon\"", "availability.time_zone: `Europe/Berlon`"),
            ("max_percent = 1", "`max_percent`"),
        ] {
            let message = config(text).unwrap_err();
            assert!(message.contains(named), "{message}");
        }
        let fault = |text| config(text).unwrap().fault().map(|(key, ..)| key);
        assert_eq!(fault("max_cpu_percent = 0"), Some("availability.max_cpu_percent"));
        assert_eq!(fault("max_cpu_percent = 100"), Some("availability.max_cpu_percent"));
        assert_eq!(fault("closing_ms = 86400001"), Some("availability.closing_ms"));
        assert_eq!(fault("max_cpu_percent = 99\nclosing_ms = 0"), None);
        assert!(Policy::new(AvailabilityConfig::default()).is_none());
    }
}
