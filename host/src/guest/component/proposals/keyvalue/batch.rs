//! `wasi:keyvalue/batch`: one operation after the other. An error ends it, and what was done before stays done.

use wasmtime::StoreContextMut;
use wasmtime::component::{LinkerInstance, Resource};

use super::bucket::check_count;
use super::store::of;
use super::{Bucket, CALL_BYTES_MAX, Error, State};

type This = Resource<Bucket>;

/// An entry; its value may be long.
type Pair = (String, Vec<u8>);

pub(super) fn define(interface: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    interface.func_wrap_async(
        "get-many",
        |store: StoreContextMut<'_, State>, (bucket, keys): (This, Vec<String>)| {
            Box::new(async move { Ok((get_many(of(&store, &bucket)?, keys).await,)) })
        },
    )?;
    interface.func_wrap_async(
        "set-many",
        |store: StoreContextMut<'_, State>, (bucket, pairs): (This, Vec<Pair>)| {
            Box::new(async move { Ok((set_many(of(&store, &bucket)?, pairs).await,)) })
        },
    )?;
    interface.func_wrap_async(
        "delete-many",
        |store: StoreContextMut<'_, State>, (bucket, keys): (This, Vec<String>)| {
            Box::new(async move { Ok((delete_many(of(&store, &bucket)?, keys).await,)) })
        },
    )
}

async fn get_many(bucket: Bucket, keys: Vec<String>) -> Result<Vec<Option<Pair>>, Error> {
    check_count(keys.len())?;
    let (mut found, mut bytes) = (Vec::with_capacity(keys.len()), 0);
    for key in keys {
        let value = bucket.get(&key).await?;
        bytes += value.as_ref().map_or(0, Vec::len);
        if bytes > CALL_BYTES_MAX {
            return Err(Error::other(format!("the values have more than {CALL_BYTES_MAX} bytes")));
        }
        found.push(value.map(|value| (key, value)));
    }
    Ok(found)
}

async fn set_many(bucket: Bucket, pairs: Vec<Pair>) -> Result<(), Error> {
    check_count(pairs.len())?;
    for (key, value) in pairs {
        bucket.set(&key, &value).await?;
    }
    Ok(())
}

async fn delete_many(bucket: Bucket, keys: Vec<String>) -> Result<(), Error> {
    check_count(keys.len())?;
    for key in keys {
        bucket.delete(&key).await?;
    }
    Ok(())
}
