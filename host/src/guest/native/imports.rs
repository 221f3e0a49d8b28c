//! The imports of ABI version 1. Every pointer and length comes from the guest: each is checked
//! against its memory, and a bad one ends the call with a named reason.

use wasmtime::{Caller, Linker, Memory};

use steading_protocol::abi::IMPORT_MODULE;

use super::State;
use super::exchange::{NativeExchange, Violation};
use crate::guest::exchange::Written;
use crate::guest::log::Level;
use crate::guest::run::AbiViolation;

impl From<Violation> for AbiViolation {
    fn from(Violation(how): Violation) -> Self {
        Self(how.to_owned())
    }
}

/// What `request_body_read` returns when the body cannot be read any further, and the response's
/// writers when the guest should stop.
const FAILED: i32 = -1;

/// Defines every import of the ABI.
pub(super) fn define(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(IMPORT_MODULE, "request_head_read", request_head_read)?;
    linker.func_wrap_async(
        IMPORT_MODULE,
        "request_body_read",
        |caller: Caller<'_, State>, (pointer, length): (u32, u32)| {
            Box::new(request_body_read(caller, pointer, length))
        },
    )?;
    linker.func_wrap(IMPORT_MODULE, "response_send", response_send)?;
    linker.func_wrap(IMPORT_MODULE, "response_start", response_start)?;
    linker.func_wrap_async(
        IMPORT_MODULE,
        "response_write",
        |caller: Caller<'_, State>, (pointer, length): (u32, u32)| {
            Box::new(response_write(caller, pointer, length))
        },
    )?;
    linker.func_wrap(IMPORT_MODULE, "log_write", log_write)?;
    Ok(())
}

fn request_head_read(
    mut caller: Caller<'_, State>,
    pointer: u32,
    length: u32,
) -> wasmtime::Result<i32> {
    let (bytes, state) = memory(&caller)?.data_and_store_mut(&mut caller);
    let head = state.exchange.head();
    let count = head.len().min(length as usize);
    slice_mut(bytes, pointer, length)?[..count].copy_from_slice(&head[..count]);
    Ok(i32::try_from(count)?)
}

async fn request_body_read(
    mut caller: Caller<'_, State>,
    pointer: u32,
    length: u32,
) -> wasmtime::Result<i32> {
    let (bytes, state) = memory(&caller)?.data_and_store_mut(&mut caller);
    // a count must fit the result, so at most 2 GiB a piece
    let length = length.min(i32::MAX as u32);
    let buffer = slice_mut(bytes, pointer, length)?;
    match state.exchange.inner.read(buffer).await {
        Some(count) => Ok(i32::try_from(count)?),
        None => Ok(FAILED),
    }
}

fn response_send(
    mut caller: Caller<'_, State>,
    head: u32,
    head_length: u32,
    body: u32,
    body_length: u32,
) -> wasmtime::Result<i32> {
    respond(&mut caller, |bytes, exchange| {
        Ok(exchange.send(slice(bytes, head, head_length)?, slice(bytes, body, body_length)?)?)
    })
}

fn response_start(
    mut caller: Caller<'_, State>,
    head: u32,
    head_length: u32,
) -> wasmtime::Result<i32> {
    respond(&mut caller, |bytes, exchange| Ok(exchange.start(slice(bytes, head, head_length)?)?))
}

async fn response_write(
    mut caller: Caller<'_, State>,
    pointer: u32,
    length: u32,
) -> wasmtime::Result<i32> {
    let (bytes, state) = memory(&caller)?.data_and_store_mut(&mut caller);
    let written = state.exchange.write(slice(bytes, pointer, length)?).await;
    Ok(result(written.map_err(AbiViolation::from)?))
}

fn log_write(
    mut caller: Caller<'_, State>,
    level: i32,
    pointer: u32,
    length: u32,
) -> wasmtime::Result<()> {
    let (bytes, state) = memory(&caller)?.data_and_store_mut(&mut caller);
    state.conduit.log.record(Level::from_abi(level), slice(bytes, pointer, length)?);
    Ok(())
}

fn respond(
    caller: &mut Caller<'_, State>,
    act: impl FnOnce(&[u8], &mut NativeExchange) -> Result<Written, AbiViolation>,
) -> wasmtime::Result<i32> {
    let (bytes, state) = memory(caller)?.data_and_store_mut(caller);
    Ok(result(act(bytes, &mut state.exchange)?))
}

fn result(written: Written) -> i32 {
    match written {
        Written::Ok => 0,
        Written::Stop => FAILED,
    }
}

pub(super) fn memory(caller: &Caller<'_, State>) -> Result<Memory, AbiViolation> {
    caller
        .data()
        .memory
        .ok_or_else(|| AbiViolation("an import was called while the module started".into()))
}

pub(super) fn slice(bytes: &[u8], pointer: u32, length: u32) -> Result<&[u8], AbiViolation> {
    bytes.get(range(pointer, length)).ok_or_else(|| outside(pointer, length))
}

pub(super) fn slice_mut(
    bytes: &mut [u8],
    pointer: u32,
    length: u32,
) -> Result<&mut [u8], AbiViolation> {
    bytes.get_mut(range(pointer, length)).ok_or_else(|| outside(pointer, length))
}

fn range(pointer: u32, length: u32) -> std::ops::Range<usize> {
    pointer as usize..pointer as usize + length as usize
}

fn outside(pointer: u32, length: u32) -> AbiViolation {
    AbiViolation(format!("{length} bytes at {pointer} are outside the module's memory"))
}
