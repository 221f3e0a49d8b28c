//! A component of WASI 0.3 for the tests, on nothing but the bindings: what it does is its path. What it does well is
//! in [`well`], what it does badly in [`badly`], and what needs more than WASI in [`proposals`]. It knows nothing of
//! Steading.

// what it exports has names that only a linker for WebAssembly takes; elsewhere it is compiled, and not called
#![cfg_attr(not(target_family = "wasm"), allow(dead_code))]

mod badly;
mod body;
mod files;
mod outgoing;
mod proposals;
mod well;

use steading_test_components::lasting;
use wasip3::http::types::{ErrorCode, Fields, Request, Response};

struct Guest;

#[cfg(target_family = "wasm")]
wasip3::http::service::export!(Guest);

/// What a call comes to.
pub(crate) type Answer = Result<Response, ErrorCode>;

impl wasip3::exports::http::handler::Guest for Guest {
    async fn handle(request: Request) -> Answer {
        let path = request.get_path_with_query().unwrap_or_default();
        let mut parts =
            path.split('?').next().unwrap_or_default().trim_start_matches('/').split('/');
        let (action, detail) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        match action {
            "inspect" => well::inspect(&request),
            "echo" => well::echo(request),
            "length" => well::length(request).await,
            "hash" => well::hash(request).await,
            "trailers" => well::trailers(request),
            "stream" => well::stream(),
            "log" => well::log(),
            "environment" => well::environment(),
            "clocks" => well::clocks().await,
            "files" => well::files(),
            "read" => well::read(&request),
            "fill" => files::fill(&request).await,
            "after" => well::after(),
            "count" | "burn" | "retain" | "reserve" | "linger" | "keep" | "hold" => {
                body::text(&lasting(action, detail, Fields::new))
            }
            "fetch" => outgoing::fetch(request).await,
            "hash-all" => outgoing::hash_all(request).await,
            "double-echo" => outgoing::double_echo(request).await,
            "proposals" => proposals::proposals(),
            "" | "hello" => body::text("Hello from a component\n"),
            _ => badly::act(action, detail).await,
        }
    }
}
