//! One call of `wasi:http/incoming-handler` of WASI 0.2.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use tokio::sync::oneshot;
use wasmtime::Store;
use wasmtime::component::ResourceTable;
use wasmtime_wasi_http::WasiHttpView as _;
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;

use super::State;
use super::dialogue::Sent;
use crate::guest::run::instantiated;

/// Makes an instance and calls it; the response leaves while the guest writes it.
pub(super) async fn run(guest: &ProxyPre<State>, store: &mut Store<State>) -> wasmtime::Result<()> {
    let dialogue = store.data().dialogue.clone();
    let request = store.data_mut().request();
    let (answer, answered) = oneshot::channel();
    let mut http = store.data_mut().http();
    let request = http.new_incoming_request(Scheme::Http, request)?;
    let out = http.new_response_outparam(answer)?;
    let proxy = instantiated(guest.instantiate_async(&mut *store).await)?;
    let mut sending = pin!(async {
        match answered.await {
            Ok(Ok(response)) => dialogue.send(response).await,
            Ok(Err(code)) => dialogue.fail(&code.into()),
            // it has gone without a word
            Err(_) => Sent::Whole,
        }
    });
    let handled = {
        let handler = proxy.wasi_http_incoming_handler();
        let mut handling = pin!(handler.call_handle(&mut *store, request, out));
        tokio::select! {
            biased;
            handled = &mut handling => handled,
            sent = &mut sending => match sent {
                Sent::Whole => return handling.await,
                Sent::Spoilt => return Ok(()),
            },
        }
    };
    if handled.is_ok() {
        // what the guest has left open ends with it: otherwise its body would be waited for
        store.data_mut().table = ResourceTable::new();
        sending.await;
    } else {
        let outlet = &store.data().conduit.outlet;
        poll_fn(|context| match sending.as_mut().poll(context) {
            // what it wrote before it failed goes out; where there is room and nothing comes, it wrote no more
            Poll::Pending if outlet.room() == 0 => Poll::Pending,
            _ => Poll::Ready(()),
        })
        .await;
    }
    handled
}
