//! `wasi:keyvalue/atomics`: increments, and compare-and-set by the revision of an entry.

use steading_protocol::kv::KvRefusal;
use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, LinkerInstance, Lower, Resource, ResourceTable};

use super::store::of;
use super::{Bucket, Error, SWAPS_MAX, State, Told, resource};
use crate::capability::{Entry, KvError};

/// An entry as it was, to be replaced by one that depends on it.
struct Cas {
    bucket: Bucket,
    key: String,
    entry: Option<Entry>,
}

/// Why nothing was replaced.
#[derive(ComponentType, Lower)]
#[component(variant)]
enum CasError {
    #[component(name = "store-error")]
    StoreError(Error),
    /// Somebody was faster; with the entry as it is now.
    #[component(name = "cas-failed")]
    CasFailed(Resource<Cas>),
}

type This = Resource<Bucket>;

/// Defines increments of signed numbers, and compare-and-set.
pub(super) fn define_signed(interface: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    interface.func_wrap_async(
        "increment",
        |store: StoreContextMut<'_, State>, (bucket, key, by): (This, String, i64)| {
            Box::new(async move { Ok((of(&store, &bucket)?.increment(&key, by).await,)) })
        },
    )?;
    resource::<Cas>(interface, "cas")?;
    interface.func_wrap_async(
        "[static]cas.new",
        |mut store: StoreContextMut<'_, State>, (bucket, key): (This, String)| {
            Box::new(async move {
                let bucket = of(&store, &bucket)?;
                let read = Cas::read(&mut store.data_mut().table, bucket, key).await;
                pushed(&mut store, read)
            })
        },
    )?;
    interface.func_wrap(
        "[method]cas.current",
        |store: StoreContextMut<'_, State>, (cas,): (Resource<Cas>,)| current(store.data(), &cas),
    )?;
    interface.func_wrap_async(
        "swap",
        |store: StoreContextMut<'_, State>, (cas, value): (Resource<Cas>, Vec<u8>)| {
            Box::new(swap(store, cas, value))
        },
    )
}

/// Defines increments of numbers without a sign.
pub(super) fn define_unsigned(interface: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    interface.func_wrap_async(
        "increment",
        |store: StoreContextMut<'_, State>, (bucket, key, by): (This, String, u64)| {
            Box::new(async move { Ok((increment(&of(&store, &bucket)?, &key, by).await,)) })
        },
    )
}

/// Adds what a signed number can hold, and tells a sum that is not negative.
async fn increment(bucket: &Bucket, key: &str, by: u64) -> Result<u64, Error> {
    let by = i64::try_from(by).map_err(|_| Error::from(KvError::from(KvRefusal::NotANumber)))?;
    let sum = bucket.increment(key, by).await?;
    u64::try_from(sum).map_err(|_| Error::other(format!("the number is {sum} now, below 0")))
}

impl Cas {
    /// Reads an entry, if one more may be held.
    async fn read(table: &mut ResourceTable, bucket: Bucket, key: String) -> Result<Self, Error> {
        if held(table) >= SWAPS_MAX {
            return Err(Error::other(format!("an invocation may hold {SWAPS_MAX} of `cas`")));
        }
        let entry = bucket.entry(&key).await?;
        Ok(Self { bucket, key, entry })
    }
}

/// How many of them there are.
pub(super) fn held(table: &mut ResourceTable) -> usize {
    table.iter_mut().filter(|entry| entry.is::<Cas>()).count()
}

fn pushed(store: &mut StoreContextMut<'_, State>, read: Result<Cas, Error>) -> Told<Resource<Cas>> {
    Ok((match read {
        Ok(cas) => Ok(store.data_mut().table.push(cas)?),
        Err(error) => Err(error),
    },))
}

fn current(state: &State, cas: &Resource<Cas>) -> Told<Option<Vec<u8>>> {
    let cas = state.table.get(cas)?;
    Ok((Ok(cas.entry.as_ref().map(|entry| entry.value.clone())),))
}

async fn swap(
    mut store: StoreContextMut<'_, State>,
    cas: Resource<Cas>,
    value: Vec<u8>,
) -> wasmtime::Result<(Result<(), CasError>,)> {
    let Cas { bucket, key, entry } = store.data_mut().table.delete(cas)?;
    let revision = entry.map(|entry| entry.revision);
    let failed = match bucket.replace(&key, (revision, &value)).await {
        Ok(()) => return Ok((Ok(()),)),
        Err(KvError::Refused(KvRefusal::Changed)) => {
            let read = Cas::read(&mut store.data_mut().table, bucket, key).await;
            match pushed(&mut store, read)?.0 {
                Ok(cas) => CasError::CasFailed(cas),
                Err(error) => CasError::StoreError(error),
            }
        }
        Err(error) => CasError::StoreError(error.into()),
    };
    Ok((Err(failed),))
}
