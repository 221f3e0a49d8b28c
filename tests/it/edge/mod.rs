//! The worker's edge: what a caller can do to it before a guest is involved. Heads that no client
//! sends ([`heads`]), callers that take their time ([`slow`]), and more of them than there is room for
//! ([`crowd`]), or so many that an honest caller might notice ([`slowloris`]).

mod crowd;
mod heads;
mod slow;
mod slowloris;

/// A request of the guest `steady`, whose head is complete.
const STEADY: &str = "GET /functions/guests/api/steady HTTP/1.1\r\nhost: x\r\n\r\n";
/// What it answers.
const ANSWER: &str = "the steady guest, version 1";
