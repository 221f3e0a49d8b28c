//! What a caller reads when something is refused or fails: the manager's error body, and the
//! problem details (RFC 9457) of a worker.

use serde::{Deserialize, Serialize};

/// A header of a worker's refusals, as of a server that has no connection left: no invocation was begun, and the value
/// is the problem's code. A gateway may ask another worker then, whatever the method. No function can set it, and no
/// gateway passes it on.
pub const REFUSED: &str = "x-steading-refused";

/// A header of every reply to an invocation: its id, so that a caller can quote it. A worker's reply has one of the two,
/// but where its server answers by itself what it could not read.
pub const INVOCATION: &str = "x-steading-invocation";

/// The body of every error of the manager's API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorBody {
    /// A fixed word for programs, such as `app_unknown`.
    pub code: String,
    /// One sentence for people; names the thing at fault.
    pub message: String,
    /// The id under which the manager's log has this request.
    pub request_id: String,
}

/// The body of a refusal or failure answered by a worker, `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The HTTP status, repeated.
    pub status: u16,
    /// A fixed word for programs, such as `deadline_exceeded`.
    pub code: String,
    /// One sentence for people.
    pub title: String,
    /// The invocation, when one was begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invocation: Option<String>,
}
