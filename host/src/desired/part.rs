//! What a version is made of and a worker fetches by its digest: a module, or the folders of its package. Told apart by
//! the first bytes, as packages are when they are published.

use std::sync::{Arc, Weak};

use crate::capability::PackageFolders;
use crate::guest::{GuestModule, WeakGuestModule};

/// A part that is loaded; cheap to clone.
#[derive(Clone)]
pub(super) enum Part {
    Module(GuestModule),
    Folders(Arc<PackageFolders>),
}

/// A part that goes when nobody uses it any more.
pub(super) enum WeakPart {
    Module(WeakGuestModule),
    Folders(Weak<PackageFolders>),
}

/// Whether these bytes are an archive of folders.
pub(super) fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK")
}

impl Part {
    pub(super) fn downgrade(&self) -> WeakPart {
        match self {
            Self::Module(module) => WeakPart::Module(module.downgrade()),
            Self::Folders(folders) => WeakPart::Folders(Arc::downgrade(folders)),
        }
    }

    /// The folders, when it is these.
    pub(super) fn folders(&self) -> Option<&Arc<PackageFolders>> {
        match self {
            Self::Module(_) => None,
            Self::Folders(folders) => Some(folders),
        }
    }
}

impl WeakPart {
    pub(super) fn upgrade(&self) -> Option<Part> {
        match self {
            Self::Module(module) => module.upgrade().map(Part::Module),
            Self::Folders(folders) => folders.upgrade().map(Part::Folders),
        }
    }

    pub(super) fn is_alive(&self) -> bool {
        match self {
            Self::Module(module) => module.is_alive(),
            Self::Folders(folders) => folders.strong_count() > 0,
        }
    }
}
