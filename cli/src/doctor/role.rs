//! What is looked at for one role with its configuration.

use std::net::SocketAddr;
use std::path::Path;

use steading_manager::{Grade, StoreToolError, store_check};
use url::Url;

use super::judge::network::{self, Known};
use super::judge::{place, system};
use super::{Finding, machine, probe};
use crate::service::open_files;
use crate::{exit::Failure, secrets};

/// A role as it would be started.
pub(crate) enum Configured {
    Manager(Box<steading_manager::Config>),
    Worker(Box<steading_host::Config>),
    Gateway(Box<steading_gateway::Config>),
}

/// Everything about the role but the machine.
pub(crate) async fn role(configured: &Configured) -> Vec<Finding> {
    match configured {
        Configured::Manager(config) => manager(config).await,
        Configured::Worker(config) => worker(config).await,
        Configured::Gateway(config) => gateway(config).await,
    }
}

async fn manager(config: &steading_manager::Config) -> Vec<Finding> {
    let mut findings = vec![port("listen", config.listen, config.listen).await];
    findings.extend(folder(&config.data_dir));
    findings.push(files(open_files::manager()));
    findings.push(secret("password", secrets::ADMIN_PASSWORD, "the portal asks for one"));
    findings.push(secret("join token", secrets::JOIN_TOKEN, "the manager makes one"));
    findings.push(store(config).await);
    findings
}

async fn worker(config: &steading_host::Config) -> Vec<Finding> {
    let mut findings = machine::pool(config);
    findings.extend(ports(config.listen, config.control).await);
    findings.extend(folder(&config.state_dir));
    findings.push(place::executable(&probe::folder(&config.state_dir)));
    findings.push(files(open_files::worker(config)));
    let joined = steading_host::has_joined(&config.state_dir);
    let known = if joined { Known::Yes } else { Known::No };
    findings.push(joins(config.join_token.is_some(), known));
    findings.extend(reach(&config.manager, known).await);
    findings
}

async fn gateway(config: &steading_gateway::Config) -> Vec<Finding> {
    let mut findings = ports(config.listen, config.control).await;
    findings.extend(folder(&config.state_dir));
    findings.push(files(open_files::gateway(config)));
    // it asks with the token each time
    findings.push(joins(config.token.is_some(), Known::No));
    let known =
        if steading_gateway::has_routes(&config.state_dir) { Known::Yes } else { Known::No };
    findings.extend(reach(&config.manager, known).await);
    findings
}

async fn ports(listen: SocketAddr, control: SocketAddr) -> Vec<Finding> {
    vec![port("listen", listen, control).await, port("control", control, control).await]
}

async fn port(key: &'static str, address: SocketAddr, control: SocketAddr) -> Finding {
    network::port(key, address, &probe::port(address, control).await)
}

fn folder(path: &Path) -> Vec<Finding> {
    let folder = probe::folder(path);
    vec![place::writable(&folder), place::space(&folder)]
}

fn files(wanted: u64) -> Finding {
    system::open_files(probe::open_files(), wanted)
}

/// A secret that cannot be used has its own words already.
fn joins(is_there: bool, known: Known) -> Finding {
    match secrets::read(secrets::JOIN_TOKEN) {
        Ok(_) => network::token(is_there, known),
        Err(failure) => unusable("join token", &failure),
    }
}

/// A secret of the manager, which can do without.
fn secret(check: &'static str, name: &str, otherwise: &str) -> Finding {
    match secrets::read(name) {
        Ok(Some(_)) => Finding::ok(check, "there"),
        Ok(None) => Finding::ok(check, format!("not in the environment: {otherwise}")),
        Err(failure) => unusable(check, &failure),
    }
}

fn unusable(check: &'static str, failure: &Failure) -> Finding {
    Finding::fail(check, failure.line(), "correct the variable or its file")
}

async fn reach(at: &Url, known: Known) -> Vec<Finding> {
    let (answer, skew) = probe::manager(at).await;
    let mut findings = vec![network::manager(at, &answer, known)];
    findings.extend(skew.map(|skew| network::clock(skew.ahead, skew.behind)));
    findings
}

/// What `steading store check` finds, in one line.
async fn store(config: &steading_manager::Config) -> Finding {
    const CHECK: &str = "store";
    let findings = match store_check(config).await {
        Ok(findings) => findings,
        Err(StoreToolError::Absent(path)) => {
            let found = format!("none yet at {}; the manager makes it", path.display());
            return Finding::ok(CHECK, found);
        }
        Err(error) => {
            let advice = "see `steading store check`, and docs/sql-server.md for a SQL Server";
            return Finding::fail(CHECK, format!("{:#}", anyhow::Error::from(error)), advice);
        }
    };
    let all = findings.iter().map(|finding| format!("{} {}", finding.what, finding.found));
    let found = all.collect::<Vec<_>>().join(", ");
    match findings.iter().map(|finding| finding.grade).max() {
        Some(Grade::Bad) => Finding::fail(
            CHECK,
            found,
            "run the newer release, or restore the backup from before the upgrade",
        ),
        Some(Grade::Odd) => {
            let advice = "set both clocks by the same time server; managers go by the store's";
            Finding::warn(CHECK, found, advice)
        }
        Some(Grade::Fine) | None => Finding::ok(CHECK, found),
    }
}
