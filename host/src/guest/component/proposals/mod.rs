//! Interfaces that are proposals for WASI, as toolchains use them today: thin, over the capabilities. A proposal is
//! linked under each of its names in [`steading_protocol::proposal`], of which most differ by the name alone; so the
//! functions are defined by hand, once, and not generated for each.
//!
//! Invariant: what is linked here is what the manager lets through, and both read the same list.

mod config;
mod keyvalue;
mod logging;

use wasmtime::component::{Linker, ResourceTable};

use super::{CALL_BYTES_MAX, State};

/// Defines all of them.
pub(super) fn define(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    config::define(linker)?;
    keyvalue::define(linker)?;
    logging::define(linker)
}

/// Whether there is something in the table that one invocation may hold only so many of.
pub(super) fn is_holding(table: &mut ResourceTable) -> bool {
    keyvalue::is_holding(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_manager_lets_through_is_linked() {
        let mut linker = Linker::new(&wasmtime::Engine::default());
        define(&mut linker).unwrap();
        for name in steading_protocol::proposal::all() {
            let (_, function) = [
                ("wasi:config/", "get"),
                ("wasi:logging/", "log"),
                ("wasi:keyvalue/store", "open"),
                ("wasi:keyvalue/atomics", "increment"),
                ("wasi:keyvalue/batch", "get-many"),
            ]
            .into_iter()
            .find(|(prefix, _)| name.starts_with(prefix))
            .unwrap_or_else(|| panic!("{name} is in no row"));
            let mut interface = linker.instance(name).unwrap();
            // what is there already cannot be defined again
            let again = interface.func_wrap(function, |_, (): ()| Ok(()));
            assert!(again.is_err(), "{name} has no `{function}`");
        }
    }
}
