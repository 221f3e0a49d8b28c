//! The contract on a real TDS server, and the driver's edge against one that misbehaves on purpose.
//!
//! The first takes `STEADING_TEST_SQLSERVER`, a connection string of a login that may create
//! databases; without it those tests print that they are skipped, and why. Each makes a database of
//! its own, with a random name, and drops it. docs/sql-server.md says how to run them.

mod app_data;
mod double;
mod moves;
mod server;
mod tds;
