//! What a component sends out. Denied: no function has a grant for it yet. This is the one place that every
//! outgoing request of a component passes, of either version of WASI; a policy takes the place of
//! [`Outbound::send_request`]'s refusal.

use std::sync::Arc;

use http::Request;
use wasmtime_wasi_http::{Error, RequestOptions, Result, WasiBody, WasiHttpHooks};

use crate::guest::Conduit;
use crate::guest::log::Level;

/// The most that one write to a body may bring, bytes, and how many of them wait in a body: so much memory of the
/// worker each body can take.
const PIECE_BYTES_MAX: usize = 64 << 10;

/// Judges what one invocation sends out.
pub(super) struct Outbound {
    conduit: Arc<Conduit>,
}

/// A response, and what becomes of the connection that it comes over.
type Sent = Result<(http::Response<WasiBody>, Box<dyn Future<Output = Result<()>> + Send>)>;

impl Outbound {
    pub(super) fn new(conduit: Arc<Conduit>) -> Self {
        Self { conduit }
    }
}

impl WasiHttpHooks for Outbound {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        _options: Option<RequestOptions>,
        _processed: Box<dyn Future<Output = Result<()>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let uri = request.uri();
        let scheme = uri.scheme_str().unwrap_or("https");
        let host = uri.authority().map_or("", |authority| authority.as_str());
        let text = format!(
            "outgoing request to {scheme}://{host} refused: the function has no grant `outbound` for it"
        );
        self.conduit.log.record(Level::Warn, text.as_bytes());
        Box::new(std::future::ready(Err(Error::HttpRequestDenied)))
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        PIECE_BYTES_MAX
    }

    fn p3_outgoing_body_chunk_size(&mut self) -> usize {
        PIECE_BYTES_MAX
    }
}
