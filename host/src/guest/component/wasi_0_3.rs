//! One call of `wasi:http/handler` of WASI 0.3.

use std::future::{poll_fn, ready};

use wasmtime::Store;
use wasmtime_wasi_http::p3::Request;
use wasmtime_wasi_http::p3::bindings::ServicePre;

use super::State;
use super::dialogue::Sent;
use super::reuse::Instance;
use crate::guest::run::instantiated;

/// Calls the instance of the store, or one that is made; the response leaves while the guest writes it. The guest may go on after its
/// response, until none of its tasks is left.
pub(super) async fn run(
    guest: &ServicePre<State>,
    store: &mut Store<State>,
) -> wasmtime::Result<()> {
    let service = match store.data_mut().take_instance() {
        Some(Instance::Wasi03(service)) => service,
        _ => instantiated(guest.instantiate_async(&mut *store).await)?,
    };
    let dialogue = store.data().dialogue.clone();
    let state = store.data_mut();
    let request = state.request();
    // nobody waits to hear whether the body was read to its end
    let (request, _read) = Request::from_http(&mut state.outbound, request);
    let called = store.run_concurrent(async |guest| {
        let response = match service.handle(guest, request).await? {
            Ok(response) => response,
            Err(code) => {
                return wasmtime::error::Ok(dialogue.fail(&code.into()));
            }
        };
        let response = guest.with(|store| response.into_http(store, ready(Ok(()))))?;
        let sent = dialogue.send(response).await;
        if sent == Sent::Whole {
            poll_fn(|context| guest.poll_no_interesting_tasks(context)).await;
        }
        Ok(sent)
    });
    if called.await?? == Sent::Whole {
        store.data_mut().give_back(Instance::Wasi03(service));
    }
    Ok(())
}
