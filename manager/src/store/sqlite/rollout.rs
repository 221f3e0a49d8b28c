//! Which version of an app is in service, which one is on its way, and the host names that go with
//! them. Whether a roll-out may go on is not decided here.

use rusqlite::{Connection, OptionalExtension, params};
use steading_protocol::api::{Rollout, RolloutRequest, RolloutState};
use steading_protocol::{AppName, VersionNumber};

use super::{app, change, version};
use crate::store::Activation;

pub(super) fn back(
    store: &Connection,
    app: &AppName,
    version: Option<VersionNumber>,
) -> rusqlite::Result<Activation> {
    let Some(current) = in_service(store, app)? else { return Ok(Activation::AppUnknown) };
    let version = match version {
        Some(version) => Some(version),
        None => before(store, app, current)?,
    };
    let Some(version) = version else { return Ok(Activation::VersionUnknown) };
    if let Some(refused) = refused(store, app, version)? {
        return Ok(refused);
    }
    set(store, app, version, None)?;
    Ok(Activation::Set(version))
}

pub(super) fn begin(
    store: &Connection,
    app: &AppName,
    wish: RolloutRequest,
) -> rusqlite::Result<Activation> {
    let RolloutRequest { version, percent } = wish;
    let Some(current) = in_service(store, app)? else { return Ok(Activation::AppUnknown) };
    if let Some(refused) = refused(store, app, version)? {
        return Ok(refused);
    }
    let state = RolloutState::Rolling;
    let rollout = Rollout { version, percent, state, detail: None };
    set(store, app, current, (version != current).then_some(&rollout))?;
    Ok(Activation::Set(version))
}

pub(super) fn end(store: &Connection, app: &AppName) -> rusqlite::Result<bool> {
    let Some(current) = in_service(store, app)? else { return Ok(false) };
    set(store, app, current, None)?;
    Ok(true)
}

/// Writes what is in service and what is on its way, and claims the hosts of both.
pub(super) fn set(
    store: &Connection,
    app: &AppName,
    version: VersionNumber,
    rollout: Option<&Rollout>,
) -> rusqlite::Result<()> {
    store.execute(
        "UPDATE app SET version = ?2, rollout_version = ?3, rollout_percent = ?4,
           rollout_state = ?5, rollout_detail = ?6 WHERE app = ?1",
        params![
            app.as_str(),
            version.0,
            rollout.map(|rollout| rollout.version.0),
            rollout.map_or(0, |rollout| rollout.percent),
            rollout.map_or("", |rollout| rollout.state.as_str()),
            rollout.and_then(|rollout| rollout.detail.as_deref()),
        ],
    )?;
    claim_hosts(store, app, [Some(version), rollout.map(|rollout| rollout.version)])?;
    change::note(store)
}

fn claim_hosts(
    store: &Connection,
    app: &AppName,
    versions: [Option<VersionNumber>; 2],
) -> rusqlite::Result<()> {
    store.execute("DELETE FROM app_host WHERE app = ?1", [app.as_str()])?;
    for version in versions.into_iter().flatten() {
        for (position, host) in version::hosts(store, app, version)?.iter().enumerate() {
            store.execute(
                "INSERT INTO app_host (host, app, position) VALUES (?1, ?2, ?3)
                 ON CONFLICT (host) DO NOTHING",
                params![host, app.as_str(), position],
            )?;
        }
    }
    Ok(())
}

/// The version in service; nothing for an unknown app.
fn in_service(store: &Connection, app: &AppName) -> rusqlite::Result<Option<VersionNumber>> {
    store
        .query_row("SELECT version FROM app WHERE app = ?1", [app.as_str()], |found| {
            found.get(0).map(VersionNumber)
        })
        .optional()
}

fn before(
    store: &Connection,
    app: &AppName,
    version: VersionNumber,
) -> rusqlite::Result<Option<VersionNumber>> {
    store.query_row(
        "SELECT MAX(version) FROM version WHERE app = ?1 AND version < ?2",
        params![app.as_str(), version.0],
        |found| Ok(found.get::<_, Option<u32>>(0)?.map(VersionNumber)),
    )
}

/// Why a version cannot be brought into service.
fn refused(
    store: &Connection,
    app: &AppName,
    version: VersionNumber,
) -> rusqlite::Result<Option<Activation>> {
    if !version::exists(store, app, version)? {
        return Ok(Some(Activation::VersionUnknown));
    }
    for host in version::hosts(store, app, version)? {
        if let Some(app) = app::host_owner(store, &host, app)? {
            return Ok(Some(Activation::HostTaken { host, app }));
        }
    }
    Ok(None)
}
