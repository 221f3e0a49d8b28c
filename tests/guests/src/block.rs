//! Never answers: sleeps for ever inside a call of the worker, where no epoch reaches it.

use std::time::Duration;

use steading::{Request, Response};

#[steading::http(auth = "anonymous")]
fn block(_: Request) -> Response {
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}
