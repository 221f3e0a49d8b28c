//! Why a worker does not start, in words for the operator who started it.

use std::path::PathBuf;

use steading_server::BindError;

use crate::ConfigError;
use crate::capability::DirectoryError;
use crate::engine::EngineError;

/// A worker could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port could not be opened.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The configuration makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The sandboxes could not be set up.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The functions that guests may call could not be defined.
    #[error("cannot define the imports of guests")]
    Imports(#[source] wasmtime::Error),
    /// The state folder cannot be used.
    #[error("cannot use the state folder {}", path.display())]
    State {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The authorities that functions should trust cannot be read.
    #[error("cannot use outbound.ca_file{}", path.as_ref().map_or(String::new(), |path| format!(" {}", path.display())))]
    Authorities {
        /// The file.
        path: Option<PathBuf>,
        /// What is wrong with it.
        source: std::io::Error,
    },
    /// A directory for functions cannot be approved.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The HTTP client could not be set up.
    #[error("cannot set up the connection to the manager")]
    Client(#[source] reqwest::Error),
}
