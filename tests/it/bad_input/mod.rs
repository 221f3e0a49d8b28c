//! Bad input gets a clear answer, and what was there before goes on: on the manager's API
//! ([`api`]) and on the command line ([`command_line`]).

mod api;
mod command_line;
