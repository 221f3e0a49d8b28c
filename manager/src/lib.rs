//! Steading's management role: portal, JSON API, publishing, and telling workers what to serve.
//!
//! A request's journey: `server` accepts the connection (caps, header timeout, drain) -> `router`
//! sends it through `trace` (its id, the bodies of errors) and `gate`, which decides who may pass,
//! how long it may take and how much it may send, from one table with strict defaults -> `api/*` or
//! `portal/*` answers from the `store`.
//!
//! A package's journey: bytes -> `publish` (unpack, validate, read the functions, apply the
//! manifest) -> one store transaction -> `schedule` (pure: apps + workers -> who serves what) ->
//! a new generation for each worker it touches -> the workers' long polls wake and fetch.
//! Gateways hear from `routes` what is ready where. `reconcile` repeats the last steps every second, so
//! a missed wake-up costs a second and nothing else.
//!
//! This crate never imports the worker and never runs a module. One invariant: what the API has
//! acknowledged is on disk.

mod config;
mod data_dir;
mod start;

mod router;
mod server;
mod trace;

mod gate;

mod api;
mod auth;
mod portal;

mod health;

mod publish;

mod reconcile;
mod routes;
mod schedule;

mod state;
mod store;

mod clock;
mod error;
mod secrets;

/// What the benchmarks measure from the inside; not an interface for anyone else.
#[doc(hidden)]
pub mod bench;

pub use config::Config;
pub use data_dir::DataDirError;
pub use start::{LocalAccess, LocalAccessError, Manager, RunError, StartError};
pub use store::{
    Copied, Finding, Grade, StoreLocation, StoreLocationInvalid, StoreToolError, store_check,
    store_copy,
};
