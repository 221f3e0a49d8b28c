//! Which request leads to which workers: pulled from the manager ([`follow`]), made into a table
//! ([`table`]), and kept on disk for a start without a manager ([`keep`]).
//!
//! Invariant: a table is never changed once made; a new one takes its place, with the connections of the
//! workers that are still there.

mod follow;
mod keep;
mod table;

use std::sync::Arc;

use arc_swap::ArcSwap;

pub(crate) use follow::{Follower, Link};
pub(crate) use keep::Kept;
pub use keep::has_routes;
pub(crate) use table::{Table, TableMaker, Target};

/// The routes of a gateway, swapped whole.
pub(crate) type Routes = Arc<ArcSwap<Table>>;
