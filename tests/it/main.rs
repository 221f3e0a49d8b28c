//! The end-to-end tests: the real binary's parts over real sockets, and the rules of the repository.
//! Everything that starts, asks or measures is in the library `steading-tests`; here stands only
//! what is expected.

mod bad_input;
mod capabilities;
mod ceilings;
mod cluster;
mod commands;
mod components;
mod deploy;
mod dev;
mod edge;
mod faults;
mod files;
mod gateway;
mod guests;
mod operate;
mod outbound;
mod overload;
mod portal;
mod publish;
mod scale;
mod setup;
mod streaming;
mod tidy;
mod toolchains;
mod versions;
mod wine;
mod worker;
