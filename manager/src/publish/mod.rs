//! Publishing: from bytes to a version that workers are told to serve. Shared by the API and the
//! portal.
//!
//! `unpack` (a module or a zip; `names` and `folders` for what is in it) -> `module` and `component` (validate,
//! imports, functions) -> `assemble` (manifest, routes, limits) -> one store transaction -> wake-ups. One invariant:
//! nothing is kept of a package until all of it has been found good.

mod assemble;
mod component;
mod folders;
#[cfg(test)]
mod fuzz;
mod module;
mod names;
mod reuse;
mod unpack;

use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use steading_protocol::api::PublishReply;
use steading_protocol::{AppName, Digest, VersionNumber};

use crate::api::{app_of, with_urls};
use crate::error::{ApiError, Code};
use crate::reconcile;
use crate::state::Shared;
use crate::store::{NewGrants, NewVersion, Publishing};

/// A package to publish.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    /// The app to publish it as.
    pub(crate) app: AppName,
    /// A `.wasm` module or a `.zip`, told apart by their first bytes.
    pub(crate) bytes: Bytes,
    /// Whether the app becomes the default one; the first app does anyway.
    pub(crate) default: bool,
    /// The share of calls that it is rolled out to, percent, 1 to 100; the first version gets all.
    pub(crate) percent: u8,
    /// Whether it may reach more than the newest version of the app.
    pub(crate) new_grants: NewGrants,
}

/// How large a package may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PackageLimits {
    /// Bytes, packed and unpacked.
    pub(crate) bytes_max: u64,
    /// Files and folders in a zip.
    pub(crate) files_max: usize,
    /// Bytes of the folders that it asks for, together.
    pub(crate) folders_bytes_max: u64,
}

/// Publishes a package. The same bytes as the app's current version change nothing and are answered
/// with that version, so a publish can be repeated.
pub(crate) async fn publish(
    shared: &Arc<Shared>,
    package: Package,
) -> Result<PublishReply, ApiError> {
    let app = package.app.clone();
    let version = examine(shared, package).await?;
    let granted = version.grants.lines();
    let outcome = shared.store.version_publish(version, shared.now()).await?;
    let (version, created) = match outcome {
        Publishing::Created(version) => (version, true),
        Publishing::Same(version) => (version, false),
        Publishing::GrantsNew(grants) => return Err(grants_new(&app, grants)),
        Publishing::HostTaken { host, app } => {
            return Err(ApiError::new(
                Code::ManifestInvalid,
                format!("app.hosts: `{host}` already leads to app `{app}`"),
            ));
        }
    };
    announce(&app, (version, created), &granted);
    reconcile::planned(shared).await;
    // Of this version, which may still be on its way.
    let stored = shared.store.version_get(&app, version).await?;
    let grants = stored.as_ref().map(|stored| stored.grants.clone()).unwrap_or_default();
    let functions = match stored {
        Some(stored) => with_urls(shared, &app_of(shared, &app).await?, stored).await?,
        None => vec![],
    };
    Ok(PublishReply { app, version, created, grants, functions })
}

/// Says what is new, and how to say yes to it.
fn grants_new(app: &AppName, grants: Vec<String>) -> ApiError {
    let message = format!(
        "`{app}` asks to reach what it could not reach before: {}; allow that with \
         `--allow-new-grants`, in the API with `allow_new_grants=true`",
        grants.join("; ")
    );
    ApiError::new(Code::GrantsNew, message).listing(grants)
}

fn announce(app: &AppName, (version, created): (VersionNumber, bool), granted: &[String]) {
    if created {
        tracing::info!(%app, %version, ?granted, "version published");
    } else {
        tracing::debug!(%app, %version, "version published again");
    }
}

/// Looks at a package off the request threads; a module of 100 MiB takes seconds.
async fn examine(shared: &Arc<Shared>, package: Package) -> Result<NewVersion, ApiError> {
    let limits = shared.settings.package;
    tokio::task::spawn_blocking(move || read(&package, limits)).await.map_err(|failed| {
        ApiError::new(Code::Internal, "the package could not be read; see the manager's log")
            .caused_by(failed)
    })?
}

fn read(package: &Package, limits: PackageLimits) -> Result<NewVersion, ApiError> {
    let unpacked = unpack::unpack(&package.bytes, limits)?;
    let assembled = assemble::assemble(&package.app, unpacked)?;
    Ok(NewVersion {
        app: package.app.clone(),
        package: digest_of(&package.bytes),
        size_bytes: package.bytes.len() as u64,
        hosts: assembled.hosts,
        modules: assembled.modules,
        functions: assembled.functions,
        limits: assembled.limits,
        placement: assembled.placement,
        grants: assembled.grants,
        new_grants: package.new_grants,
        percent: package.percent,
        default: package.default,
    })
}

fn digest_of(bytes: &[u8]) -> Digest {
    Digest::from_bytes(Sha256::digest(bytes).into())
}
