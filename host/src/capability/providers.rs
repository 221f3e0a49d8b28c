//! What capabilities of all apps of a worker are made of, from what its operator has set.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Directories, DirectoryConfig, DirectoryError, Exit, KvRemote, OutboundConfig};
use crate::metrics::Metrics;

/// What every version's capabilities are made of.
pub(crate) struct Providers {
    pub(crate) kv: Arc<KvRemote>,
    pub(crate) exit: Arc<Exit>,
    pub(crate) directories: Directories,
}

/// Something that the operator has set cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The authorities that functions should trust cannot be read.
    #[error("cannot use outbound.ca_file {}", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: std::io::Error,
    },
    /// A directory for functions cannot be approved.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

impl Providers {
    /// A worker's, whose state is in this folder.
    pub(crate) fn new(
        outbound: &OutboundConfig,
        directories: &BTreeMap<String, DirectoryConfig>,
        (kv, metrics): (&Arc<KvRemote>, &Arc<Metrics>),
        state_dir: &Path,
    ) -> Result<Self, ProviderError> {
        let exit = Exit::new(outbound, metrics).map_err(|source| {
            let path = outbound.ca_file.clone().unwrap_or_default();
            ProviderError::Authorities { path, source }
        })?;
        let directories = Directories::new(directories, state_dir)?;
        Ok(Self { kv: Arc::clone(kv), exit, directories })
    }
}
