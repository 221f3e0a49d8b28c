//! A component of WASI 0.2 for the tests, on nothing but the bindings: what it does is its path. What it does well is
//! in [`well`], what it does badly in [`badly`], what outlives a call in [`lasting`], and what needs more than WASI in
//! [`proposals`]. It knows nothing of Steading.

// what it exports has names that only a linker for WebAssembly takes; elsewhere it is compiled, and not called
#![cfg_attr(not(target_family = "wasm"), allow(dead_code))]

mod badly;
mod body;
mod outgoing;
mod proposals;
mod well;

use steading_test_components::lasting;
use wasip2::http::types::{
    ErrorCode, Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};
use wasip2::io::streams::OutputStream;

use self::body::write_all;

struct Guest;

#[cfg(target_family = "wasm")]
wasip2::http::proxy::export!(Guest);

/// How a request is answered.
pub(crate) struct Answer(ResponseOutparam);

/// A response that has begun.
pub(crate) struct Begun {
    pub(crate) body: OutgoingBody,
    pub(crate) stream: OutputStream,
}

impl wasip2::exports::http::incoming_handler::Guest for Guest {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let path = request.path_with_query().unwrap_or_default();
        let mut parts =
            path.split('?').next().unwrap_or_default().trim_start_matches('/').split('/');
        let (action, detail) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let answer = Answer(out);
        match action {
            "inspect" => well::inspect(&request, answer),
            "echo" => well::echo(&request, answer),
            "length" => well::length(&request, answer),
            "hash" => well::hash(&request, answer),
            "trailers" => well::trailers(&request, answer),
            "stream" => well::stream(answer),
            "log" => well::log(answer),
            "environment" => well::environment(answer),
            "clocks" => well::clocks(answer),
            "files" => well::files(answer),
            "read" => well::read(&request, answer),
            "fill" => well::fill(&request, answer),
            "after" => well::after(answer),
            "count" | "burn" | "retain" | "reserve" | "linger" | "keep" | "hold" => {
                answer.text(&lasting(action, detail, Fields::new));
            }
            "forsake" => outgoing::forsake(&request, answer),
            "fetch" => outgoing::fetch(&request, answer),
            "hash-all" => outgoing::hash_all(&request, answer),
            "double-echo" => outgoing::double_echo(&request, answer),
            "settings" => proposals::settings(&request, answer),
            "levels" => proposals::levels(detail, answer),
            "keyvalue" => proposals::keyvalue(detail, &request, answer),
            "keyvalue-latest" => proposals::keyvalue_latest(detail, &request, answer),
            "" | "hello" => answer.text("Hello from a component\n"),
            _ => badly::act(action, detail, &request, answer),
        }
    }
}

impl Answer {
    /// 200 with a text.
    pub(crate) fn text(self, text: &str) {
        let begun = self.begin(200, &[("content-type", "text/plain")]);
        write_all(&begun.stream, text.as_bytes());
        begun.end(None);
    }

    /// A response with this head, whose body is yet to be written.
    pub(crate) fn begin(self, status: u16, headers: &[(&str, &str)]) -> Begun {
        let fields = Fields::new();
        for (name, value) in headers {
            fields.append(name, value.as_bytes()).expect("a header of our own can be set");
        }
        let response = OutgoingResponse::new(fields);
        response.set_status_code(status).expect("a status of our own can be set");
        let body = response.body().expect("a body is taken once");
        let stream = body.write().expect("a stream is taken once");
        ResponseOutparam::set(self.0, Ok(response));
        Begun { body, stream }
    }

    /// No response, but an error.
    pub(crate) fn fail(self, code: ErrorCode) {
        ResponseOutparam::set(self.0, Err(code));
    }
}

impl Begun {
    /// The end of the body.
    pub(crate) fn end(self, trailers: Option<Fields>) {
        let _ = self.try_end(trailers);
    }

    /// The end of the body, or why it is a bad one.
    pub(crate) fn try_end(self, trailers: Option<Fields>) -> Result<(), ErrorCode> {
        drop(self.stream);
        OutgoingBody::finish(self.body, trailers)
    }
}
