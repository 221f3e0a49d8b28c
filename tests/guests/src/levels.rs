//! Writes a record of each level to its log, and then as many lines of a kilobyte as it is told.

use steading::{Request, Response, log};

#[steading::http(route = "levels/{count?}", auth = "anonymous")]
fn levels(request: Request) -> Response {
    log::debug("orders: debugged");
    log::info("orders: informed");
    log::warn("orders: warned");
    log::error("orders: failed");
    let count = request.param("count").and_then(|count| count.parse().ok()).unwrap_or(0);
    for _ in 0..count {
        log::info("x".repeat(1024));
    }
    Response::text("logged")
}
