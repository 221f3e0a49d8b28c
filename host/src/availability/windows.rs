//! The windows of time in which a worker is open: `Mon-Fri 19:00-07:00`, `Sat,Sun`. Parsed from text, and
//! asked about instants of a time zone. Pure.
//!
//! A window begins and ends by the clock on the wall. One that ends earlier than it begins ends on the
//! next day, and belongs to the day on which it begins. Where a change to summer time leaves out the time
//! of a beginning or an end, it is as much later; where a time comes twice, the first one counts.
//! Invariant: `next_change` is the first instant at which `is_open` gives another answer.

use std::str::FromStr;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::Deserialize;

/// When a worker is open; without a window, always.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct Windows(Vec<Window>);

/// One window: on some days of the week, from a time to another.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Window {
    /// By their number from Monday.
    days: [bool; 7],
    from: Time,
    until: Until,
}

/// The end of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    SameDay(Time),
    NextDay(Time),
}

/// A text that is no window.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "availability.windows: `{window}`: {fault}; a window reads like `Mon-Fri 19:00-07:00`, `Sat,Sun` or `22:00-06:00`"
)]
pub struct InvalidWindow {
    window: String,
    fault: Fault,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Fault {
    #[error("`{0}` is not a day of the week")]
    Day(String),
    #[error("`{0}` is not a time of day from 00:00 to 24:00")]
    Time(String),
    #[error("it ends when it begins")]
    Empty,
    #[error("it has more than days and times")]
    Surplus,
    #[error("it is empty")]
    Nothing,
}

/// How far ahead a change is looked for: a week repeats, so what is still open then is always.
const DAYS_AHEAD: i32 = 9;
const LOOKED_AT: SignedDuration = SignedDuration::from_hours(8 * 24);

impl Windows {
    /// Whether there is an instant at which they are not open.
    pub(super) fn is_always_open(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `at` lies within a window.
    pub(super) fn is_open(&self, at: Timestamp, zone: &TimeZone) -> bool {
        self.is_always_open() || self.spans(at, zone).iter().any(|span| span.contains(&at))
    }

    /// When that changes next; `None` when it never does.
    pub(super) fn next_change(&self, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let spans = self.spans(at, zone);
        match spans.iter().find(|span| span.contains(&at)) {
            // it goes on beyond what was looked at: there is no end
            Some(now) if now.end > at.checked_add(LOOKED_AT).ok()? => None,
            Some(now) => Some(now.end),
            None => spans.into_iter().map(|span| span.start).find(|start| *start > at),
        }
    }

    /// The times around `at` that are open, in order, none touching the next.
    fn spans(&self, at: Timestamp, zone: &TimeZone) -> Vec<std::ops::Range<Timestamp>> {
        let today = at.to_zoned(zone.clone()).date();
        // the night of the day before, and a change of the clock around it
        let days = (-2..=DAYS_AHEAD).filter_map(|ahead| today.checked_add(ahead.days()).ok());
        let mut spans: Vec<_> = days
            .flat_map(|day| self.0.iter().filter_map(move |window| window.on(day, zone)))
            .collect();
        spans.sort_by_key(|span| span.start);
        let mut merged: Vec<std::ops::Range<Timestamp>> = vec![];
        for span in spans {
            match merged.last_mut() {
                Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
                _ => merged.push(span),
            }
        }
        merged
    }
}

impl Window {
    /// The window that begins on `day`, if one does.
    fn on(&self, day: Date, zone: &TimeZone) -> Option<std::ops::Range<Timestamp>> {
        if !self.days[index(day.weekday())] {
            return None;
        }
        let instant = |date: Date, time: Time| {
            zone.to_ambiguous_timestamp(date.to_datetime(time)).compatible().ok()
        };
        let end = match self.until {
            Until::SameDay(time) => instant(day, time)?,
            Until::NextDay(time) => instant(day.tomorrow().ok()?, time)?,
        };
        Some(instant(day, self.from)?..end).filter(|span| !span.is_empty())
    }
}

impl FromStr for Window {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let mut parts = text.split_whitespace();
        let first = parts.next().ok_or(Fault::Nothing)?;
        // what begins with a digit is a time: then it is every day
        let begins_with_time = first.starts_with(|c: char| c.is_ascii_digit());
        let (days, times) = match (begins_with_time, parts.next()) {
            (true, None) => ([true; 7], Some(first)),
            (true, Some(_)) => return Err(Fault::Surplus),
            (false, times) => (days(first)?, times),
        };
        if parts.next().is_some() {
            return Err(Fault::Surplus);
        }
        let (from, until) = match times {
            None => (Time::midnight(), Until::NextDay(Time::midnight())),
            Some(times) => from_until(times)?,
        };
        Ok(Self { days, from, until })
    }
}

fn days(text: &str) -> Result<[bool; 7], Fault> {
    let mut days = [false; 7];
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (mut day, last) = (index(weekday(first)?), index(weekday(last)?));
        days[day] = true;
        while day != last {
            day = (day + 1) % 7;
            days[day] = true;
        }
    }
    Ok(days)
}

