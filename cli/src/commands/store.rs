//! `steading store`: looks at a manager's store, and moves an installation from the embedded one to SQL
//! Server. What is looked at and moved is the manager crate's business.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use steading_manager::{Config, StoreLocation, StoreToolError, store_check, store_copy};

use crate::exit::{Exit, Failure, OrExit as _};
use crate::{config, secrets, terminal};

const EXAMPLES: &str = "\
Examples:
  steading store check --store sqlite:/var/lib/steading/manager
  STEADING_STORE_CONNECTION_FILE=/run/secrets/store steading store check --store sqlserver:
  steading store copy --from sqlite:/var/lib/steading/manager --to sqlserver:

The connection string of a SQL Server comes from the environment, from STEADING_STORE_CONNECTION, or \
from the file that STEADING_STORE_CONNECTION_FILE names.";

/// Look at a manager's store, or move it to SQL Server
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct StoreArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Say whether a manager can use a store, and what is in it; changes nothing
    #[command(after_help = EXAMPLES)]
    Check {
        /// The configuration of the manager, a TOML file; flags win over it
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// The store: `sqlite:PATH` or `sqlserver:` [default: that of the configuration]
        #[arg(long, value_name = "STORE")]
        store: Option<StoreLocation>,
    },
    /// Copy everything to a SQL Server that has no installation yet, and compare it
    #[command(after_help = EXAMPLES)]
    Copy {
        /// The configuration of the manager, a TOML file, for its `store_ca_file`
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// The store to copy, whose manager has been stopped: `sqlite:PATH`
        #[arg(long, value_name = "STORE")]
        from: StoreLocation,
        /// The store to fill: `sqlserver:`
        #[arg(long, value_name = "STORE")]
        to: StoreLocation,
    },
}

/// Runs the command.
pub(crate) async fn run(args: StoreArgs) -> Result<(), Failure> {
    match args.action {
        Action::Check { config, store } => {
            let mut config: Config = config::load(config.as_deref())?;
            config.store = store.or(config.store);
            config.store_connection = secrets::read(secrets::STORE_CONNECTION)?;
            check(&config).await
        }
        Action::Copy { config, from, to } => {
            let (StoreLocation::Sqlite(from), StoreLocation::SqlServer) = (from, &to) else {
                let message = "a store is copied --from sqlite:PATH --to sqlserver:";
                return Err(Failure::new(Exit::Usage, message));
            };
            let mut config: Config = config::load(config.as_deref())?;
            config.store_connection = secrets::read(secrets::STORE_CONNECTION)?;
            let spinner = terminal::spinner("copying");
            let copied = store_copy(&config, &from).await;
            spinner.finish_and_clear();
            let rows = copied.map_err(failure)?.into_iter().map(|c| [c.table, c.rows.to_string()]);
            let table = terminal::table(["COPIED AND COMPARED", "ROWS"], &rows.collect::<Vec<_>>());
            Ok(terminal::print(table)?)
        }
    }
}

async fn check(config: &Config) -> Result<(), Failure> {
    let findings = store_check(config).await.map_err(failure)?;
    let rows = findings.into_iter().map(|finding| [finding.what.to_owned(), finding.found]);
    Ok(terminal::print(terminal::table(["STORE", "FOUND"], &rows.collect::<Vec<_>>()))?)
}

/// A store that is not there is what was given; anything else is out of reach or in the way.
fn failure(error: StoreToolError) -> Failure {
    let exit = match &error {
        StoreToolError::Absent(_) | StoreToolError::Running(_) => Exit::Usage,
        StoreToolError::Differs(_) => Exit::Data,
        StoreToolError::Failed { .. } => Exit::Other,
    };
    let failed: Result<(), _> = Err(error);
    failed.or_exit(exit).expect_err("it was made of an error")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(path: &str) -> StoreLocation {
        path.parse().unwrap()
    }

    async fn refused(action: Action) -> Failure {
        run(StoreArgs { action }).await.unwrap_err()
    }

    #[tokio::test]
    async fn only_the_way_to_sql_server_is_offered() {
        let (from, to) = (store("sqlserver:"), store("sqlite:x"));
        let failure = refused(Action::Copy { config: None, from, to }).await;
        assert_eq!(failure.code(), 64);
        assert!(failure.line().contains("--from sqlite:PATH --to sqlserver:"));
    }

    #[tokio::test]
    async fn a_store_that_is_not_there_is_named() {
        let absent = Some(store("sqlite:/does/not/exist"));
        let failure = refused(Action::Check { config: None, store: absent }).await;
        assert_eq!(failure.line(), "there is no store at /does/not/exist");
        assert_eq!(failure.code(), 64);
    }

    #[tokio::test]
    async fn a_server_without_a_connection_string_says_where_it_belongs() {
        let server = Some(store("sqlserver:"));
        let failure = refused(Action::Check { config: None, store: server }).await;
        assert!(failure.line().contains("STEADING_STORE_CONNECTION"), "{}", failure.line());
    }
}
