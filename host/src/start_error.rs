//! Why a worker does not start, in words for the operator who started it.

use std::path::PathBuf;

use steading_server::BindError;

use crate::ConfigError;
use crate::capability::ProviderError;
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
    /// What functions may be granted could not be set up.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The HTTP client could not be set up.
    #[error("cannot set up the connection to the manager")]
    Client(#[source] reqwest::Error),
}
