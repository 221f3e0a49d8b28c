//! Counts what is written through WASI preview 1, by native guests and commands.

use std::sync::Arc;

use steading_protocol::abi::{MEMORY_EXPORT, WASI_MODULE};
use wasmtime::{AsContextMut as _, Caller, Extern, Linker, bail};
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::p1::types::{Fd, Filetype};
use wasmtime_wasi::p1::wasi_snapshot_preview1::{self as library, WasiSnapshotPreview1};
use wiggle::GuestMemory;

use super::{Place, cost};
use crate::guest::Conduit;
use crate::guest::run::GuestState;

/// Where a store has its WASI.
type Wasi<S> = fn(&mut S) -> &mut WasiP1Ctx;

/// The guest's list of pieces to write: where it is, and how many there are.
type Pieces = (i32, i32);

/// Replaces what writes. `fd_allocate` is not among it: the library refuses that.
pub(in crate::guest) fn limit<S: GuestState>(
    linker: &mut Linker<S>,
    wasi: Wasi<S>,
) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    linker.func_wrap_async(
        WASI_MODULE,
        "fd_write",
        move |caller: Caller<'_, S>, (fd, pieces, count, written): (i32, i32, i32, i32)| {
            Box::new(fd_write(caller, wasi, fd, (pieces, count), written))
        },
    )?;
    linker.func_wrap_async(
        WASI_MODULE,
        "fd_pwrite",
        move |caller: Caller<'_, S>,
              (fd, pieces, count, offset, written): (i32, i32, i32, i64, i32)| {
            Box::new(fd_pwrite(caller, wasi, fd, (pieces, count), (offset, written)))
        },
    )?;
    linker.func_wrap_async(
        WASI_MODULE,
        "fd_filestat_set_size",
        move |caller: Caller<'_, S>, (fd, size): (i32, i64)| {
            Box::new(fd_filestat_set_size(caller, wasi, fd, size))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

async fn fd_write<S: GuestState>(
    mut caller: Caller<'_, S>,
    wasi: Wasi<S>,
    fd: i32,
    pieces: Pieces,
    written: i32,
) -> wasmtime::Result<i32> {
    let (wasi, bytes, conduit) = opened(&mut caller, wasi)?;
    let length = first(bytes, pieces);
    let mut memory = GuestMemory::Unshared(bytes);
    if let Some(size) = file_length(wasi, &mut memory, fd).await {
        // where it cannot be told, nothing is left out
        let place = wasi.fd_tell(&mut memory, file(fd)).map_or(Place::Next, Place::At);
        conduit.writes.count(cost(size, place, length))?;
    }
    library::fd_write(wasi, &mut memory, fd, pieces.0, pieces.1, written).await
}

async fn fd_pwrite<S: GuestState>(
    mut caller: Caller<'_, S>,
    wasi: Wasi<S>,
    fd: i32,
    pieces: Pieces,
    (offset, written): (i64, i32),
) -> wasmtime::Result<i32> {
    let (wasi, bytes, conduit) = opened(&mut caller, wasi)?;
    let length = first(bytes, pieces);
    let mut memory = GuestMemory::Unshared(bytes);
    if let Some(size) = file_length(wasi, &mut memory, fd).await {
        let place = Place::At(offset.cast_unsigned());
        conduit.writes.count(cost(size, place, length))?;
    }
    library::fd_pwrite(wasi, &mut memory, fd, pieces.0, pieces.1, offset, written).await
}

async fn fd_filestat_set_size<S: GuestState>(
    mut caller: Caller<'_, S>,
    wasi: Wasi<S>,
    fd: i32,
    size: i64,
) -> wasmtime::Result<i32> {
    let (wasi, bytes, conduit) = opened(&mut caller, wasi)?;
    let mut memory = GuestMemory::Unshared(bytes);
    if let Some(length) = file_length(wasi, &mut memory, fd).await {
        conduit.writes.count(size.cast_unsigned().saturating_sub(length))?;
    }
    library::fd_filestat_set_size(wasi, &mut memory, fd, size).await
}

/// What a call needs: the caller's WASI, its memory, and where its writes are counted.
fn opened<'c, S: GuestState>(
    caller: &'c mut Caller<'_, S>,
    wasi: Wasi<S>,
) -> wasmtime::Result<(&'c mut WasiP1Ctx, &'c mut [u8], Arc<Conduit>)> {
    let memory = caller.get_export(MEMORY_EXPORT).and_then(Extern::into_memory);
    let Some(memory) = memory else { bail!("the module does not export its memory") };
    let conduit = Arc::clone(caller.data().conduit());
    let bytes_max = caller.as_context_mut().hostcall_fuel();
    let (bytes, state) = memory.data_and_store_mut(caller);
    let wasi = wasi(state);
    // how much one call may hand over, which the library sets before each
    wasi.set_hostcall_fuel(bytes_max);
    Ok((wasi, bytes, conduit))
}

fn file(fd: i32) -> Fd {
    Fd::from(fd.cast_unsigned())
}

/// The length of a file; nothing where a descriptor is none, which the library then refuses to write to, or a stream.
async fn file_length(wasi: &mut WasiP1Ctx, memory: &mut GuestMemory<'_>, fd: i32) -> Option<u64> {
    let found = wasi.fd_filestat_get(memory, file(fd)).await.ok()?;
    (found.filetype == Filetype::RegularFile).then_some(found.size)
}

/// How long the first piece is that has anything in it: the library writes no more of a list. One that lies outside of
/// the guest's memory counts nothing, and the library refuses it.
fn first(memory: &[u8], (pieces, count): Pieces) -> u64 {
    let list = memory.get(pieces.cast_unsigned() as usize..).unwrap_or_default();
    let lengths = list.as_chunks::<8>().0.iter().take(count.cast_unsigned() as usize);
    let lengths = lengths.map(|[.., a, b, c, d]| u32::from_le_bytes([*a, *b, *c, *d]));
    lengths.map(u64::from).find(|length| *length > 0).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::first;

    #[test]
    fn the_first_piece_with_anything_in_it_counts() {
        let mut memory = vec![0_u8; 64];
        memory[8 + 12] = 5;
        memory[8 + 20] = 9;
        assert_eq!(first(&memory, (8, 3)), 5);
        assert_eq!(first(&memory, (8, 1)), 0);
        assert_eq!(first(&memory, (16, 1)), 5);
        for pieces in [(60, 1), (64, 1), (-1, 1), (i32::MAX, 1), (0, 0)] {
            assert_eq!(first(&memory, pieces), 0, "{pieces:?}");
        }
        assert_eq!(first(&memory, (8, -1)), 5);
    }
}
