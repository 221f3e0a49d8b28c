//! The gateway role: one address for callers in front of many workers.
//!
//! A request's journey: [`steading_server`] accepts the connection and bounds it -> [`service`] looks at
//! the head, and [`steading_router`] finds the app -> [`forward`] makes the head that a worker gets ->
//! [`balance`] picks a worker -> [`upstream`] holds its connections and counts what fails -> [`exchange`]
//! sends the request and drives the reply, within the task of the caller's connection. Beside that line,
//! [`routes`] pulls from the manager which workers have what ready, and keeps it for the next start.
//!
//! What is absent: no module, no database, no opinion on who may call, which is the worker's. Invariant:
//! no request reaches two workers unless the first surely did nothing with it, or its method says that
//! twice is as good as once.

mod config;
mod gateway;
mod trust;

mod routes;

mod service;

mod balance;
mod forward;
mod resend;

mod exchange;
mod line;
mod reply;
mod upstream;
mod verdict;

mod metrics;
mod problem;

pub use config::{Config, ConfigError, UpstreamConfig};
pub use gateway::{Gateway, StartError};
pub use routes::has_routes;
pub use steading_server::ServerConfig;
pub use trust::{InvalidNetwork, Network};
