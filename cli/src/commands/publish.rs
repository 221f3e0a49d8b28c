//! `steading publish`: builds where there is something to build, uploads, and waits for the workers.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use steading_protocol::api::{Function, PublishReply};
use steading_protocol::{AppName, Trigger, VersionNumber};

use super::build::methods;
use crate::build::{self, Built, Project};
use crate::client::{Client, PublishWish};
use crate::deploy;
use crate::exit::{Exit, Failure};
use crate::rollout::{self, Outcome, Rollout};
use crate::session::ManagerArgs;
use crate::terminal;

const EXAMPLES: &str = "\
The new version takes over when every worker that is to serve it has loaded it, and no request is \
lost; if one cannot, the previous version stays. Publishing the same package again changes nothing. While the manager cannot be reached, \
publishing is tried again for about twelve seconds.

Examples:
  steading publish                              build and publish the app in this folder
  steading publish examples/orders --default    and make it the one that /api/... leads to
  steading publish --percent 10                 try it on a tenth of the calls first
  steading publish shop.wasm --app shop         a finished module of any language";

/// Publish an app and wait until the workers serve it
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct PublishArgs {
    /// A folder to build, or a finished .wasm or .zip
    #[arg(value_name = "DIR|FILE", default_value = ".")]
    source: PathBuf,
    /// The name to publish under [default: that of steading.toml, the package or the file]
    #[arg(long, value_name = "NAME")]
    app: Option<AppName>,
    /// Make it the default app, the first that /api/... leads to
    #[arg(long)]
    default: bool,
    /// Its share of the app's calls, percent; the version in service answers the rest
    #[arg(long, value_name = "1-100", default_value_t = 100,
        value_parser = clap::value_parser!(u8).range(1..=100))]
    percent: u8,
    /// Let it reach what the version before could not, such as a key-value store, a setting, or another
    /// host
    #[arg(long)]
    allow_new_grants: bool,
    /// Do not wait for the workers
    #[arg(long)]
    no_wait: bool,
    /// How long to wait for the workers
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    timeout: u64,
    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    manager: ManagerArgs,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    app: &'a AppName,
    version: VersionNumber,
    created: bool,
    workers: Vec<WorkerReport<'a>>,
    functions: &'a [Function],
}

#[derive(Serialize)]
struct WorkerReport<'a> {
    worker_name: &'a str,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

/// Runs the command.
pub(crate) async fn run(args: PublishArgs) -> Result<(), Failure> {
    // First of all, so that nobody waits for a compiler only to hear that they are not signed in.
    let client = args.manager.connect()?;
    let built = package(&args.source, args.app.as_ref()).await?;
    let PublishArgs { default, percent, allow_new_grants, .. } = args;
    let wish = PublishWish { default, percent, allow_new_grants };
    let reply = deploy::publish(&client, &built, wish).await?;
    if !args.json {
        let word = if reply.created { "published" } else { "unchanged:" };
        terminal::line(format!("{word} {} {}", reply.app, reply.version))?;
        for grant in reply.grants.lines() {
            terminal::line(format!("  granted: {grant}"))?;
        }
    }
    let rollout = match args.no_wait {
        true => None,
        false => {
            let limit = Duration::from_secs(args.timeout);
            Some(rollout::wait(&client, &reply.app, reply.version, limit).await?)
        }
    };
    report(&client, &reply, rollout.as_ref(), args.json).await?;
    rollout.map_or(Ok(()), |rollout| judge(&reply, &rollout))
}

async fn package(source: &Path, app: Option<&AppName>) -> Result<Built, Failure> {
    build::build(&Project::open(source).await?, app).await
}

async fn report(
    client: &Client,
    reply: &PublishReply,
    rollout: Option<&Rollout>,
    json: bool,
) -> Result<(), Failure> {
    // Asked again, because a worker that has joined meanwhile has a URL to show.
    let functions = client.functions(&reply.app).await?;
    let workers: Vec<_> = match rollout {
        Some(Rollout::Settled(outcomes)) => outcomes.iter().map(worker_report).collect(),
        _ => vec![],
    };
    if json {
        let (app, version, created) = (&reply.app, reply.version, reply.created);
        let report = Report { app, version, created, workers, functions: &functions };
        return Ok(terminal::json(&report)?);
    }
    let text = rollout_text(rollout, &workers);
    Ok(terminal::print(format!("{text}\n{}", function_table(&functions)))?)
}

fn rollout_text(rollout: Option<&Rollout>, workers: &[WorkerReport<'_>]) -> String {
    match rollout {
        Some(Rollout::NoWorkers) => {
            "no worker is there that may run it; those that join load it\n".to_owned()
        }
        Some(Rollout::Stopped(why)) => format!("stopped, the version before it stays: {why}\n"),
        Some(Rollout::Superseded(newer)) => format!("version {newer} has come after it\n"),
        Some(Rollout::Settled(_)) => {
            let row = |worker: &WorkerReport<'_>| {
                [worker.state, worker.worker_name, worker.detail.unwrap_or_default()]
                    .map(str::to_owned)
            };
            let rows: Vec<_> = workers.iter().map(row).collect();
            format!("\n{}", terminal::table(["STATE", "WORKER", "DETAIL"], &rows))
        }
        Some(Rollout::Waiting(_)) | None => String::new(),
    }
}

fn worker_report(outcome: &Outcome) -> WorkerReport<'_> {
    let state = if outcome.failure.is_none() { "ready" } else { "failed" };
    WorkerReport { worker_name: &outcome.worker, state, detail: outcome.failure.as_deref() }
}

/// The functions with where they answer.
pub(crate) fn function_table(functions: &[Function]) -> String {
    let rows: Vec<_> = functions
        .iter()
        .map(|function| {
            let Trigger::Http(http) = &function.spec.trigger;
            let url =
                function.urls.first().cloned().unwrap_or_else(|| format!("/api/{}", http.route));
            [function.spec.name.to_string(), methods(http), url]
        })
        .collect();
    terminal::table(["FUNCTION", "METHODS", "URL"], &rows)
}

fn judge(reply: &PublishReply, rollout: &Rollout) -> Result<(), Failure> {
    let (app, version) = (&reply.app, reply.version);
    let outcomes = match rollout {
        Rollout::Settled(outcomes) => outcomes,
        Rollout::Stopped(why) => {
            let message =
                format!("{app} {version} was stopped, the version before it stays: {why}");
            return Err(Failure::new(Exit::Data, message));
        }
        _ => return Ok(()),
    };
    let failed = outcomes.iter().filter(|outcome| outcome.failure.is_some()).count();
    if failed == 0 {
        return Ok(());
    }
    let all = outcomes.len();
    let message = format!("{app} {version} could not be loaded by {failed} of {all} workers");
    Err(Failure::new(Exit::Data, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_one_worker_cannot_load_is_bad_data() {
        let reply = PublishReply {
            app: "a".parse().unwrap(),
            version: VersionNumber(3),
            created: true,
            grants: steading_protocol::Grants::default(),
            functions: vec![],
        };
        let ready = Outcome { worker: "one".into(), failure: None };
        let failed = Outcome { worker: "two".into(), failure: Some("too large".into()) };
        assert!(judge(&reply, &Rollout::Settled(vec![ready.clone()])).is_ok());
        assert!(judge(&reply, &Rollout::NoWorkers).is_ok());
        let failure = judge(&reply, &Rollout::Settled(vec![ready, failed])).unwrap_err();
        assert_eq!(failure.code(), 65);
        assert_eq!(failure.line(), "a 3 could not be loaded by 1 of 2 workers");
    }
}
