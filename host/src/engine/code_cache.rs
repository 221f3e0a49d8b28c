//! Compiled modules on disk, so that a module is compiled once on a worker and not at every start.
//!
//! A file is named by the module's digest inside a folder named by the engine's compatibility hash. It is
//! written beside its place and renamed, never overwritten: whatever stands under a final name is
//! whole. A file that cannot be loaded is set aside and compiled anew.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use steading_protocol::Digest;
use wasmtime::Module;

use super::{Engine, platform};

/// The compiled modules of one worker.
#[derive(Clone)]
pub(crate) struct CodeCache {
    engine: Engine,
    folder: PathBuf,
}

/// A module could not be compiled or kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CacheError {
    #[error("cannot compile module {}", digest.short())]
    Compile { digest: Digest, source: wasmtime::Error },
    #[error("cannot keep the code of module {} in {}", digest.short(), path.display())]
    Store { digest: Digest, path: PathBuf, source: io::Error },
}

impl CodeCache {
    /// Opens the cache below a worker's state folder.
    pub(crate) fn open(engine: Engine, state_dir: &Path) -> io::Result<Self> {
        let mut hasher = DefaultHasher::new();
        engine.wasmtime().precompile_compatibility_hash().hash(&mut hasher);
        let folder = state_dir.join("code").join(format!("{:016x}", hasher.finish()));
        fs::create_dir_all(&folder)?;
        Ok(Self { engine, folder })
    }

    /// Whether the module's code is here, as far as its name tells.
    pub(crate) fn contains(&self, digest: &Digest) -> bool {
        self.path(digest).exists()
    }

    /// The module, when its code is here. Blocks on the disk.
    pub(crate) fn get(&self, digest: &Digest) -> Option<Module> {
        let path = self.path(digest);
        if !path.exists() {
            return None;
        }
        match platform::load_code(self.engine.wasmtime(), &path) {
            Ok(module) => Some(module),
            Err(error) => {
                tracing::warn!(module = %digest, error = format!("{error:#}"), "Cached code cannot be loaded, compiling anew");
                let aside = path.with_extension("unusable");
                fs::rename(&path, aside).ok();
                None
            }
        }
    }

    /// Compiles a module and keeps its code. Blocks on the processor and the disk.
    pub(crate) fn insert(&self, digest: &Digest, wasm: &[u8]) -> Result<Module, CacheError> {
        let compile = |source| CacheError::Compile { digest: digest.clone(), source };
        let code = self.engine.wasmtime().precompile_module(wasm).map_err(compile)?;
        let path = self.path(digest);
        self.write(&path, &code).map_err(|source| CacheError::Store {
            digest: digest.clone(),
            path: path.clone(),
            source,
        })?;
        platform::load_code(self.engine.wasmtime(), &path).map_err(compile)
    }

    fn write(&self, path: &Path, code: &[u8]) -> io::Result<()> {
        let partial = path.with_extension(format!("partial-{}", std::process::id()));
        let written = (|| {
            let mut file = fs::File::create(&partial)?;
            file.write_all(code)?;
            file.sync_all()?;
            fs::rename(&partial, path)
        })();
        if written.is_err() {
            fs::remove_file(&partial).ok();
        }
        written
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(format!("{digest}.cwasm"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EngineConfig;

    fn cache(folder: &Path) -> CodeCache {
        let config = EngineConfig { instances_max: 4, ..EngineConfig::default() };
        CodeCache::open(Engine::new(config).unwrap(), folder).unwrap()
    }

    /// An empty module, in the binary format.
    const EMPTY: &[u8] = b"\0asm\x01\0\0\0";

    #[test]
    fn a_module_is_compiled_once_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let digest = Digest::from_bytes([7; 32]);
        assert!(cache(folder.path()).get(&digest).is_none());
        assert!(!cache(folder.path()).contains(&digest));
        cache(folder.path()).insert(&digest, EMPTY).unwrap();
        assert!(cache(folder.path()).contains(&digest));
        assert!(cache(folder.path()).get(&digest).is_some());
    }

    #[test]
    fn unusable_code_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let digest = Digest::from_bytes([7; 32]);
        let cache = cache(folder.path());
        fs::write(cache.path(&digest), b"not code").unwrap();
        assert!(cache.get(&digest).is_none());
        cache.insert(&digest, EMPTY).unwrap();
        assert!(cache.get(&digest).is_some());
    }
}
