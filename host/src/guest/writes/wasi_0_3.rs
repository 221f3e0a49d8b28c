//! Counts what components write through `wasi:filesystem` 0.3.
//!
//! The library reads the component's stream itself. So it is given another one, through which the bytes pass after they
//! were counted; what became of them it still tells the component.

use std::fs::File;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::sync::mpsc::{self, Receiver};
use tokio_util::sync::PollSender;
use wasmtime::StoreContextMut;
use wasmtime::component::{
    Access, Accessor, Destination, FutureReader, Linker, Resource, Source, StreamConsumer,
    StreamProducer, StreamReader, StreamResult,
};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystem, WasiFilesystemView as _};
use wasmtime_wasi::p3::bindings::filesystem::types::{ErrorCode, HostDescriptorWithStore};

use super::Place;
use super::wasi_0_2::writable;
use crate::guest::Conduit;
use crate::guest::component::State;
use crate::guest::conduit::Running;
use crate::guest::run::GuestState as _;

/// The instance as the library names it. With another name nothing would be replaced, which the tests of the limit see.
const INSTANCE: &str = "wasi:filesystem/types@0.3.0";

/// How much passes at a time, bytes.
const PIECE_BYTES_MAX: usize = 64 << 10;

/// The library's files of a component.
type Files<'a> = Access<'a, State, WasiFilesystem>;

/// What the component is given: when all is written, or why it is not.
type Written = (FutureReader<Result<(), ErrorCode>>,);

/// Replaces what writes.
pub(in crate::guest) fn limit(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut types = linker.instance(INSTANCE)?;
    types.func_wrap("[method]descriptor.write-via-stream", write_via_stream)?;
    types.func_wrap("[method]descriptor.append-via-stream", append_via_stream)?;
    types.func_wrap_concurrent("[method]descriptor.set-size", |store, (fd, size)| {
        Box::pin(set_size(store, fd, size))
    })?;
    linker.allow_shadowing(false);
    Ok(())
}

fn write_via_stream(
    mut store: StoreContextMut<'_, State>,
    (fd, data, offset): (Resource<Descriptor>, StreamReader<u8>, u64),
) -> wasmtime::Result<Written> {
    let data = counted(&mut store, &fd, data, Place::At(offset))?;
    let files = Files::new(store, State::filesystem);
    Ok((WasiFilesystem::write_via_stream(files, fd, data, offset)?,))
}

fn append_via_stream(
    mut store: StoreContextMut<'_, State>,
    (fd, data): (Resource<Descriptor>, StreamReader<u8>),
) -> wasmtime::Result<Written> {
    let data = counted(&mut store, &fd, data, Place::Next)?;
    let files = Files::new(store, State::filesystem);
    Ok((WasiFilesystem::append_via_stream(files, fd, data)?,))
}

async fn set_size(
    store: &Accessor<State>,
    fd: Resource<Descriptor>,
    size: u64,
) -> wasmtime::Result<(Result<(), ErrorCode>,)> {
    store.with(|mut store| {
        let state = store.data_mut();
        match writable(state, &fd) {
            Some(file) => state.conduit().writes.resize(&file, size),
            None => Ok(()),
        }
    })?;
    let files = store.with_getter::<WasiFilesystem>(State::filesystem);
    match WasiFilesystem::set_size(&files, fd, size).await {
        Ok(()) => Ok((Ok(()),)),
        Err(error) => error.downcast().map(|code| (Err(code),)),
    }
}

/// A stream with what comes out of another one, counted.
fn counted(
    store: &mut StoreContextMut<'_, State>,
    fd: &Resource<Descriptor>,
    data: StreamReader<u8>,
    place: Place,
) -> wasmtime::Result<StreamReader<u8>> {
    let Some(file) = writable(store.data_mut(), fd) else { return Ok(data) };
    let running = store.data().running();
    let (sender, receiver) = mpsc::channel(1);
    data.pipe(&mut *store, Counter { sender: PollSender::new(sender), file, place, running })?;
    StreamReader::new(&mut *store, Counted(receiver))
}

/// Takes what the component writes, and counts it.
struct Counter {
    sender: PollSender<BytesMut>,
    file: Arc<File>,
    place: Place,
    running: Running,
}

/// Gives what was counted to the library.
struct Counted(Receiver<BytesMut>);

impl StreamConsumer<State> for Counter {
    type Item = u8;

    fn poll_consume(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        store: StoreContextMut<'_, State>,
        source: Source<'_, u8>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        match self.sender.poll_reserve(context) {
            Poll::Pending if finish => return Poll::Ready(Ok(StreamResult::Cancelled)),
            Poll::Pending => return Poll::Pending,
            // the library takes no more: it has told the component why
            Poll::Ready(Err(_)) => return Poll::Ready(Ok(StreamResult::Dropped)),
            Poll::Ready(Ok(())) => {}
        }
        let mut source = source.as_direct(store);
        let piece = source.remaining();
        let piece = BytesMut::from(&piece[..piece.len().min(PIECE_BYTES_MAX)]);
        if piece.is_empty() {
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        let length = piece.len();
        let count = |conduit: &Conduit| conduit.writes.write(&self.file, self.place, length as u64);
        self.running.with(count)?;
        // of what was counted not all may be in the file yet
        self.place = Place::Next;
        source.mark_read(length);
        // it has room, or it was closed meanwhile
        let passed = self.sender.send_item(piece).is_ok();
        Poll::Ready(Ok(if passed { StreamResult::Completed } else { StreamResult::Dropped }))
    }
}

impl StreamProducer<State> for Counted {
    type Item = u8;
    type Buffer = BytesMut;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        _store: StoreContextMut<'a, State>,
        mut destination: Destination<'a, u8, BytesMut>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        match self.0.poll_recv(context) {
            Poll::Pending if finish => Poll::Ready(Ok(StreamResult::Cancelled)),
            received => Poll::Ready(Ok(match ready!(received) {
                Some(piece) => {
                    destination.set_buffer(piece);
                    StreamResult::Completed
                }
                None => StreamResult::Dropped,
            })),
        }
    }
}
