//! Key-value stores as imports of the ABI. What an operation found is kept until the next one, and read
//! with `result_read`. Pointers are checked before anything is asked; text that is no text and keys that
//! are no keys are a code, because they may come from whoever called the function.

use steading_protocol::abi::IMPORT_MODULE;
use steading_protocol::kv::KvRefusal;
use wasmtime::{Caller, Linker};

use super::State;
use super::imports::{memory, slice, slice_mut};
use crate::capability::{Kv, KvError};

/// A place in the guest's memory: pointer and length.
type Place = (u32, u32);

/// What an operation found, as the guest reads it.
type Found = Result<Vec<u8>, KvError>;

/// Defines the imports.
pub(super) fn define(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(IMPORT_MODULE, "result_read", result_read)?;
    linker.func_wrap_async(
        IMPORT_MODULE,
        "kv_get",
        |caller: Caller<'_, State>, (s, sl, k, kl): (u32, u32, u32, u32)| {
            Box::new(get(caller, [(s, sl), (k, kl)]))
        },
    )?;
    linker.func_wrap_async(
        IMPORT_MODULE,
        "kv_set",
        |caller: Caller<'_, State>, (s, sl, k, kl, v, vl): (u32, u32, u32, u32, u32, u32)| {
            Box::new(set(caller, [(s, sl), (k, kl), (v, vl)]))
        },
    )?;
    linker.func_wrap_async(
        IMPORT_MODULE,
        "kv_delete",
        |caller: Caller<'_, State>, (s, sl, k, kl): (u32, u32, u32, u32)| {
            Box::new(delete(caller, [(s, sl), (k, kl)]))
        },
    )?;
    linker.func_wrap_async(
        IMPORT_MODULE,
        "kv_list",
        |caller: Caller<'_, State>,
         (s, sl, p, pl, a, al, count): (u32, u32, u32, u32, u32, u32, u32)| {
            Box::new(list(caller, [(s, sl), (p, pl), (a, al)], count))
        },
    )?;
    linker.func_wrap_async(
        IMPORT_MODULE,
        "kv_increment",
        |caller: Caller<'_, State>, (s, sl, k, kl, by): (u32, u32, u32, u32, i64)| {
            Box::new(increment(caller, [(s, sl), (k, kl)], by))
        },
    )?;
    linker.func_wrap_async(
        IMPORT_MODULE,
        "kv_compare_and_set",
        |caller: Caller<'_, State>,
         (s, sl, k, kl, revision, v, vl): (u32, u32, u32, u32, i64, u32, u32)| {
            Box::new(compare_and_set(caller, [(s, sl), (k, kl), (v, vl)], revision))
        },
    )?;
    Ok(())
}

fn result_read(mut caller: Caller<'_, State>, pointer: u32, length: u32) -> wasmtime::Result<i32> {
    let (bytes, state) = memory(&caller)?.data_and_store_mut(&mut caller);
    let count = state.result.len().min(length as usize);
    slice_mut(bytes, pointer, length)?[..count].copy_from_slice(&state.result[..count]);
    Ok(i32::try_from(count)?)
}

async fn get(mut caller: Caller<'_, State>, places: [Place; 2]) -> wasmtime::Result<i32> {
    let ([store, key], kv) = asked(&mut caller, places)?;
    let found = async {
        let found = granted(kv)?.get(text(store)?, text(key)?).await?;
        let entry = |entry: crate::capability::Entry| {
            [&entry.revision.to_le_bytes()[..], &entry.value].concat()
        };
        Ok(found.map(entry).unwrap_or_default())
    };
    let found = found.await;
    answer(&mut caller, found)
}

async fn set(mut caller: Caller<'_, State>, places: [Place; 3]) -> wasmtime::Result<i32> {
    let ([store, key, value], kv) = asked(&mut caller, places)?;
    let found = async {
        granted(kv)?.set(text(store)?, text(key)?, value).await?;
        Ok(vec![])
    };
    let found = found.await;
    answer(&mut caller, found)
}

