//! The guest side of Steading: write a plain `fn`, mark it, and a worker runs it in a fresh
//! sandbox for every request.
//!
//! ```
//! use steading::{Error, Request, Response};
//!
//! #[steading::http(route = "greetings/{name}", methods(GET), auth = "anonymous")]
//! fn greet(request: Request) -> Result<Response, Error> {
//!     let name = request.param("name").unwrap_or("world");
//!     if name.len() > 40 {
//!         return Err(Error::new(400, "the name is longer than 40 bytes"));
//!     }
//!     Ok(Response::text(format!("Good day, {name}.\n")))
//! }
//! # fn main() {
//! let response = greet(steading::testing::request("GET", "/api/greetings/Ada").param("name", "Ada").build());
//! assert_eq!(response.unwrap().body_text(), "Good day, Ada.\n");
//! # }
//! ```
//!
//! [`macro@http`] is all the wiring there is: it exports the function from the module and writes
//! what the worker needs to know of it into the module itself, so that the `.wasm` file alone can be
//! published. The function stays callable by its own name, natively too, which is what makes it
//! testable with plain `cargo test` (see [`testing`]).
//!
//! What passes between a module and its worker is written down in `ABI.md` beside this crate. This
//! crate is not a web framework: routing, limits and keys are the worker's business. One invariant:
//! nothing outside the private module `sys` touches the worker's imports or uses `unsafe`.

#![deny(missing_docs)]
// The macro writes paths that begin with `::steading`; this makes them hold in here too.
#[allow(unused_extern_crates)]
extern crate self as steading;

mod error;
mod head;
pub mod http;
mod json_path;
pub mod kv;
pub mod log;
mod problem;
mod query;
mod request;
mod response;
pub mod settings;
mod stream;
mod sys;
pub mod testing;

#[doc(hidden)]
pub mod entry;

pub use error::Error;
pub use problem::Problem;
pub use request::{Headers, QueryParams, Request};
pub use response::{IntoResponse, Response};
pub use steading_macro::http;
pub use stream::{BodyReader, BodyWriter};

#[cfg(all(target_os = "wasi", not(target_env = "p1")))]
compile_error!("functions are built for the target wasm32-wasip1; `steading build` does that");
