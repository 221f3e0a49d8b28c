//! A sandbox without a server around it, for the benchmark of instantiate + call + drop.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use steading_protocol::{Digest, FunctionRecord, Limits};

use super::{NativeFunction, NativeModule, linker};
use crate::EngineConfig;
use crate::engine::{Code, CodeCache, Engine};
use crate::guest::{Answer, Conduit, GuestRequest, LOCALHOST, Metered, RequestBody};

/// One function of one module, ready to be called.
#[doc(hidden)]
pub struct Sandbox {
    function: NativeFunction,
    _engine: Engine,
}

impl Sandbox {
    /// Compiles `wasm` into `folder` and prepares the function that `record` describes.
    pub fn new(
        wasm: &[u8],
        record: &FunctionRecord,
        folder: &Path,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let engine = Engine::new(EngineConfig::default())?;
        let code =
            CodeCache::open(engine.clone(), folder)?.insert(&Digest::from_bytes([0; 32]), wasm)?;
        let Code::Module(module) = code else { return Err("it is a component".into()) };
        let module = Arc::new(NativeModule::prepare(&linker(&engine)?, &module)?);
        let function = NativeFunction::new(module, &record.export, Limits::default())?;
        Ok(Self { function, _engine: engine })
    }

    /// One invocation of `GET path`; returns the length of the body, or the guest's fault as text.
    pub async fn call(&self, path: &str) -> Result<usize, String> {
        let (head, ()) = http::Request::get(path).body(()).map_err(|e| e.to_string())?.into_parts();
        let request = GuestRequest {
            head,
            caller: LOCALHOST,
            parameters: vec![],
            body: RequestBody::full(Bytes::new()),
            invocation: "bench".into(),
        };
        let conduit = Arc::new(Conduit::new(&Limits::default()));
        let inner = self.function.call(request, &conduit);
        let call = Metered { conduit: Arc::clone(&conduit), inner };
        match call.await.map_err(|error| error.to_string())? {
            Answer::Whole(response) => Ok(response.body.len()),
            Answer::Streamed { .. } => {
                Ok(conduit.outlet.take_pieces().map_or(0, |body| body.len()))
            }
        }
    }
}
