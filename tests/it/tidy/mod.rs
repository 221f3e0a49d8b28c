//! The rules of the repository that a compiler does not check: which crate may know which
//! ([`edges`]), how long things may grow and what every file owes its reader ([`text`]), and that the
//! docs name what can be configured ([`docs`]).

mod docs;
mod edges;
mod text;
