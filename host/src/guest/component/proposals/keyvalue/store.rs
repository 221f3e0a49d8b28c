//! `wasi:keyvalue/store`. A store that was not granted is told to the function's log as well: the component may keep
//! it to itself.

use steading_protocol::kv::KvRefusal;
use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, LinkerInstance, Lower, Resource};

use super::{Bucket, Error, State, Told, resource};
use crate::guest::log::Level;

/// The bucket of a call.
type This = Resource<Bucket>;

/// Keys, and from where to go on.
#[derive(ComponentType, Lower)]
#[component(record)]
struct Keys {
    keys: Vec<String>,
    cursor: Option<String>,
}

/// Keys, and from which number to go on.
#[derive(ComponentType, Lower)]
#[component(record)]
struct NumberedKeys {
    keys: Vec<String>,
    cursor: Option<u64>,
}

/// Defines what both drafts have.
pub(super) fn define(interface: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    resource::<Bucket>(interface, "bucket")?;
    interface.func_wrap("open", open)?;
    interface.func_wrap_async(
        "[method]bucket.get",
        |store: StoreContextMut<'_, State>, (bucket, key): (This, String)| {
            Box::new(async move { Ok((of(&store, &bucket)?.get(&key).await,)) })
        },
    )?;
    interface.func_wrap_async(
        "[method]bucket.set",
        |store: StoreContextMut<'_, State>, (bucket, key, value): (This, String, Vec<u8>)| {
            Box::new(async move { Ok((of(&store, &bucket)?.set(&key, &value).await,)) })
        },
    )?;
    interface.func_wrap_async(
        "[method]bucket.delete",
        |store: StoreContextMut<'_, State>, (bucket, key): (This, String)| {
            Box::new(async move { Ok((of(&store, &bucket)?.delete(&key).await,)) })
        },
    )?;
    interface.func_wrap_async(
        "[method]bucket.exists",
        |store: StoreContextMut<'_, State>, (bucket, key): (This, String)| {
            Box::new(async move {
                let found = of(&store, &bucket)?.get(&key).await;
                Ok((found.map(|value| value.is_some()),))
            })
        },
    )
}

/// Defines the list with a key as cursor.
pub(super) fn define_list(interface: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    interface.func_wrap_async(
        "[method]bucket.list-keys",
        |store: StoreContextMut<'_, State>, (bucket, cursor): (This, Option<String>)| {
            Box::new(async move {
                let listed = of(&store, &bucket)?.keys(cursor.as_deref()).await;
                Ok((listed.map(|(keys, cursor)| Keys { keys, cursor }),))
            })
        },
    )
}

/// Defines the list with a number as cursor.
pub(super) fn define_list_by_number(
    interface: &mut LinkerInstance<'_, State>,
) -> wasmtime::Result<()> {
    interface.func_wrap_async(
        "[method]bucket.list-keys",
        |mut store: StoreContextMut<'_, State>, (bucket, cursor): (This, Option<u64>)| {
            Box::new(async move {
                let mut opened = of(&store, &bucket)?;
                let listed = opened.keys_from(cursor.unwrap_or_default()).await;
                *store.data_mut().table.get_mut(&bucket)? = opened;
                Ok((listed.map(|(keys, cursor)| NumberedKeys { keys, cursor }),))
            })
        },
    )
}

/// The store behind a component's bucket.
pub(super) fn of(
    store: &StoreContextMut<'_, State>,
    bucket: &Resource<Bucket>,
) -> wasmtime::Result<Bucket> {
    Ok(store.data().table.get(bucket)?.clone())
}

fn open(mut store: StoreContextMut<'_, State>, (identifier,): (String,)) -> Told<This> {
    let state = store.data_mut();
    let opened = match Bucket::open(&state.capabilities, &identifier) {
        Ok(bucket) => Ok(state.table.push(bucket)?),
        Err(error) => {
            let text = refused(&identifier, &error);
            state.conduit.log.record(Level::Warn, text.as_bytes());
            Err(error)
        }
    };
    Ok((opened,))
}

/// What the log is told of a store that is not opened.
fn refused(identifier: &str, error: &Error) -> String {
    match error {
        Error::AccessDenied => {
            format!("key-value store `{identifier}` refused: {}", KvRefusal::NotGranted)
        }
        _ => "key-value store refused: its name is not one that a store can have".to_owned(),
    }
}
