//! `steading dev`: both roles in one process on an embedded store, and the app of one folder built
//! and published again at every save.
//!
//! Not another way to run things: the app goes over loopback HTTP through the same publish and
//! rollout as anywhere else, so what works here works there.
//!
//! Invariant: whatever is wrong with the sources, the last version that worked goes on answering.

mod announce;
mod roles;

use std::path::{Path, PathBuf, absolute};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use steading_protocol::api::PublishReply;

use self::announce::Announcement;
use self::roles::{Ports, Roles};
use crate::build::{self, Project};
use crate::client::{Client, PublishWish};
use crate::deploy;
use crate::dev_state::{self, DevState};
use crate::exit::{Exit, Failure};
use crate::rollout::{self, Rollout};
use crate::watch::Watch;
use crate::{signals, terminal};

/// Warnings of the roles, and what the functions themselves write.
pub(crate) const DEFAULT_LOG: &str = "warn,steading::guest=info,wasmtime_wasi=error";
/// A worker in this very process compiles a module in seconds; more means that something is stuck.
const READY_MAX: Duration = Duration::from_secs(120);

const EXAMPLES: &str = "\
DIR is a cargo package, or a folder with a steading.toml and either a build command in it or \
finished .wasm modules; FILE is one finished module or package. A version that does not compile \
is reported and changes nothing: the one before goes on answering, and no request is lost when a \
new one takes over.

Examples:
  steading dev                        the app in this folder
  steading dev examples/orders
  steading dev wordcount.wasm         any program for wasm32-wasip1, at /api/
  steading dev markdown.wasm          any component of wasi:http, at /api/
  steading dev --worker-port 8080

While it runs, `steading status`, `steading invoke` and the others need no login in the folder where \
it was started. Apps that were published there before are served again. To start afresh, stop it and \
remove .steading.";

/// Run an app on this machine, and build and publish it again at every save
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DevArgs {
    /// The app's folder, or a finished .wasm or .zip
    #[arg(value_name = "DIR|FILE", default_value = ".")]
    dir: PathBuf,
    #[command(flatten)]
    ports: Ports,
    /// Where everything is kept
    #[arg(long, value_name = "DIR", default_value = dev_state::DEFAULT_FOLDER)]
    state: PathBuf,
}

/// Runs the command.
pub(crate) async fn run(args: DevArgs) -> Result<(), Failure> {
    Project::open(&args.dir).await?;
    let state = DevState::claim(&args.state)?;
    let stop = signals::shutdown()?;
    let roles = Roles::start(&args.ports, &args.state).await?;
    state.announce(&roles.access)?;
    let outcome = tokio::select! {
        outcome = develop(&args, &roles) => outcome,
        () = stop.cancelled() => Ok(()),
        () = roles.ended() => Ok(()),
    };
    terminal::remark("stopping");
    let stopped = roles.stop().await;
    outcome.and(stopped)
}

/// Builds and publishes now and after every change; ends only when it cannot go on.
async fn develop(args: &DevArgs, roles: &Roles) -> Result<(), Failure> {
    let client = Client::new(roles.access.manager.clone(), Some(roles.access.token.clone()))?;
    roles.joined(&client).await?;
    let mut watch = watch(args).await?;
    let mut announcement = Announcement::new(&args.dir, &roles.sign_in_url);
    loop {
        let start = Instant::now();
        match renew(&args.dir, &client).await {
            Ok(reply) => {
                let functions = client.functions(&reply.app).await?;
                terminal::print(announcement.of(&reply, &functions, start.elapsed()))?;
            }
            Err(failure) => {
                terminal::remark(format!("error: {}", failure.line()));
                terminal::remark(format!("waiting for a change in {}", args.dir.display()));
            }
        }
        watch.changed().await;
    }
}

async fn watch(args: &DevArgs) -> Result<Watch, Failure> {
    let project = Project::open(&args.dir).await?;
    let state = absolute(&args.state).context("cannot resolve --state")?;
    let written = project.written().into_iter().chain([state]).collect();
    Ok(Watch::start(project.source(), written)?)
}

/// From the sources as they are now to a version that the worker serves.
async fn renew(dir: &Path, client: &Client) -> Result<PublishReply, Failure> {
    // Opened anew each time: the change may have been one of Cargo.toml.
    let built = build::build(&Project::open(dir).await?, None).await?;
    // what the developer's own manifest asks for is what the developer wants
    let wish = PublishWish { default: true, percent: 100, allow_new_grants: true };
    let reply = deploy::publish(client, &built, wish).await?;
    match rollout::wait(client, &reply.app, reply.version, READY_MAX).await? {
        Rollout::Settled(outcomes) => match outcomes.into_iter().find_map(|o| o.failure) {
            None => Ok(reply),
            Some(why) => {
                let message = format!("{} {} cannot be loaded: {why}", reply.app, reply.version);
                Err(Failure::new(Exit::Data, message))
            }
        },
        Rollout::Stopped(why) => {
            let message = format!("{} {} cannot be loaded: {why}", reply.app, reply.version);
            Err(Failure::new(Exit::Data, message))
        }
        Rollout::NoWorkers => Err(Failure::new(Exit::Other, "the worker has been lost")),
        Rollout::Waiting(_) | Rollout::Superseded(_) => Ok(reply),
    }
}
