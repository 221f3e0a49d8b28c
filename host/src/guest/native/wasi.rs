//! WASI preview 1 for native guests: clocks, randomness, and a stdout and stderr that go to the
//! function's log. In its environment are the settings that it was granted, and nothing else; its folders are those
//! that it was granted. No arguments, no sockets.
//!
//! The context is built at the first WASI call of an invocation: most guests make none, and
//! building it (two seeded generators, a table) is a good part of a short invocation.

use std::sync::Arc;

use wasmtime_wasi::WasiCtx;
use wasmtime_wasi::p1::WasiP1Ctx;

use crate::capability::Capabilities;
use crate::guest::log_stream::LogStream;
use crate::guest::{Conduit, granted};

/// A WASI context that is built when it is first asked for.
pub(super) struct LazyWasi {
    conduit: Arc<Conduit>,
    capabilities: Arc<Capabilities>,
    context: Option<Box<WasiP1Ctx>>,
}

impl LazyWasi {
    pub(super) fn new(conduit: Arc<Conduit>, capabilities: Arc<Capabilities>) -> Self {
        Self { conduit, capabilities, context: None }
    }

    pub(super) fn context(&mut self) -> &mut WasiP1Ctx {
        self.context.get_or_insert_with(|| {
            let output = LogStream::new(Arc::clone(&self.conduit));
            let mut builder = WasiCtx::builder();
            builder.stdout(output.clone()).stderr(output);
            granted::open(&mut builder, &self.capabilities, &self.conduit);
            Box::new(builder.build_p1())
        })
    }
}
