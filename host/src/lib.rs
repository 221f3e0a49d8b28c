//! The worker role: serves the functions that the manager places here, each invocation in a fresh
//! sandbox unless its app asks for less.
//!
//! An invocation's journey is a straight line: [`steading_server`] accepts a connection and bounds it, [`service`]
//! takes the request, [`steading_router`] finds the function (pure), [`auth`] asks whether the caller may, [`admission`]
//! hands out a permit, [`invoke`] runs it and is the one place that records an invocation, [`guest`] speaks the
//! module's ABI, and [`engine`] gives the instance from its pool, or [`idle`] has one for an app that reuses its own.
//! What a guest reaches outside of its sandbox is a [`capability`], granted to its version. Beside that line,
//! [`desired`] pulls the wanted state from the manager, gets every module compiled, and swaps the route table, and
//! [`availability`] says when calls are taken at all.
//!
//! What is absent: no database, no scheduling, no opinion on what should run here. Invariant: a
//! request never waits for a module to be fetched or compiled; what is in the route table is loaded.

mod admission;
mod auth;
mod availability;
mod capability;
mod capacity;
mod caps;
mod ceilings;
mod config;
mod control;
mod desired;
mod engine;
mod guest;
mod idle;
mod invoke;
mod metrics;
mod problem;
mod resident;
mod runtime;
mod service;
mod shelf;
mod start_error;
mod worker;

pub use availability::{AvailabilityConfig, InvalidWindow, Windows};
pub use capability::{DirectoryConfig, DirectoryError, OutboundConfig, ProviderError};
pub use capacity::{Bound, CapacityConfig, FitError, Memory, Sizing, try_pool};
pub use caps::{CapError, CapsConfig, CapsConfigError};
pub use ceilings::{CeilingsConfig, CeilingsError};
pub use config::{Config, ConfigError};
pub use desired::has_joined;
pub use engine::{EngineConfig, EngineError, MemoryReset};
pub use runtime::runtime;
pub use start_error::StartError;
pub use steading_server::{ServerConfig, ServerConfigError};
pub use worker::Worker;

/// What the benchmarks measure from the inside; not an interface for anyone else.
#[doc(hidden)]
pub mod bench {
    pub use crate::guest::native::bench::Sandbox;
}
