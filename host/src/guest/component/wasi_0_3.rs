//! One call of `wasi:http/handler` of WASI 0.3.

use std::future::{poll_fn, ready};

use wasmtime::Store;
use wasmtime_wasi_http::p3::Request;
use wasmtime_wasi_http::p3::bindings::ServicePre;

use super::State;
use super::dialogue::Sent;
use crate::guest::run::instantiated;

/// Makes an instance and calls it; the response leaves while the guest writes it. The guest may go on after its
/// response, until none of its tasks is left.
pub(super) async fn run(
    guest: &ServicePre<State>,
    store: &mut Store<State>,
) -> wasmtime::Result<()> {
    let service = instantiated(guest.instantiate_async(&mut *store).await)?;
    let dialogue = store.data().dialogue.clone();
    let state = store.data_mut();
    let request = state.request();
    // nobody waits to hear whether the body was read to its end
    let (request, _read) = Request::from_http(&mut state.outbound, request);
    let called = store.run_concurrent(async |guest| {
        let response = match service.handle(guest, request).await? {
            Ok(response) => response,
            Err(code) => {
                dialogue.fail(&code.into());
                return Ok(());
            }
        };
        let response = guest.with(|store| response.into_http(store, ready(Ok(()))))?;
        if dialogue.send(response).await == Sent::Whole {
            poll_fn(|context| guest.poll_no_interesting_tasks(context)).await;
        }
        Ok(())
    });
    called.await?
}
