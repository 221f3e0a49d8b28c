//! Counts what components write through `wasi:filesystem` 0.2.

use std::fs::File;
use std::sync::Arc;

use bytes::Bytes;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::filesystem::types::{ErrorCode, HostDescriptor};
use wasmtime_wasi::p2::{
    DynOutputStream, FsResult, OutputStream, Pollable, StreamError, StreamResult,
};

use super::Place;
use crate::guest::Conduit;
use crate::guest::component::State;
use crate::guest::conduit::Running;
use crate::guest::run::GuestState as _;

/// The instance as the library names it. With another name nothing would be replaced, which the tests of the limit see.
const INSTANCE: &str = "wasi:filesystem/types@0.2.12";

/// Replaces what writes.
pub(in crate::guest) fn limit(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut types = linker.instance(INSTANCE)?;
    types.func_wrap("[method]descriptor.write-via-stream", |mut store, (fd, offset)| {
        write_via_stream(&mut store, fd, Some(offset))
    })?;
    types.func_wrap("[method]descriptor.append-via-stream", |mut store, (fd,)| {
        write_via_stream(&mut store, fd, None)
    })?;
    types.func_wrap_async("[method]descriptor.write", |store, (fd, bytes, offset)| {
        Box::new(write(store, fd, bytes, offset))
    })?;
    types.func_wrap_async("[method]descriptor.set-size", |store, (fd, size)| {
        Box::new(set_size(store, fd, size))
    })?;
    linker.allow_shadowing(false);
    Ok(())
}

/// The file of a descriptor that may be written to; what is none the library refuses.
pub(super) fn writable(state: &mut State, fd: &Resource<Descriptor>) -> Option<Arc<File>> {
    match state.filesystem().table.get(fd) {
        Ok(Descriptor::File(file)) if !file.perms.write_not_permitted() => {
            Some(Arc::clone(&file.file))
        }
        _ => None,
    }
}

/// What a call of the library came to, as it goes to the component.
fn outcome<T>(result: FsResult<T>) -> wasmtime::Result<(Result<T, ErrorCode>,)> {
    match result {
        Ok(value) => Ok((Ok(value),)),
        Err(error) => error.downcast().map(|code| (Err(code),)),
    }
}

type Stream = (Result<Resource<DynOutputStream>, ErrorCode>,);

fn write_via_stream(
    store: &mut StoreContextMut<'_, State>,
    fd: Resource<Descriptor>,
    offset: Option<u64>,
) -> wasmtime::Result<Stream> {
    let state = store.data_mut();
    let (file, running) = (writable(state, &fd), state.running());
    let mut files = state.filesystem();
    let stream = match offset {
        Some(offset) => files.write_via_stream(fd, offset),
        None => files.append_via_stream(fd),
    };
    let (stream, file) = match (outcome(stream)?, file) {
        ((Ok(stream),), Some(file)) => (stream, file),
        (refused, _) => return Ok(refused),
    };
    let inner = files.table.delete(stream)?;
    let place = offset.map_or(Place::Next, Place::At);
    let counted: DynOutputStream = Box::new(Counted { inner, file, place, running });
    Ok((Ok(files.table.push(counted)?),))
}

async fn write(
    mut store: StoreContextMut<'_, State>,
    fd: Resource<Descriptor>,
    bytes: Vec<u8>,
    offset: u64,
) -> wasmtime::Result<(Result<u64, ErrorCode>,)> {
    let state = store.data_mut();
    if let Some(file) = writable(state, &fd) {
        let length = bytes.len() as u64;
        state.conduit().writes.write(&file, Place::At(offset), length)?;
    }
    outcome(state.filesystem().write(fd, bytes, offset).await)
}

async fn set_size(
    mut store: StoreContextMut<'_, State>,
    fd: Resource<Descriptor>,
    size: u64,
) -> wasmtime::Result<(Result<(), ErrorCode>,)> {
    let state = store.data_mut();
    if let Some(file) = writable(state, &fd) {
        state.conduit().writes.resize(&file, size)?;
    }
    outcome(state.filesystem().set_size(fd, size).await)
}

/// A stream into a file that counts.
struct Counted {
    inner: DynOutputStream,
    file: Arc<File>,
    place: Place,
    // a program may open a file once and write to it in invocation after invocation
    running: Running,
}

impl Counted {
    fn count(&mut self, bytes: &Bytes) -> StreamResult<()> {
        let length = bytes.len() as u64;
        let count = |conduit: &Conduit| conduit.writes.write(&self.file, self.place, length);
        let counted = self.running.with(count);
        counted.map_err(|exceeded| StreamError::Trap(exceeded.into()))?;
        if length > 0 {
            self.place = Place::Next;
        }
        Ok(())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Counted {
    async fn ready(&mut self) {
        self.inner.ready().await;
    }
}

#[wasmtime_wasi::async_trait]
impl OutputStream for Counted {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.count(&bytes)?;
        self.inner.write(bytes)
    }

    async fn blocking_write_and_flush(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.count(&bytes)?;
        self.inner.blocking_write_and_flush(bytes).await
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.inner.flush()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.inner.check_write()
    }

    async fn cancel(&mut self) {
        self.inner.cancel().await;
    }
}
