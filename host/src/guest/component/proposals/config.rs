//! `wasi:config` over the app's settings: those that its manifest names. What was `runtime` once is the same two
//! functions under another name.

use steading_protocol::proposal::CONFIG;
use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Linker, Lower};

use super::State;
use crate::capability::Settings;

/// What the interface says when a value cannot be had.
#[derive(ComponentType, Lower)]
#[component(variant)]
#[expect(dead_code, reason = "settings are in memory; the interface has the cases all the same")]
enum Error {
    #[component(name = "upstream")]
    Upstream(String),
    #[component(name = "io")]
    Io(String),
}

pub(super) fn define(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    for name in CONFIG {
        let mut interface = linker.instance(name)?;
        interface.func_wrap("get", |store: StoreContextMut<'_, State>, (key,): (String,)| {
            Ok((get(&store.data().capabilities.settings, &key),))
        })?;
        interface.func_wrap("get-all", |store: StoreContextMut<'_, State>, (): ()| {
            Ok((get_all(&store.data().capabilities.settings),))
        })?;
    }
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "the interface has it so")]
fn get(settings: &Settings, key: &str) -> Result<Option<String>, Error> {
    Ok(settings.get(key).map(str::to_owned))
}

#[expect(clippy::unnecessary_wraps, reason = "the interface has it so")]
fn get_all(settings: &Settings) -> Result<Vec<(String, String)>, Error> {
    Ok(settings.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}
