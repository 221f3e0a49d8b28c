//! Well-behaved and slow: answers after the milliseconds in its query, so that a test can have a
//! request in flight.

use std::time::Duration;

use steading::{Request, Response};

#[steading::http(auth = "anonymous")]
fn slow(request: Request) -> Response {
    let ms = request.query_param("ms").and_then(|ms| ms.parse().ok()).unwrap_or(1000);
    std::thread::sleep(Duration::from_millis(ms));
    Response::text("answered in the end")
}
