//! `wasi:keyvalue` over the key-value stores of the app, in the two drafts that are in use. `0.2.0-draft2` has cursors
//! that are text, signed numbers and compare-and-set; in `0.2.0-draft` cursors are numbers, numbers have no sign, and
//! there is no compare-and-set. A bucket is one of the app's stores.
//!
//! What the worker holds for a component here is bounded: a bucket is a name and a key, of compare-and-sets there are
//! [`SWAPS_MAX`], and what one call reads is [`CALL_BYTES_MAX`](super::CALL_BYTES_MAX) at most.

mod atomics;
mod batch;
mod bucket;
mod store;

use steading_protocol::kv::KvRefusal;
use steading_protocol::proposal::{KEYVALUE, KEYVALUE_2, KeyValue};
use wasmtime::component::{
    ComponentType, Linker, LinkerInstance, Lower, Resource, ResourceTable, ResourceType,
};

use self::bucket::Bucket;
use super::{CALL_BYTES_MAX, State};
use crate::capability::KvError;

/// Compare-and-sets that are under way in one invocation: each holds a value, of up to a megabyte.
const SWAPS_MAX: usize = 16;

/// The most keys in one call.
const KEYS_MAX: usize = 1000;

/// What the interface says of an operation that was not done.
#[derive(Debug, PartialEq, Eq, ComponentType, Lower)]
#[component(variant)]
enum Error {
    #[component(name = "no-such-store")]
    NoSuchStore,
    #[component(name = "access-denied")]
    AccessDenied,
    #[component(name = "other")]
    Other(String),
}

/// What a function of these interfaces gives: the outer error ends the component.
type Told<T> = wasmtime::Result<(Result<T, Error>,)>;

pub(super) fn define(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    for KeyValue { store, batch, .. } in [KEYVALUE, KEYVALUE_2] {
        store::define(&mut linker.instance(store)?)?;
        batch::define(&mut linker.instance(batch)?)?;
    }
    store::define_list_by_number(&mut linker.instance(KEYVALUE.store)?)?;
    atomics::define_unsigned(&mut linker.instance(KEYVALUE.atomics)?)?;
    store::define_list(&mut linker.instance(KEYVALUE_2.store)?)?;
    atomics::define_signed(&mut linker.instance(KEYVALUE_2.atomics)?)
}

/// Whether compare-and-sets are under way.
pub(super) fn is_holding(table: &mut ResourceTable) -> bool {
    atomics::held(table) > 0
}

/// Defines a thing that the worker holds for the component, and lets go with it.
fn resource<T: 'static>(
    interface: &mut LinkerInstance<'_, State>,
    name: &str,
) -> wasmtime::Result<()> {
    interface.resource(name, ResourceType::host::<T>(), |mut store, index| {
        store.data_mut().table.delete(Resource::<T>::new_own(index))?;
        Ok(())
    })
}

impl Error {
    fn other(why: impl Into<String>) -> Self {
        Self::Other(why.into())
    }
}

impl From<KvError> for Error {
    fn from(error: KvError) -> Self {
        match error {
            KvError::Refused(KvRefusal::NotGranted) => Self::AccessDenied,
            error => Self::Other(error.to_string()),
        }
    }
}
