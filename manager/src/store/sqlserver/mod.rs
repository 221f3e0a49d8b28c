//! The store on SQL Server, for any number of managers, through the driver `tiberius`.
//!
//! One file per resource holds the statements, `methods` gives each method of the trait its lane, and
//! this one opens the store. `lanes` is the way there and back: the pool, transactions, the one writer
//! lane, deadlines, and what is repeated; `fault` decides what may be. No type of the driver leaves
//! this folder.
//!
//! The T-SQL is what any TDS server runs: no `MERGE`, no lock hints, no updatable CTEs, no `UPDATE`
//! from a join; parameters are typed, text is `nvarchar`. docs/sql-server.md says more, and what was
//! run against what.
//!
//! TLS is the rustls of everything else here, with the process's own provider, ring. The driver's
//! feature for it also compiles in rustls's other provider, aws-lc, which nothing uses; its other
//! features would bring OpenSSL. The pool is deadpool and not bb8, because it hands the error of a
//! failed login to whoever asked for a connection and not to a log.

mod app_data;
mod methods;

mod ado;
mod connector;
mod create;
mod fault;
mod lanes;
mod migrate;
mod row;
mod target;
mod turns;
mod tx;

mod check;
mod fill;

mod app;
mod app_setting;
mod change;
mod desired;
mod kv;
mod lease;
mod module;
mod placement;
mod plan;
mod rollout;
mod session;
mod setting;
mod token;
mod version;
mod wanted;
mod worker;

#[cfg(test)]
mod tests;

use std::sync::Arc;

#[cfg(test)]
pub(crate) use self::migrate::MIGRATIONS;
pub(crate) use self::target::Target;

use self::lanes::{Lanes, Limits, failed};
use self::turns::Turns;
use super::Result;

/// The store on SQL Server.
pub(crate) struct SqlServer {
    lanes: Lanes,
    /// For what functions ask for.
    functions: Lanes,
    turns: Turns,
    target: Arc<Target>,
}

impl SqlServer {
    /// Opens the store, making the database when it is not there, and its tables.
    pub(crate) async fn open(target: Target) -> Result<Self> {
        if target.trusting {
            let server = &target.server;
            tracing::warn!(server, "the SQL Server's certificate is taken without a look");
        }
        create::database(&target).await.map_err(failed("open"))?;
        let target = Arc::new(target);
        migrate::run(&Lanes::new(Arc::clone(&target), migrate::LIMITS), &target).await?;
        Ok(Self::on(target, Limits::default()))
    }

    /// Over a database with all its tables.
    fn on(target: Arc<Target>, limits: Limits) -> Self {
        let lanes = Lanes::new(Arc::clone(&target), limits);
        let functions = Lanes::of_functions(Arc::clone(&target), limits);
        Self { lanes, functions, turns: Turns::default(), target }
    }
}
