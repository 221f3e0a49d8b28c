//! Columns to values and back. A column that does not hold what it should is an error of the store,
//! never a panic. Numbers are `bigint`, text is `nvarchar`, times are `datetime2` in UTC.

use std::error::Error;
use std::str::FromStr;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use steading_protocol::VersionNumber;
use steading_protocol::api::{RolloutState, WorkerState};
use steading_protocol::desired::PlacementState;
use tiberius::time::{Date, DateTime2, Time};
use tiberius::{ColumnData, FromSql, Row, ToSql};

use super::fault::Fault;
use crate::auth::SecretHash;
use crate::store::BoxError;
use crate::store::words;

type Result<T> = std::result::Result<T, Fault>;

/// Days from the first of the year 1, where `datetime2` begins, to 1970.
const DAYS_TO_1970: i64 = 719_162;

const DAY_US: i64 = 86_400_000_000;

/// Digits of a second that are kept.
const SCALE: u8 = 6;

pub(super) fn unfit(error: impl Into<BoxError>) -> Fault {
    Fault::Value(error.into())
}

fn column<'a, T: FromSql<'a>>(row: &'a Row, index: usize) -> Result<T> {
    let value = row.try_get(index)?;
    value.ok_or_else(|| unfit(format!("column {index} is null")))
}

pub(super) fn text(row: &Row, index: usize) -> Result<String> {
    column::<&str>(row, index).map(str::to_owned)
}

pub(super) fn optional_text(row: &Row, index: usize) -> Result<Option<String>> {
    Ok(row.try_get::<&str, _>(index)?.map(str::to_owned))
}

pub(super) fn flag(row: &Row, index: usize) -> Result<bool> {
    column(row, index)
}

pub(super) fn bytes(row: &Row, index: usize) -> Result<Vec<u8>> {
    column::<&[u8]>(row, index).map(<[u8]>::to_vec)
}

pub(super) fn number<T: TryFrom<i64, Error: Error + Send + Sync + 'static>>(
    row: &Row,
    index: usize,
) -> Result<T> {
    T::try_from(column::<i64>(row, index)?).map_err(unfit)
}

/// A number as it is kept.
pub(super) fn to_number<T: TryInto<i64, Error: Error + Send + Sync + 'static>>(
    value: T,
) -> Result<i64> {
    value.try_into().map_err(unfit)
}

pub(super) fn version(row: &Row, index: usize) -> Result<VersionNumber> {
    number(row, index).map(VersionNumber)
}

/// A validated name or digest.
pub(super) fn parsed<T: FromStr<Err: Error + Send + Sync + 'static>>(
    row: &Row,
    index: usize,
) -> Result<T> {
    column::<&str>(row, index)?.parse().map_err(unfit)
}

/// A JSON text.
pub(super) fn json<T: DeserializeOwned>(row: &Row, index: usize) -> Result<T> {
    serde_json::from_str(column::<&str>(row, index)?).map_err(unfit)
}

/// The JSON text of a value.
pub(super) fn to_json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(unfit)
}

/// The hash of a secret.
pub(super) fn hash(row: &Row, index: usize) -> Result<SecretHash> {
    let bytes = column::<&[u8]>(row, index)?;
    SecretHash::from_slice(bytes).ok_or_else(|| unfit("a hash of another length"))
}

pub(super) fn placement_state(row: &Row, index: usize) -> Result<PlacementState> {
    words::placement_state(column(row, index)?).map_err(unfit)
}

pub(super) fn rollout_state(row: &Row, index: usize) -> Result<RolloutState> {
    words::rollout_state(column(row, index)?).map_err(unfit)
}

pub(super) fn worker_state(row: &Row, index: usize) -> Result<WorkerState> {
    words::worker_state(column(row, index)?).map_err(unfit)
}

/// A text that may be absent, as what stands in the statement and a parameter that has a type: the
/// driver would send an absent one without, and not every server takes that.
pub(super) fn nullable<'a>(name: &'static str, text: Option<&'a str>) -> (&'static str, &'a str) {
    text.map_or(("NULL", ""), |text| (name, text))
}

/// A moment.
pub(super) fn time(row: &Row, index: usize) -> Result<Timestamp> {
    match row.get_column_data(index)? {
        ColumnData::DateTime2(Some(time)) => moment(*time),
        other => Err(unfit(format!("column {index} is no datetime2: {other:?}"))),
    }
}

fn moment(time: DateTime2) -> Result<Timestamp> {
    let days = i64::from(time.date().days()) - DAYS_TO_1970;
    let scale = 10_i128.pow(u32::from(time.time().scale()));
    let of_day = i128::from(time.time().increments()) * 1_000_000 / scale;
    let of_day = i64::try_from(of_day).map_err(unfit)?;
    Timestamp::from_microsecond(days * DAY_US + of_day).map_err(unfit)
}

/// A moment as a parameter; one before the year 1 becomes the nearest there is.
pub(super) struct Moment(pub(super) Timestamp);

impl ToSql for Moment {
    fn to_sql(&self) -> ColumnData<'_> {
        // The last whole second that a `Timestamp` made of microseconds can be.
        let last = Timestamp::MAX.as_second() * 1_000_000;
        let us = (self.0.as_microsecond().min(last) + DAYS_TO_1970 * DAY_US).max(0);
        let days = u32::try_from(us / DAY_US).unwrap_or_default();
        let of_day = u64::try_from(us % DAY_US).unwrap_or_default();
        ColumnData::DateTime2(Some(DateTime2::new(Date::new(days), Time::new(of_day, SCALE))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(time: Timestamp) -> DateTime2 {
        match Moment(time).to_sql() {
            ColumnData::DateTime2(Some(sent)) => sent,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_moment_comes_back_to_the_microsecond() {
        for text in ["1970-01-01T00:00:00Z", "2027-01-15T08:00:00.123457Z", "0001-01-01T00:00:00Z"]
        {
            let time: Timestamp = text.parse().unwrap();
            assert_eq!(moment(sent(time)).unwrap(), time, "{text}");
        }
        // The day that SQL Server's documentation gives for this many days.
        assert_eq!(sent("1900-01-01T00:00:00Z".parse().unwrap()).date().days(), 693_595);
    }

    #[test]
    fn a_moment_that_no_column_can_hold_becomes_the_nearest() {
        let first = moment(sent(Timestamp::MIN)).unwrap();
        assert_eq!(first.to_string(), "0001-01-01T00:00:00Z");
        let last = moment(sent(Timestamp::MAX)).unwrap().to_string();
        assert!(last.starts_with("9999-12-3"), "{last}");
    }
}
