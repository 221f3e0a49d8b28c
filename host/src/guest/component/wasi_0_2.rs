//! One call of `wasi:http/incoming-handler` of WASI 0.2.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use tokio::sync::oneshot;
use wasmtime::Store;
use wasmtime::component::ResourceTable;
use wasmtime_wasi_http::WasiHttpView as _;
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;

use super::State;
use super::dialogue::Sent;
use super::reuse::Instance;
use crate::guest::outlet::Outlet;
use crate::guest::run::instantiated;

/// Calls the instance of the store, or one that is made; the response leaves while the guest writes it.
pub(super) async fn run(guest: &ProxyPre<State>, store: &mut Store<State>) -> wasmtime::Result<()> {
    let dialogue = store.data().dialogue.clone();
    let request = store.data_mut().request();
    let (answer, answered) = oneshot::channel();
    let mut http = store.data_mut().http();
    let request = http.new_incoming_request(Scheme::Http, request)?;
    let out = http.new_response_outparam(answer)?;
    let proxy = match store.data_mut().take_instance() {
        Some(Instance::Wasi02(proxy)) => proxy,
        _ => instantiated(guest.instantiate_async(&mut *store).await)?,
    };
    let mut sending = pin!(async {
        match answered.await {
            Ok(Ok(response)) => dialogue.send(response).await,
            Ok(Err(code)) => dialogue.fail(&code.into()),
            // it has gone without a word
            Err(_) => Sent::Whole,
        }
    });
    let (handled, is_sent) = {
        let handler = proxy.wasi_http_incoming_handler();
        let mut handling = pin!(handler.call_handle(&mut *store, request, out));
        tokio::select! {
            biased;
            handled = &mut handling => (handled, false),
            sent = &mut sending => match sent {
                Sent::Whole => (handling.await, true),
                Sent::Spoilt => return Ok(()),
            },
        }
    };
    let mut sent = is_sent.then_some(Sent::Whole);
    if sent.is_none() && (handled.is_err() || store.data().is_reused()) {
        // what it wrote goes out, also when it failed behind it
        sent = written(sending.as_mut(), &store.data().conduit.outlet).await;
    }
    handled?;
    if sent.is_none() {
        // what the guest has left open ends with it: otherwise its body would be waited for
        store.data_mut().table = ResourceTable::new();
        sending.await;
    } else if sent == Some(Sent::Whole) {
        store.data_mut().give_back(Instance::Wasi02(proxy));
    }
    Ok(())
}

/// Sends what a guest has written that has ended, and how that went; `None` when it has not ended its response:
/// where there is room and nothing comes, it wrote no more.
async fn written(
    mut sending: Pin<&mut impl Future<Output = Sent>>,
    outlet: &Outlet,
) -> Option<Sent> {
    poll_fn(|context| match sending.as_mut().poll(context) {
        Poll::Ready(sent) => Poll::Ready(Some(sent)),
        Poll::Pending if outlet.room() == 0 => Poll::Pending,
        Poll::Pending => Poll::Ready(None),
    })
    .await
}
