//! The verbs, one file each: what it takes, and what it does with the parts of this crate.

pub(crate) mod build;
pub(crate) mod dev;
pub(crate) mod doctor;
pub(crate) mod gateway;
pub(crate) mod health;
pub(crate) mod invoke;
pub(crate) mod login;
pub(crate) mod manager;
pub(crate) mod new;
pub(crate) mod publish;
pub(crate) mod rollout;
pub(crate) mod service;
pub(crate) mod settings;
pub(crate) mod status;
pub(crate) mod store;
pub(crate) mod worker;

use crate::cli::Command;
use crate::exit::Failure;

/// Does what the command line says.
pub(crate) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Dev(args) => dev::run(args).await,
        Command::New(args) => new::run(&args),
        Command::Build(args) => build::run(args).await,
        Command::Publish(args) => publish::run(args).await,
        Command::Rollout(args) => rollout::roll_out(args).await,
        Command::Rollback(args) => rollout::roll_back(args).await,
        Command::Settings(args) => settings::run(args).await,
        Command::Invoke(args) => invoke::run(args).await,
        Command::Status(args) => status::run(args).await,
        Command::Login(args) => login::login(args).await,
        Command::Logout(args) => login::logout(args).await,
        Command::Doctor(args) => doctor::run(args).await,
        Command::Service(args) => service::run(args),
        Command::Health(args) => health::run(args).await,
        Command::Store(args) => store::run(args).await,
        Command::Manager(args) => manager::run(args).await,
        Command::Worker(args) => worker::run(args).await,
        Command::Gateway(args) => gateway::run(args).await,
    }
}