async fn delete(mut caller: Caller<'_, State>, places: [Place; 2]) -> wasmtime::Result<i32> {
    let ([store, key], kv) = asked(&mut caller, places)?;
    let found = async {
        granted(kv)?.delete(text(store)?, text(key)?).await?;
        Ok(vec![])
    };
    let found = found.await;
    answer(&mut caller, found)
}

async fn list(
    mut caller: Caller<'_, State>,
    places: [Place; 3],
    count: u32,
) -> wasmtime::Result<i32> {
    let ([store, prefix, after], kv) = asked(&mut caller, places)?;
    let found = async {
        let after = text(after)?;
        let after = (!after.is_empty()).then_some(after);
        let page = granted(kv)?.list(text(store)?, text(prefix)?, (after, count)).await?;
        let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
        let mut found = length(page.keys.len()).to_vec();
        for key in &page.keys {
            found.extend(length(key.as_str().len()));
            found.extend(key.as_str().as_bytes());
        }
        found.extend(u32::from(page.more).to_le_bytes());
        Ok(found)
    };
    let found = found.await;
    answer(&mut caller, found)
}

async fn increment(
    mut caller: Caller<'_, State>,
    places: [Place; 2],
    by: i64,
) -> wasmtime::Result<i32> {
    let ([store, key], kv) = asked(&mut caller, places)?;
    let found = async {
        let sum = granted(kv)?.increment(text(store)?, text(key)?, by).await?;
        Ok(sum.to_le_bytes().to_vec())
    };
    let found = found.await;
    answer(&mut caller, found)
}

async fn compare_and_set(
    mut caller: Caller<'_, State>,
    places: [Place; 3],
    revision: i64,
) -> wasmtime::Result<i32> {
    let ([store, key, value], kv) = asked(&mut caller, places)?;
    let found = async {
        let revision = (revision != 0).then_some(revision.cast_unsigned());
        let entry = (revision, value);
        granted(kv)?.compare_and_set(text(store)?, text(key)?, entry).await?;
        Ok(vec![])
    };
    let found = found.await;
    answer(&mut caller, found)
}

/// What stands at these places, and the stores that the guest may use. What an earlier operation found goes.
fn asked<'c, const N: usize>(
    caller: &'c mut Caller<'_, State>,
    places: [Place; N],
) -> wasmtime::Result<([&'c [u8]; N], Option<&'c Kv>)> {
    let (bytes, state) = memory(caller)?.data_and_store_mut(caller);
    state.result = vec![];
    let mut found = [&[][..]; N];
    for (found, (pointer, length)) in found.iter_mut().zip(places) {
        *found = slice(bytes, pointer, length)?;
    }
    Ok((found, state.capabilities.kv.as_ref()))
}

fn granted(kv: Option<&Kv>) -> Result<&Kv, KvError> {
    kv.ok_or(KvError::Refused(KvRefusal::NotGranted))
}

fn text(bytes: &[u8]) -> Result<&str, KvError> {
    std::str::from_utf8(bytes).map_err(|_| KvError::KeyInvalid)
}

/// The length of what was found, or a negative code.
fn answer(caller: &mut Caller<'_, State>, found: Found) -> wasmtime::Result<i32> {
    match found {
        Ok(found) => {
            let length = i32::try_from(found.len())?;
            caller.data_mut().result = found;
            Ok(length)
        }
        Err(error) => Ok(code(&error)),
    }
}

fn code(error: &KvError) -> i32 {
    match error {
        KvError::Refused(KvRefusal::NotGranted) => -1,
        KvError::KeyInvalid => -2,
        KvError::Refused(KvRefusal::ValueTooLarge { .. }) => -3,
        KvError::Refused(KvRefusal::Full { .. }) => -4,
        KvError::Refused(KvRefusal::NotANumber) => -5,
        KvError::Refused(KvRefusal::Changed) => -6,
        KvError::Unavailable => -7,
    }
}
