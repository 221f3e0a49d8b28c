//! `wasi:logging` over the function's log. The log has four levels, the interface six: `trace` is debug and
//! `critical` is error.

use steading_protocol::proposal::LOGGING;
use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, Linker};

use super::State;
use crate::guest::log;

/// The interface's levels, in its order.
#[derive(ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "they are made from a component's number, which is checked")]
enum Level {
    #[component(name = "trace")]
    Trace,
    #[component(name = "debug")]
    Debug,
    #[component(name = "info")]
    Info,
    #[component(name = "warn")]
    Warn,
    #[component(name = "error")]
    Error,
    #[component(name = "critical")]
    Critical,
}

/// Level, context and message.
type Record = (Level, String, String);

pub(super) fn define(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    for name in LOGGING {
        let mut interface = linker.instance(name)?;
        interface.func_wrap(
            "log",
            |store: StoreContextMut<'_, State>, (level, context, message): Record| {
                let text =
                    if context.is_empty() { message } else { format!("{context}: {message}") };
                store.data().conduit.log.record(level.into(), text.as_bytes());
                Ok(())
            },
        )?;
    }
    Ok(())
}

impl From<Level> for log::Level {
    fn from(level: Level) -> Self {
        match level {
            Level::Trace | Level::Debug => Self::Debug,
            Level::Info => Self::Info,
            Level::Warn => Self::Warn,
            Level::Error | Level::Critical => Self::Error,
        }
    }
}
