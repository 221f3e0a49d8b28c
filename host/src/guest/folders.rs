//! The folders of an app as WASI's preopened directories, for every kind of guest.

use wasmtime_wasi::{FsPerms, WasiCtxBuilder};

use super::Conduit;
use super::log::Level;
use crate::capability::{Access, Files};

/// Opens the folders for one invocation. One that has gone since the version was loaded is not there, and the
/// function's log says so.
pub(super) fn open(builder: &mut WasiCtxBuilder, files: &Files, conduit: &Conduit) {
    for folder in files.iter() {
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