/// A day by its name or the first three letters of it.
fn weekday(text: &str) -> Result<Weekday, Fault> {
    const NAMES: [&str; 7] =
        ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let lower = text.to_ascii_lowercase();
    let found = NAMES.iter().position(|name| *name == lower || name[..3] == lower);
    let found = found.and_then(|index| Weekday::from_monday_zero_offset(index as i8).ok());
    found.ok_or_else(|| Fault::Day(text.to_owned()))
}

fn from_until(text: &str) -> Result<(Time, Until), Fault> {
    let (from, until) = text.split_once('-').ok_or_else(|| Fault::Time(text.to_owned()))?;
    let from = time(from)?;
    if until == "24:00" {
        return Ok((from, Until::NextDay(Time::midnight())));
    }
    let until = time(until)?;
    match from.cmp(&until) {
        std::cmp::Ordering::Less => Ok((from, Until::SameDay(until))),
        std::cmp::Ordering::Equal => Err(Fault::Empty),
        std::cmp::Ordering::Greater => Ok((from, Until::NextDay(until))),
    }
}

fn time(text: &str) -> Result<Time, Fault> {
    let parse = || {
        let (hour, minute) = text.split_once(':')?;
        let is_number = |part: &str| {
            (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !is_number(hour) || !is_number(minute) || minute.len() != 2 {
            return None;
        }
        Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
    };
    parse().ok_or_else(|| Fault::Time(text.to_owned()))
}

fn index(day: Weekday) -> usize {
    usize::try_from(day.to_monday_zero_offset()).expect("a week has the days 0 to 6")
}

impl TryFrom<Vec<String>> for Windows {
    type Error = InvalidWindow;

    fn try_from(texts: Vec<String>) -> Result<Self, InvalidWindow> {
        let window = |text: &String| {
            text.parse().map_err(|fault| InvalidWindow { window: text.clone(), fault })
        };
        texts.iter().map(window).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::DateTime;
    use proptest::prelude::*;

    use super::*;

    fn windows(texts: &[&str]) -> Windows {
        texts.iter().map(ToString::to_string).collect::<Vec<_>>().try_into().unwrap()
    }

    fn berlin() -> TimeZone {
        TimeZone::get("Europe/Berlin").unwrap()
    }

    /// An instant by the clock on a wall in Berlin; the first one, where it comes twice.
    fn at(text: &str) -> Timestamp {
        let wall: DateTime = text.parse().unwrap();
        berlin().to_ambiguous_timestamp(wall).compatible().unwrap()
    }

    #[track_caller]
    fn assert_spans(windows: &Windows, spans: &[(&str, &str)]) {
        let zone = berlin();
        let moment = 1.second();
        for (from, until) in spans {
            let (from, until) = (at(from), at(until));
            assert!(
                windows.is_open(from, &zone) && !windows.is_open(until, &zone),
                "{from} {until}"
            );
            assert!(!windows.is_open(from - moment, &zone), "before {from}");
            assert_eq!(windows.next_change(from - moment, &zone), Some(from));
            assert_eq!(windows.next_change(from, &zone), Some(until));
            assert_eq!(windows.next_change(until - moment, &zone), Some(until));
        }
    }

    #[test]
    fn nights_and_the_weekend_run_into_each_other() {
        let lent = windows(&["Mon-Fri 19:00-07:00", "Sat,Sun"]);
        assert_spans(
            &lent,
            &[
                ("2026-11-19T19:00", "2026-11-20T07:00"),
                // Friday evening to midnight before Monday
                ("2026-11-20T19:00", "2026-11-23T00:00"),
                ("2026-11-23T19:00", "2026-11-24T07:00"),
            ],
        );
    }

    #[test]
    fn days_are_lists_and_ranges_also_over_the_end_of_the_week() {
        assert_eq!(windows(&["Fri-Mon"]), windows(&["mon,FRIDAY,sat,Sunday"]));
        assert_eq!(windows(&["Mon-Sun 09:00-17:30"]), windows(&["9:00-17:30"]));
        assert_eq!(windows(&["Tue 08:00-24:00"]), windows(&["Tue-Tue 8:00-24:00"]));
        assert_spans(&windows(&["Wed 08:00-24:00"]), &[("2026-11-18T08:00", "2026-11-19T00:00")]);
    }

    #[test]
    fn a_window_over_a_change_of_the_clock_ends_by_the_clock() {
        let nights = windows(&["22:00-06:00"]);
        for (evening, morning, hours) in [
            ("2026-03-28T22:00", "2026-03-29T06:00", 7),
            ("2026-10-24T22:00", "2026-10-25T06:00", 9),
        ] {
            assert_spans(&nights, &[(evening, morning)]);
            assert_eq!(at(morning).as_second() - at(evening).as_second(), hours * 3600);
        }
    }

    #[test]
    fn a_time_that_is_left_out_is_an_hour_later_and_one_that_comes_twice_counts_at_first() {
        let zone = berlin();
        let early = windows(&["02:30-05:00"]);
        // 02:00 to 03:00 does not exist on this day
        assert_eq!(early.next_change(at("2026-03-29T01:00"), &zone), Some(at("2026-03-29T03:30")));
        let late = windows(&["00:00-02:30"]);
        let first = at("2026-10-25T02:30");
        assert_eq!(late.next_change(at("2026-10-25T01:00"), &zone), Some(first));
        assert!(!late.is_open(first + 1.hour(), &zone), "not again when it comes again");
    }

    #[test]
    fn what_is_always_open_never_changes() {
        let zone = berlin();
        for texts in [&[][..], &["Mon-Sun"], &["00:00-12:00", "12:00-24:00"]] {
            let windows = windows(texts);
            assert!(windows.is_open(at("2026-03-29T02:30"), &zone));
            assert_eq!(windows.next_change(at("2026-03-28T12:00"), &zone), None, "{texts:?}");
        }
    }

    #[test]
    fn what_is_no_window_is_refused_by_name() {
        for (text, fault) in [
            ("Mon-Fir 19:00-07:00", "`Fir` is not a day"),
            ("Mo 19:00-07:00", "`Mo` is not a day"),
            ("Mon 19:00", "`19:00` is not a time"),
            ("Mon 25:00-07:00", "`25:00` is not a time"),
            ("Mon 07:00-24:01", "`24:01` is not a time"),
            ("Mon 7-9", "`7` is not a time"),
            ("Mon +7:00-09:00", "`+7:00` is not a time"),
            ("Mon 07:00-07:00", "ends when it begins"),
            ("Mon 07:00-08:00 09:00-10:00", "more than days and times"),
            ("07:00-08:00 Mon", "more than days and times"),
            ("Mon,", "`` is not a day"),
            (" ", "it is empty"),
        ] {
            let error = Windows::try_from(vec!["Sat".to_owned(), text.to_owned()]).unwrap_err();
            let line = error.to_string();
            assert!(line.contains(fault) && line.contains(&format!("`{text}`")), "{line}");
        }
    }

    /// Zones with summer time in either half of the year, by half an hour, and none.
    const ZONES: [&str; 7] = [
        "Europe/Berlin",
        "America/New_York",
        "America/St_Johns",
        "Australia/Lord_Howe",
        "Pacific/Chatham",
        "Africa/Cairo",
        "Asia/Kathmandu",
    ];

    /// What the clock on the wall says of a window, for who knows nothing of changes of the clock.
    fn by_the_wall(window: &Window, wall: DateTime) -> bool {
        let (day, time) = (index(wall.weekday()), wall.time());
        let (today, yesterday) = (window.days[day], window.days[(day + 6) % 7]);
        match window.until {
            Until::SameDay(until) => today && (window.from..until).contains(&time),
            Until::NextDay(until) => (today && time >= window.from) || (yesterday && time < until),
        }
    }

    fn window() -> impl Strategy<Value = String> {
        let day = || prop_oneof!["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        let days = prop_oneof![
            day().prop_map(|day| day),
            (day(), day()).prop_map(|(first, last)| format!("{first}-{last}")),
            (day(), day()).prop_map(|(one, other)| format!("{one},{other}")),
        ];
        let times = (0..24u8, 0..60u8, 0..24u8, 0..60u8);
        (days, proptest::option::of(times)).prop_filter_map("an empty window", |(days, times)| {
            let Some((hour, minute, end_hour, end_minute)) = times else { return Some(days) };
            let is_empty = (hour, minute) == (end_hour, end_minute);
            (!is_empty)
                .then(|| format!("{days} {hour:02}:{minute:02}-{end_hour:02}:{end_minute:02}"))
        })
    }

    proptest! {
        #[test]
        fn over_a_year_windows_open_by_the_wall_and_the_next_change_is_the_first(
            texts in proptest::collection::vec(window(), 1..4),
            zone in 0..ZONES.len(),
            second in 0..365 * 24 * 3600i64,
        ) {
            let windows = Windows::try_from(texts).unwrap();
            let zone = TimeZone::get(ZONES[zone]).unwrap();
            let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
            let at = start + second.seconds();
            // next to a change of the clock the wall says something else, and rightly so
            let near = |other: Timestamp| (other.as_second() - at.as_second()).abs() < 26 * 3600;
            let changes = zone.preceding(at + 26.hours()).next().map(|change| change.timestamp());
            if !changes.is_some_and(near) {
                let wall = at.to_zoned(zone.clone()).datetime();
                let expected = windows.0.iter().any(|window| by_the_wall(window, wall));
                prop_assert_eq!(windows.is_open(at, &zone), expected);
            }
            let open = windows.is_open(at, &zone);
            let change = windows.next_change(at, &zone);
            let end = change.unwrap_or(at + (8 * 24).hours());
            prop_assert!(end > at);
            for part in 0..50 {
                let between = at + ((end.as_second() - at.as_second()) * part / 50).seconds();
                prop_assert_eq!(windows.is_open(between, &zone), open);
            }
            if let Some(change) = change {
                prop_assert_eq!(windows.is_open(change - 1.second(), &zone), open);
                prop_assert_eq!(windows.is_open(change, &zone), !open);
            }
        }
    }
}
