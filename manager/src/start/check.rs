//! What a configuration has to be like before anything is opened. Looks at values only.

use steading_protocol::kv::VALUE_BYTES_MAX;

use super::StartError;
use crate::Config;
use crate::auth::{self, PasswordRefused};

/// Whoever knows the join token gets every app's code.
pub(super) const JOIN_TOKEN_CHARS_MIN: usize = 16;

/// A row of SQLite holds a billion bytes.
const MODULE_BYTES_MAX: u64 = 900 << 20;

/// The most that a zip of the common form has.
const PACKAGE_FILES_MAX: u64 = 65_535;

/// More would be a store of its own on every worker.
const VERSIONS_HELD_MAX: u64 = 100;

/// More belongs into a database of the app's own.
const KV_APP_BYTES_MAX: u64 = 1 << 40;

/// Below this, a worker's heartbeats would come closer together than the time a busy one needs.
const LOST_AFTER_MS_MIN: u64 = 100;

/// A day: a worker that is away for longer is surely lost.
const LOST_AFTER_MS_MAX: u64 = 24 * 3600 * 1000;

/// The first thing in a configuration that cannot be.
pub(super) fn check(config: &Config) -> Result<(), StartError> {
    if let Some(password) = &config.admin_password {
        auth::check_password(password)
            .map_err(|refused: PasswordRefused| StartError::Password(Box::new(refused)))?;
    }
    for (key, value, min, max) in [
        ("module_bytes_max", config.module_bytes_max, 1, MODULE_BYTES_MAX),
        ("package_files_max", config.package_files_max.into(), 1, PACKAGE_FILES_MAX),
        ("folders_bytes_max", config.folders_bytes_max, 0, MODULE_BYTES_MAX),
        ("versions_held", config.versions_held.into(), 1, VERSIONS_HELD_MAX),
        ("kv_value_bytes_max", config.kv_value_bytes_max, 1, VALUE_BYTES_MAX),
        ("kv_app_bytes_max", config.kv_app_bytes_max, 1, KV_APP_BYTES_MAX),
        ("lost_after_ms", config.lost_after_ms, LOST_AFTER_MS_MIN, LOST_AFTER_MS_MAX),
    ] {
        if !(min..=max).contains(&value) {
            return Err(StartError::OutOfRange { key, value, min, max });
        }
    }
    match &config.join_token {
        Some(token) if token.expose().chars().count() < JOIN_TOKEN_CHARS_MIN => {
            Err(StartError::JoinToken)
        }
        _ => Ok(()),
    }
}
