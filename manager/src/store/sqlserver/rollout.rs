//! Which version of an app is in service, which one is on its way, and the host names that go with
//! them. Whether a roll-out may go on is not decided here.

use std::collections::HashSet;

use steading_protocol::api::{Rollout, RolloutRequest, RolloutState};
use steading_protocol::{AppName, VersionNumber};

use super::fault::Fault;
use super::row;
use super::tx::Tx;
use super::{app, change, version};
use crate::store::Activation;

pub(super) async fn back(
    tx: &mut Tx,
    app: &AppName,
    version: Option<VersionNumber>,
) -> Result<Activation, Fault> {
    let Some(current) = in_service(tx, app).await? else { return Ok(Activation::AppUnknown) };
    let version = match version {
        Some(version) => Some(version),
        None => before(tx, app, current).await?,
    };
    let Some(version) = version else { return Ok(Activation::VersionUnknown) };
    if let Some(refused) = refused(tx, app, version).await? {
        return Ok(refused);
    }
    set(tx, app, version, None).await?;
    Ok(Activation::Set(version))
}

pub(super) async fn begin(
    tx: &mut Tx,
    app: &AppName,
    wish: RolloutRequest,
) -> Result<Activation, Fault> {
    let RolloutRequest { version, percent } = wish;
    let Some(current) = in_service(tx, app).await? else { return Ok(Activation::AppUnknown) };
    if let Some(refused) = refused(tx, app, version).await? {
        return Ok(refused);
    }
    let state = RolloutState::Rolling;
    let rollout = Rollout { version, percent, state, detail: None };
    set(tx, app, current, (version != current).then_some(&rollout)).await?;
    Ok(Activation::Set(version))
}

pub(super) async fn end(tx: &mut Tx, app: &AppName) -> Result<bool, Fault> {
    let Some(current) = in_service(tx, app).await? else { return Ok(false) };
    set(tx, app, current, None).await?;
    Ok(true)
}

/// Writes what is in service and what is on its way, and claims the hosts of both.
pub(super) async fn set(
    tx: &mut Tx,
    app: &AppName,
    version: VersionNumber,
    rollout: Option<&Rollout>,
) -> Result<(), Fault> {
    let (rolled, next) = match rollout {
        Some(rollout) => ("@P3", i64::from(rollout.version.0)),
        None => ("NULL", 0),
    };
    let detail = rollout.and_then(|rollout| rollout.detail.as_deref());
    let (told, detail) = row::nullable("@P6", detail);
    let sql = format!(
        "UPDATE app SET version = @P2, rollout_version = {rolled}, rollout_percent = @P4,
           rollout_state = @P5, rollout_detail = {told} WHERE app = @P1"
    );
    let percent = rollout.map_or(0, |rollout| i64::from(rollout.percent));
    let state = rollout.map_or("", |rollout| rollout.state.as_str());
    let current = i64::from(version.0);
    tx.execute(&sql, &[&app.as_str(), &current, &next, &percent, &state, &detail]).await?;
    claim_hosts(tx, app, [Some(version), rollout.map(|rollout| rollout.version)]).await?;
    change::note(tx).await
}

async fn claim_hosts(
    tx: &mut Tx,
    app: &AppName,
    versions: [Option<VersionNumber>; 2],
) -> Result<(), Fault> {
    tx.execute("DELETE FROM app_host WHERE app = @P1", &[&app.as_str()]).await?;
    let mut claimed = HashSet::new();
    for version in versions.into_iter().flatten() {
        for (position, host) in (0_i64..).zip(version::hosts(tx, app, version).await?) {
            if claimed.insert(host.clone()) {
                let sql = "INSERT INTO app_host (host, app, position) SELECT @P1, @P2, @P3
                    WHERE NOT EXISTS (SELECT 1 FROM app_host WHERE host = @P1)";
                tx.execute(sql, &[&host, &app.as_str(), &position]).await?;
            }
        }
    }
    Ok(())
}

/// The version in service; nothing for an unknown app.
async fn in_service(tx: &mut Tx, app: &AppName) -> Result<Option<VersionNumber>, Fault> {
    let found = tx.row("SELECT version FROM app WHERE app = @P1", &[&app.as_str()]).await?;
    found.as_ref().map(|found| row::version(found, 0)).transpose()
}

async fn before(
    tx: &mut Tx,
    app: &AppName,
    version: VersionNumber,
) -> Result<Option<VersionNumber>, Fault> {
    let sql = "SELECT TOP (1) version FROM version WHERE app = @P1 AND version < @P2
        ORDER BY version DESC";
    let found = tx.row(sql, &[&app.as_str(), &i64::from(version.0)]).await?;
    found.as_ref().map(|found| row::version(found, 0)).transpose()
}

/// Why a version cannot be brought into service.
async fn refused(
    tx: &mut Tx,
    app: &AppName,
    version: VersionNumber,
) -> Result<Option<Activation>, Fault> {
    if !version::exists(tx, app, version).await? {
        return Ok(Some(Activation::VersionUnknown));
    }
    for host in version::hosts(tx, app, version).await? {
        if let Some(app) = app::host_owner(tx, &host, app).await? {
            return Ok(Some(Activation::HostTaken { host, app }));
        }
    }
    Ok(None)
}
