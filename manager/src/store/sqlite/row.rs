//! Columns to values and back. A column that does not hold what it should is an error of the store,
//! never a panic.

use std::error::Error;
use std::str::FromStr;

use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::Type;
use serde::Serialize;
use serde::de::DeserializeOwned;
use steading_protocol::api::{RolloutState, WorkerState};
use steading_protocol::desired::PlacementState;

use crate::auth::SecretHash;
use crate::store::words;

fn unfit(
    index: usize,
    kind: Type,
    error: impl Into<Box<dyn Error + Send + Sync>>,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(index, kind, error.into())
}

/// A validated name or digest.
pub(super) fn parsed<T>(row: &Row<'_>, index: usize) -> rusqlite::Result<T>
where
    T: FromStr<Err: Error + Send + Sync + 'static>,
{
    let text: String = row.get(index)?;
    text.parse().map_err(|error: T::Err| unfit(index, Type::Text, error))
}

/// A JSON text.
pub(super) fn json<T: DeserializeOwned>(row: &Row<'_>, index: usize) -> rusqlite::Result<T> {
    let text: String = row.get(index)?;
    serde_json::from_str(&text).map_err(|error| unfit(index, Type::Text, error))
}

/// The JSON text of a value.
pub(super) fn to_json(value: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

/// A moment.
pub(super) fn time(row: &Row<'_>, index: usize) -> rusqlite::Result<Timestamp> {
    Timestamp::from_microsecond(row.get(index)?).map_err(|error| unfit(index, Type::Integer, error))
}

/// A moment as it is kept.
pub(super) fn to_time(time: Timestamp) -> i64 {
    time.as_microsecond()
}

/// The hash of a secret.
pub(super) fn hash(row: &Row<'_>, index: usize) -> rusqlite::Result<SecretHash> {
    let bytes: Vec<u8> = row.get(index)?;
    SecretHash::from_slice(&bytes)
        .ok_or_else(|| unfit(index, Type::Blob, "a hash of another length"))
}

/// A placement's state.
pub(super) fn placement_state(row: &Row<'_>, index: usize) -> rusqlite::Result<PlacementState> {
    let text: String = row.get(index)?;
    words::placement_state(&text).map_err(|error| unfit(index, Type::Text, error))
}

/// A roll-out's state.
pub(super) fn rollout_state(row: &Row<'_>, index: usize) -> rusqlite::Result<RolloutState> {
    let text: String = row.get(index)?;
    words::rollout_state(&text).map_err(|error| unfit(index, Type::Text, error))
}

/// A worker's state.
pub(super) fn worker_state(row: &Row<'_>, index: usize) -> rusqlite::Result<WorkerState> {
    let text: String = row.get(index)?;
    words::worker_state(&text).map_err(|error| unfit(index, Type::Text, error))
}
