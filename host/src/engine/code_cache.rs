//! Compiled modules on disk, so that a module is compiled once on a worker and not at every start.
//!
//! A file lies on a [`Shelf`] in a folder named by the engine's compatibility hash. It is
//! written beside its place and renamed. One that is whole is never written again, because on Windows a
//! file that is mapped can be neither replaced nor deleted, and code that was forgotten while the last
//! invocations ran may still be mapped when its module is wanted anew. Native code runs as it is, so its bytes are
//! checked against the name each time before it is loaded; a file that has changed, as a bad disk or a
//! careless restore does it, is set aside and the module is compiled anew. That is no defence against
//! somebody who may write here. Which files go again is decided in [`forget`](super::forget).
//!
//! Invariant: no byte of a file is trusted that is not what was written.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use steading_protocol::Digest;

use super::{Code, Engine, code, platform};
use crate::shelf::Shelf;

/// The compiled modules of one worker; cheap to clone.
#[derive(Clone)]
pub(crate) struct CodeCache {
    engine: Engine,
    pub(super) shelf: Arc<Shelf>,
}

/// A module could not be compiled or kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CacheError {
    #[error("cannot compile module {}", digest.short())]
    Compile { digest: Digest, source: wasmtime::Error },
    #[error("cannot keep the code of module {} in {}", digest.short(), path.display())]
    Store { digest: Digest, path: PathBuf, source: io::Error },
    #[error("cannot load the code of module {}", digest.short())]
    Load { digest: Digest, source: wasmtime::Error },
}

/// Code on disk that is not used.
#[derive(Debug, thiserror::Error)]
enum Unfit {
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    #[error("its bytes are not those that were written")]
    Changed,
    #[error("{0:#}")]
    Refused(wasmtime::Error),
}

const SUFFIX: &str = ".cwasm";

/// A file in an engine's folder that is written at every start with that engine: its time says when the
/// folder was last of use.
pub(super) const USED: &str = "used";

impl CodeCache {
    /// Opens the cache below a worker's state folder.
    pub(crate) fn open(engine: Engine, state_dir: &Path) -> io::Result<Self> {
        let mut hasher = DefaultHasher::new();
        engine.wasmtime().precompile_compatibility_hash().hash(&mut hasher);
        let folder = state_dir.join("code").join(format!("{:016x}", hasher.finish()));
        let shelf = Shelf::open(folder, SUFFIX)?;
        // on a full disk this may fail; what is cached is needed all the more then
        fs::write(shelf.folder().join(USED), []).ok();
        Ok(Self { engine, shelf: Arc::new(shelf) })
    }

    /// Whether the module's code is here, as far as can be told without reading it.
    pub(crate) fn contains(&self, module: &Digest) -> bool {
        self.shelf.contains(module)
    }

    /// The modules whose code is here.
    pub(crate) fn modules(&self) -> Vec<Digest> {
        self.shelf.sources()
    }

    /// The module, when its code is here and whole. Blocks on the disk.
    pub(crate) fn get(&self, module: &Digest) -> Option<Code> {
        let code = self.shelf.contents(module)?;
        let path = self.shelf.place(module, &code);
        match self.load_checked(&path, &code) {
            Ok(module) => Some(module),
            Err(unfit) => {
                tracing::warn!(module = %module, error = %unfit, "Cached code cannot be used, compiling anew");
                self.shelf.remove(module);
                fs::rename(&path, path.with_extension("unusable")).ok();
                None
            }
        }
    }

    /// Compiles a module and keeps its code. Blocks on the processor and the disk.
    pub(crate) fn insert(&self, module: &Digest, wasm: &[u8]) -> Result<Code, CacheError> {
        let digest = || module.clone();
        let compiled = code::compile(self.engine.wasmtime(), wasm);
        let bytes = compiled.map_err(|source| CacheError::Compile { digest: digest(), source })?;
        let code = Digest::from_bytes(Sha256::digest(&bytes).into());
        let path = self.shelf.place(module, &code);
        if !is_whole(&path, &code).unwrap_or(false) {
            let failed =
                |source| CacheError::Store { digest: digest(), path: path.clone(), source };
            Self::write(&path, &bytes).map_err(failed)?;
        }
        self.shelf.insert(digest(), code);
        platform::load_code(self.engine.wasmtime(), &path)
            .map_err(|source| CacheError::Load { digest: digest(), source })
    }

