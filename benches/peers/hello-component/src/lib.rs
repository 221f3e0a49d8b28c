//! Hello world as a `wasi:http` 0.2 component: what a peer runs where the worker runs
//! `examples/hello`. Same status, same content type, same body.

use wasip2::http::types::{
    Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

struct Hello;

wasip2::http::proxy::export!(Hello);

impl wasip2::exports::http::incoming_handler::Guest for Hello {
    fn handle(_request: IncomingRequest, out: ResponseOutparam) {
        let fields = Fields::new();
        let kind = [b"text/plain; charset=utf-8".to_vec()];
        fields.set("content-type", &kind).expect("a valid header");
        let response = OutgoingResponse::new(fields);
        let body = response.body().expect("a body is taken once");
        ResponseOutparam::set(out, Ok(response));
        let stream = body.write().expect("a stream is taken once");
        stream.blocking_write_and_flush(b"Hello from Steading.\n").expect("the caller listens");
        drop(stream);
        OutgoingBody::finish(body, None).expect("a body ends once");
    }
}
