//! What guests may reach outside of their sandbox: each capability once, as plain async Rust that knows
//! neither wasm nor a kind of guest. What a guest sees of one is a thin binding in [`guest`](crate::guest).
//!
//! Invariant: nothing is here by default. [`Capabilities::default`] reaches nothing; what there is comes from
//! the grants of the version that is called.

mod files;
mod kv;
mod metrics;
mod outbound;
mod providers;
mod settings;

use std::sync::Arc;

use steading_protocol::Reuse;
use steading_protocol::desired::DesiredApp;

pub(crate) use files::{
    Access, Directories, Files, FilesError, FolderCache, PackageFolders, UnpackError,
};
pub use files::{DirectoryConfig, DirectoryError};
pub(crate) use kv::{Entry, Kv, KvError, KvRemote, Page};
pub(crate) use metrics::CapabilityMetrics;
pub use outbound::OutboundConfig;
pub(crate) use outbound::{
    Awaited, Driver, Errand, Exit, Limit, Outbound, OutboundError, OutboundMetrics, Patience,
    RequestBody, ResponseBody,
};
pub use providers::ProviderError;
pub(crate) use providers::Providers;
pub(crate) use settings::{Settings, UnreadableSetting};

/// What the functions of one version of an app may reach.
#[derive(Default)]
pub(crate) struct Capabilities {
    /// Its settings.
    pub(crate) settings: Settings,
    /// Its key-value stores; none without a grant.
    pub(crate) kv: Option<Kv>,
    /// Where it may send requests; nowhere without one.
    pub(crate) outbound: Option<Arc<Outbound>>,
    /// The folders that it finds.
    pub(crate) files: Files,
    /// How far their instances serve one invocation after the other; without it each has its own.
    pub(crate) reuse: Option<Reuse>,
}

/// Something that a version is granted and this worker does not have.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotProvided {
    #[error(transparent)]
    Setting(#[from] UnreadableSetting),
    #[error(transparent)]
    Files(#[from] FilesError),
}

impl Capabilities {
    /// What a version is granted; an error when it must not be started like that.
    pub(crate) fn of(
        app: &DesiredApp,
        from: &Providers,
        folders: Option<&Arc<PackageFolders>>,
    ) -> Result<Arc<Self>, NotProvided> {
        let settings = Settings::of(app)?;
        let files = Files::of(app, &from.directories, folders)?;
        let kv = (!app.grants.kv.is_empty()).then(|| Kv::of(app, Arc::clone(&from.kv)));
        let outbound = Some(Outbound::new(app.grants.outbound.clone(), &from.exit));
        Ok(Arc::new(Self { settings, kv, outbound, files, reuse: app.grants.reuse }))
    }
}
