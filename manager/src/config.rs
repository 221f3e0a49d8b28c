//! What an operator can set of the management role. Secrets are not read from the file: whoever
//! reads the configuration fills them from the environment or from a file of their own.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::Deserialize;
use steading_protocol::Secret;
use url::Url;

use crate::publish::PackageLimits;
use crate::store::{KvLimits, StoreLocation};

/// The `manager` section of the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the portal and the API listen.
    pub listen: SocketAddr,
    /// Where people and workers reach the manager when that differs from `listen`, such as behind a
    /// proxy. With `https`, session cookies are marked `Secure`.
    pub url: Option<Url>,
    /// The folder of the embedded store and the join token.
    pub data_dir: PathBuf,
    /// Where the store is; absent, in `data_dir`.
    pub store: Option<StoreLocation>,
    /// A file with certificates, one of which has signed that of the SQL Server; the system's are
    /// good as well.
    pub store_ca_file: Option<PathBuf>,
    /// The largest package taken, bytes, packed and unpacked.
    pub module_bytes_max: u64,
    /// The most files and folders in a package.
    pub package_files_max: u32,
    /// What the folders of a package that its app asks for have together, unpacked, bytes.
    pub folders_bytes_max: u64,
    /// How far the embedded store may grow, bytes; absent, as far as the disk. What does not fit any
    /// more is refused with `store_full`.
    pub store_bytes_max: Option<u64>,
    /// How long a worker may be silent before its placements count as lost, milliseconds. Workers
    /// are told to send a heartbeat five times as often.
    pub lost_after_ms: u64,
    /// Of how many versions of an app workers keep the code ready, so that going back to one of them
    /// takes no time.
    pub versions_held: u32,
    /// The longest value in a key-value store, bytes.
    pub kv_value_bytes_max: u64,
    /// What the key-value stores of one app may hold together, bytes; an entry counts its key, its value
    /// and 64 bytes.
    pub kv_app_bytes_max: u64,
    /// What names this manager among those that share a store; absent, made at each start.
    pub name: Option<String>,
    /// The connection string of a store on SQL Server.
    #[serde(skip)]
    pub store_connection: Option<Secret>,
    /// The key that seals secrets, 64 hexadecimal digits, and after it older ones that still open them.
    /// Absent, no secret can be set or told to workers.
    #[serde(skip)]
    pub secrets_key: Option<Secret>,
    /// The administrator's password: set at the first start, replaced when a later start brings
    /// another. Absent, the portal's set-up page asks for one.
    #[serde(skip)]
    pub admin_password: Option<Secret>,
    /// The token with which workers join. Absent, one is made at the first start.
    #[serde(skip)]
    pub join_token: Option<Secret>,
}

/// Five missed heartbeats, so that one lost packet does not empty a worker.
const HEARTBEATS_PER_LOSS: u64 = 5;

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7070)),
            url: None,
            data_dir: PathBuf::from(".steading/manager"),
            store: None,
            store_ca_file: None,
            module_bytes_max: 100 << 20,
            package_files_max: 1000,
            folders_bytes_max: 64 << 20,
            store_bytes_max: None,
            lost_after_ms: 10_000,
            versions_held: 5,
            kv_value_bytes_max: 64 << 10,
            kv_app_bytes_max: 64 << 20,
            name: None,
            store_connection: None,
            secrets_key: None,
            admin_password: None,
            join_token: None,
        }
    }
}

impl Config {
    /// Where the store is.
    pub(crate) fn store(&self) -> StoreLocation {
        let embedded = || StoreLocation::Sqlite(self.data_dir.clone());
        self.store.clone().unwrap_or_else(embedded)
    }

    /// How much key-value stores may hold.
    pub(crate) fn kv_limits(&self) -> KvLimits {
        let (value_bytes_max, app_bytes_max) = (self.kv_value_bytes_max, self.kv_app_bytes_max);
        KvLimits { value_bytes_max, app_bytes_max }
    }

    /// How large a package may be.
    pub(crate) fn package_limits(&self) -> PackageLimits {
        PackageLimits {
            bytes_max: self.module_bytes_max,
            files_max: usize::try_from(self.package_files_max).unwrap_or(usize::MAX),
            folders_bytes_max: self.folders_bytes_max,
        }
    }

    /// How often workers are told to send a heartbeat, milliseconds.
    pub(crate) fn heartbeat_ms(&self) -> u64 {
        (self.lost_after_ms / HEARTBEATS_PER_LOSS).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_and_a_secret_in_the_file_are_refused() {
        for text in ["listn = \"127.0.0.1:1\"", "admin_password = \"x\"", "store = \"mysql:\""] {
            assert!(toml::from_str::<Config>(text).is_err(), "{text}");
        }
        let config: Config = toml::from_str("lost_after_ms = 500").unwrap();
        assert_eq!(config.heartbeat_ms(), 100);
        assert_eq!(config.listen.port(), 7070);
    }
}
