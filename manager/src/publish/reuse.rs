//! Which modules an app may have whose manifest asks for the reuse of instances: components, one invocation at a time.
//! Pure.
//!
//! A 0.3 component could serve several at a time in one instance, and is refused that as well: wasmtime 48 does not
//! tell a host which of them calls it or computes. Log, processor time, deadline and outgoing requests would be
//! those of anyone, and the end of one that fails would be the end of all.

use steading_protocol::abi::COMMAND_EXPORT;
use steading_protocol::{HttpWorld, Reuse};

use super::module::Kind;

/// Why a module of this kind cannot be reused as is asked, for people; `name` is what messages call it.
pub(super) fn refused(reuse: Reuse, name: &str, kind: &Kind) -> Option<String> {
    let world = match kind {
        Kind::Native(_) => {
            return Some(format!(
                "grants.reuse is for components, and {name} is a native module: its invocations have a fresh instance \
                 each, which costs them next to nothing"
            ));
        }
        Kind::Program(COMMAND_EXPORT) => {
            return Some(format!(
                "grants.reuse is for components, and {name} is a command: a program that has ended cannot be called \
                 again"
            ));
        }
        Kind::Program(export) => export,
    };
    let concurrent = reuse.concurrent;
    if concurrent == 1 {
        return None;
    }
    let why = if *world == HttpWorld::Wasi02.export() {
        format!("{name} is of WASI 0.2, of which an instance takes one request at a time")
    } else {
        format!(
            "{name} is of WASI 0.3, and a worker could not tell the log, the processor time and the deadline of several \
             requests in one instance apart"
        )
    };
    Some(format!("grants.reuse.concurrent = {concurrent}: {why}; leave it out, or write 1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_reused_one_request_at_a_time_and_nothing_else_is() {
        let refused = |concurrent, kind| {
            super::refused(Reuse { concurrent, ..Reuse::default() }, "`x.wasm`", &kind)
        };
        let of = |world: HttpWorld| Kind::Program(world.export());
        assert_eq!(refused(1, of(HttpWorld::Wasi02)), None);
        assert_eq!(refused(1, of(HttpWorld::Wasi03)), None);
        for (concurrent, kind, part) in [
            (16, of(HttpWorld::Wasi02), "concurrent = 16: `x.wasm` is of WASI 0.2, of which"),
            (2, of(HttpWorld::Wasi03), "concurrent = 2: `x.wasm` is of WASI 0.3, and a worker"),
            (1, Kind::Native(vec![]), "`x.wasm` is a native module"),
            (1, Kind::Program(COMMAND_EXPORT), "`x.wasm` is a command"),
        ] {
            let text = refused(concurrent, kind).unwrap();
            assert!(text.contains(part), "{text}");
        }
    }
}
