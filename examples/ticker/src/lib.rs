//! Server-sent events: `GET /api/ticker` sends `ticks` events, one each `every_ms` milliseconds.

#![forbid(unsafe_code)]

use std::io::Write;
use std::thread::sleep;
use std::time::Duration;

use steading::{Error, Request, Response};

/// As many as the deadline in `steading.toml` has room for at the slowest pace that is useful.
const TICKS_MAX: u64 = 100_000;
const EVERY_MS_MAX: u64 = 60_000;

#[steading::http(methods(GET), auth = "anonymous")]
fn ticker(request: Request) -> Result<Response, Error> {
    let ticks = number(&request, "ticks", 10, TICKS_MAX)?;
    let every = Duration::from_millis(number(&request, "every_ms", 1000, EVERY_MS_MAX)?);
    let events = Response::stream(move |body| {
        for tick in 1..=ticks {
            write!(body, "id: {tick}\nevent: tick\ndata: {tick} of {ticks}\n\n")?;
            if tick < ticks {
                sleep(every);
            }
        }
        Ok(())
    });
    Ok(events.header("content-type", "text/event-stream").header("cache-control", "no-store"))
}

fn number(request: &Request, name: &str, default: u64, max: u64) -> Result<u64, Error> {
    let Some(text) = request.query_param(name) else { return Ok(default) };
    match text.parse() {
        Ok(number) if number <= max => Ok(number),
        _ => Err(Error::new(400, format!("`{name}` is a number up to {max}"))),
    }
}

#[cfg(test)]
mod tests {
    use steading::testing::{request, whole};

    use super::*;

    #[test]
    fn it_sends_as_many_events_as_asked_for() {
        let response = ticker(request("GET", "/api/ticker").query("ticks=2&every_ms=0").build());
        let response = whole(response.unwrap());
        assert_eq!(response.header_value("content-type"), Some("text/event-stream"));
        assert_eq!(
            response.body_text(),
            "id: 1\nevent: tick\ndata: 1 of 2\n\nid: 2\nevent: tick\ndata: 2 of 2\n\n"
        );
    }

    #[test]
    fn a_number_that_is_none_or_too_large_is_refused_by_name() {
        for query in ["ticks=x", "ticks=100001"] {
            let error = ticker(request("GET", "/api/ticker").query(query).build()).err().unwrap();
            assert_eq!(
                (error.status(), error.message()),
                (400, "`ticks` is a number up to 100000")
            );
        }
    }
}
