//! The value of a setting on its way to a worker, and where it lies.
//!
//! Invariant: only [`SettingValue::Secret`] holds the text of a secret, and it neither shows itself nor is
//! ever written to a disk; what lies in a store or on a worker's disk is [`SettingValue::Sealed`].

use serde::{Deserialize, Serialize};

use crate::Secret;

/// The longest value of a setting, bytes: a private key with its certificates.
pub const SETTING_BYTES_MAX: usize = 32 << 10;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum SettingValue {
    /// Anyone may see it.
    Plain(String),
    /// A secret, open: between manager and worker, and in a worker's memory.
    Secret(Secret),
    /// A secret, encrypted: in a store and on a worker's disk.
    Sealed(String),
    /// A secret that whoever should have opened it could not; why, for people.
    Unreadable(String),
}
