//! Bodies, piece by piece.

use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::wit_bindgen::{FutureReader, FutureWriter, StreamReader, StreamResult, StreamWriter};
use wasip3::{spawn_local, wit_future, wit_stream};

use crate::Answer;

/// What stands behind a body.
pub(crate) type Trailers = Result<Option<Fields>, ErrorCode>;

/// A body that is being written.
pub(crate) struct Body {
    stream: StreamWriter<u8>,
    trailers: FutureWriter<Trailers>,
}

/// 200 with a text.
pub(crate) fn text(text: &str) -> Answer {
    let (response, mut body) = begin(200, &[("content-type", "text/plain")]);
    let text = text.as_bytes().to_vec();
    spawn_local(async move {
        body.write(text).await;
        body.end(Ok(None)).await;
    });
    Ok(response)
}

/// A response with this head, and its body.
pub(crate) fn begin(status: u16, headers: &[(&str, &str)]) -> (Response, Body) {
    let fields = Fields::new();
    for (name, value) in headers {
        fields.append(name, value.as_bytes()).expect("a header of our own can be set");
    }
    let (stream, contents) = wit_stream::new();
    let (trailers, ending) = wit_future::new(|| Err(ErrorCode::InternalError(None)));
    let (response, _sent) = Response::new(fields, Some(contents), ending);
    response.set_status_code(status).expect("a status of our own can be set");
    (response, Body { stream, trailers })
}

impl Body {
    /// Writes all of it, waiting as often as it takes; false when nobody reads any more.
    pub(crate) async fn write(&mut self, bytes: Vec<u8>) -> bool {
        self.stream.write_all(bytes).await.is_empty()
    }

    /// The end of the body.
    pub(crate) async fn end(self, trailers: Trailers) {
        drop(self.stream);
        let _ = self.trailers.write(trailers).await;
    }
}

/// The body of a request, and what stands behind it.
pub(crate) fn of(request: Request) -> (StreamReader<u8>, FutureReader<Trailers>) {
    // nobody needs to hear how the reading went
    let (_, read) = wit_future::new(|| Ok(()));
    Request::consume_body(request, read)
}

/// The next piece; `None` is the end.
pub(crate) async fn next(stream: &mut StreamReader<u8>) -> Option<Vec<u8>> {
    let (result, piece) = stream.read(Vec::with_capacity(64 << 10)).await;
    match result {
        StreamResult::Complete(_) => Some(piece),
        _ if !piece.is_empty() => Some(piece),
        _ => None,
    }
}
