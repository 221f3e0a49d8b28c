//! `steading rollout` and `steading rollback`: which version of an app is in service, and for how many
//! of its calls. Both wait until the workers have done what was asked, and say how long that took.

use std::time::Duration;

use clap::Args;
use steading_protocol::api::{App, RolloutRequest, Status, Worker, WorkerState};
use steading_protocol::{AppName, VersionNumber};
use tokio::time::{Instant, sleep};

use crate::client::Client;
use crate::exit::{Exit, Failure};
use crate::rollout::{self, Rollout};
use crate::session::ManagerArgs;
use crate::terminal;

const ROLLOUT_EXAMPLES: &str = "\
The version takes over when every worker that is to serve it has it ready; if one cannot load it, the \
roll-out stops and the version in service stays.

Examples:
  steading rollout orders 7 --percent 10    a tenth of the calls go to version 7
  steading rollout orders 7                 version 7 answers them all
  steading rollout orders --end             the version in service answers them all";

const ROLLBACK_EXAMPLES: &str = "\
Workers keep the code of the last versions, so this takes no longer than telling them.

Examples:
  steading rollback orders           the version before the one in service
  steading rollback orders --to 3    version 3";

/// How often the manager is asked how far it is.
const POLL: Duration = Duration::from_millis(20);

/// Bring a version of an app into service, for all of its calls or a share
#[derive(Debug, Args)]
#[command(after_help = ROLLOUT_EXAMPLES)]
pub(crate) struct RolloutArgs {
    /// The app
    #[arg(value_name = "APP")]
    app: AppName,
    /// The version
    #[arg(value_name = "VERSION", required_unless_present = "end", conflicts_with = "end")]
    version: Option<u32>,
    /// Its share of the app's calls, percent
    #[arg(long, value_name = "1-100", default_value_t = 100,
        value_parser = clap::value_parser!(u8).range(1..=100), conflicts_with = "end")]
    percent: u8,
    /// End a roll-out instead
    #[arg(long)]
    end: bool,
    /// How long to wait for the workers
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    timeout: u64,
    #[command(flatten)]
    manager: ManagerArgs,
}

/// Go back to an earlier version of an app, at once
#[derive(Debug, Args)]
#[command(after_help = ROLLBACK_EXAMPLES)]
pub(crate) struct RollbackArgs {
    /// The app
    #[arg(value_name = "APP")]
    app: AppName,
    /// The version [default: the one before the version in service]
    #[arg(long, value_name = "VERSION")]
    to: Option<u32>,
    /// How long to wait for the workers
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    timeout: u64,
    #[command(flatten)]
    manager: ManagerArgs,
}

/// Runs `steading rollout`.
pub(crate) async fn roll_out(args: RolloutArgs) -> Result<(), Failure> {
    let client = args.manager.connect()?;
    let Some(version) = args.version.map(VersionNumber) else {
        client.rollout_end(&args.app).await?;
        return Ok(terminal::line(format!("the roll-out of {} has ended", args.app))?);
    };
    let wish = RolloutRequest { version, percent: args.percent };
    client.rollout(&args.app, wish).await?;
    let limit = Duration::from_secs(args.timeout);
    match rollout::wait(&client, &args.app, version, limit).await? {
        Rollout::Stopped(why) => Err(Failure::new(
            Exit::Data,
            format!("{} {version} was stopped, the version in service stays: {why}", args.app),
        )),
        _ => Ok(terminal::line(format!(
            "{} {version} answers {} % of the calls",
            args.app, args.percent
        ))?),
    }
}

/// Runs `steading rollback`.
pub(crate) async fn roll_back(args: RollbackArgs) -> Result<(), Failure> {
    let client = args.manager.connect()?;
    let began = Instant::now();
    let app = client.rollback(&args.app, args.to.map(VersionNumber)).await?;
    let acknowledged = acknowledged(&client, &app, Duration::from_secs(args.timeout)).await?;
    let ms = began.elapsed().as_millis();
    let workers = match acknowledged {
        0 => "no worker is live; those that come load it".to_owned(),
        1 => format!("acknowledged by 1 worker after {ms} ms"),
        count => format!("acknowledged by {count} workers after {ms} ms"),
    };
    Ok(terminal::line(format!("{} {} is in service: {workers}", app.app, app.version))?)
}

/// Waits until the live workers have applied what they are told of the app; returns how many have it.
async fn acknowledged(client: &Client, app: &App, limit: Duration) -> Result<usize, Failure> {
    let end = Instant::now() + limit;
    loop {
        let status = client.status().await?;
        let missing = match told(&status, app) {
            true => behind(&status),
            false => vec!["the manager".to_owned()],
        };
        if missing.is_empty() {
            return Ok(status.placements.iter().filter(|p| serves(p, app)).count());
        }
        if Instant::now() >= end {
            let (names, limit) = (missing.join(", "), limit.as_secs());
            let message = format!(
                "{} {} is told, but after {limit} s not by all: waiting for {names}",
                app.app, app.version
            );
            return Err(Failure::new(Exit::Other, message));
        }
        sleep(POLL).await;
    }
}

fn serves(placement: &steading_protocol::api::Placement, app: &App) -> bool {
    placement.app == app.app
        && placement.version == app.version
        && placement.percent.is_some_and(|percent| percent > 0)
}

/// Whether the workers' desired states name the version: no other one of the app is called any more.
fn told(status: &Status, app: &App) -> bool {
    let of_app = status.placements.iter().filter(|p| p.app == app.app);
    let mut called = of_app.filter(|p| p.percent.is_some_and(|percent| percent > 0));
    called.all(|placement| placement.version == app.version)
}

/// The live workers that have not applied what they are told.
fn behind(status: &Status) -> Vec<String> {
    let behind =
        |worker: &&Worker| worker.state == WorkerState::Live && worker.applied < worker.generation;
    status.workers.iter().filter(behind).map(|worker| worker.name.clone()).collect()
}
