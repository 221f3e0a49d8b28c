//! What an app was granted, as WASI shows it to every kind of guest that uses WASI: settings in the environment,
//! folders as preopened directories. Sockets are never granted.

use wasmtime_wasi::{FsPerms, WasiCtxBuilder};

use super::Conduit;
use super::log::Level;
use crate::capability::{Access, Capabilities};

/// Opens it for one invocation. A folder that has gone since the version was loaded is not there, and the
/// function's log says so.
pub(super) fn open(builder: &mut WasiCtxBuilder, capabilities: &Capabilities, conduit: &Conduit) {
    builder.allow_tcp(false).allow_udp(false);
    for (name, value) in capabilities.settings.iter() {
        builder.env(name, value);
    }
    for folder in capabilities.files.iter() {
        let perms = match folder.access {
            Access::Read => FsPerms::ReadOnly,
            Access::Write => FsPerms::ReadWrite,
        };
        if let Err(error) = builder.preopened_dir(&folder.path, &folder.guest, perms) {
            let text = format!("the folder {} is not there: {error}", folder.guest);
            conduit.log.record(Level::Error, text.as_bytes());
        }
    }
}