    fn load_checked(&self, path: &Path, code: &Digest) -> Result<Code, Unfit> {
        if !is_whole(path, code)? {
            return Err(Unfit::Changed);
        }
        platform::load_code(self.engine.wasmtime(), path).map_err(Unfit::Refused)
    }

    fn write(path: &Path, code: &[u8]) -> io::Result<()> {
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
}

/// Whether the bytes of a file are those of this digest.
fn is_whole(path: &Path, code: &Digest) -> io::Result<bool> {
    let mut hasher = Sha256::new();
    io::copy(&mut fs::File::open(path)?, &mut hasher)?;
    Ok(Digest::from_bytes(hasher.finalize().into()) == *code)
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::EngineConfig;

    pub(in crate::engine) fn cache(folder: &Path) -> CodeCache {
        let config = EngineConfig { instances_max: Some(4), ..EngineConfig::default() };
        CodeCache::open(Engine::new(config).unwrap(), folder).unwrap()
    }

    fn place(cache: &CodeCache, module: &Digest) -> PathBuf {
        cache.shelf.place(module, &cache.shelf.contents(module).unwrap())
    }

    /// An empty module, in the binary format.
    pub(in crate::engine) const EMPTY: &[u8] = b"\0asm\x01\0\0\0";

    #[test]
    fn a_module_is_compiled_once_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let digest = Digest::from_bytes([7; 32]);
        assert!(cache(folder.path()).get(&digest).is_none());
        assert!(!cache(folder.path()).contains(&digest));
        cache(folder.path()).insert(&digest, EMPTY).unwrap();
        let again = cache(folder.path());
        assert!(again.contains(&digest) && again.get(&digest).is_some());
        assert_eq!(again.modules(), [digest]);
    }

    #[test]
    fn code_with_any_byte_changed_is_set_aside_and_compiled_anew() {
        let folder = tempfile::tempdir().unwrap();
        let digest = Digest::from_bytes([7; 32]);
        let cache = cache(folder.path());
        cache.insert(&digest, EMPTY).unwrap();
        let path = place(&cache, &digest);
        let whole = fs::read(&path).unwrap();
        let mut changed = vec![whole[..whole.len() - 1].to_vec(), vec![]];
        for at in [0, whole.len() / 2, whole.len() - 1] {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            changed.push(bytes);
        }
        for bytes in changed {
            fs::write(&path, bytes).unwrap();
            assert!(cache.get(&digest).is_none());
            assert!(!cache.contains(&digest), "it is not taken for cached any more");
            assert!(!path.exists());
            cache.insert(&digest, EMPTY).unwrap();
            assert!(cache.get(&digest).is_some());
        }
    }

    #[test]
    fn code_that_was_forgotten_and_is_still_there_is_not_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let digest = Digest::from_bytes([7; 32]);
        let cache = cache(folder.path());
        cache.insert(&digest, EMPTY).unwrap();
        let path = place(&cache, &digest);
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        let file = fs::File::options().append(true).open(&path).unwrap();
        file.set_modified(long_ago).unwrap();
        cache.shelf.remove(&digest);
        cache.insert(&digest, EMPTY).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), long_ago);
        assert!(cache.get(&digest).is_some());
    }

    #[test]
    fn code_that_somebody_has_deleted_is_compiled_anew() {
        let folder = tempfile::tempdir().unwrap();
        let digest = Digest::from_bytes([7; 32]);
        let cache = cache(folder.path());
        cache.insert(&digest, EMPTY).unwrap();
        fs::remove_dir_all(cache.shelf.folder()).unwrap();
        assert!(cache.get(&digest).is_none() && !cache.contains(&digest));
        fs::create_dir_all(cache.shelf.folder()).unwrap();
        assert!(cache.insert(&digest, EMPTY).is_ok());
    }
}
