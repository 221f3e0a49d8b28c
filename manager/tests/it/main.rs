//! The management role end to end: a real manager on a real socket, with a double where a worker
//! would be.

#![allow(clippy::unwrap_used)] // a test may fail

mod guest;
mod harness;
mod health;

mod app_data;
mod auth;
mod errors;
mod full;
mod invoke;
mod portal;
mod publish;
mod restart;
mod routes;
mod scale;
mod workers;
