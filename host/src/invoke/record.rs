//! The record of one invocation: metrics and a log line, written when it ends, also when it ends
//! because the caller went away.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Function;
use crate::guest::{Answer, Conduit, GuestError, GuestResponse};

/// Written when dropped.
pub(super) struct Record {
    pub(super) function: Arc<Function>,
    pub(super) conduit: Arc<Conduit>,
    invocation: String,
    began: Instant,
    cpu: Option<Duration>,
    outcome: Outcome,
}

enum Outcome {
    /// Nothing has been decided: what a drop in mid-call leaves.
    Cancelled,
    Answered(u16),
    Failed {
        code: &'static str,
        error: String,
    },
}

/// What an invocation took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Took {
    /// From permit to end.
    pub(crate) wall: Duration,
    /// On the processor.
    pub(crate) cpu: Duration,
}

impl Record {
    pub(super) fn begin(
        function: &Arc<Function>,
        invocation: &str,
        conduit: &Arc<Conduit>,
    ) -> Self {
        Self {
            function: Arc::clone(function),
            conduit: Arc::clone(conduit),
            invocation: invocation.to_owned(),
            began: Instant::now(),
            cpu: None,
            outcome: Outcome::Cancelled,
        }
    }

    /// Notes how the call ended. To be called where the guest ran.
    pub(super) fn end(&mut self, answer: &Result<Answer, GuestError>) {
        self.cpu = Some(self.conduit.cpu.used());
        self.outcome = match answer {
            Ok(Answer::Whole(GuestResponse { late_fault: Some(error), .. }))
            | Ok(Answer::Streamed { late_fault: Some(error) })
            | Err(error) => {
                Outcome::Failed { code: error.status_and_code().1, error: error.to_string() }
            }
            Ok(Answer::Whole(response)) => Outcome::Answered(response.head.status.as_u16()),
            Ok(Answer::Streamed { late_fault: None }) => {
                Outcome::Answered(self.conduit.outlet.status())
            }
        };
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let cpu = self.cpu.unwrap_or_else(|| self.conduit.cpu.ended());
        let took = Took { wall: self.began.elapsed(), cpu };
        let function = &*self.function;
        let (app, name) = (function.app.as_str(), function.name.as_str());
        let (version, invocation) = (function.version.0, self.invocation.as_str());
        let (wall_us, cpu_us) = (took.wall.as_micros() as u64, took.cpu.as_micros() as u64);
        self.conduit.log.emit(app, name, invocation);
        macro_rules! log {
            ($level:ident, $($field:ident)*, $text:literal) => {
                tracing::$level!(app, version, function = name, invocation, $($field,)* wall_us, cpu_us, $text)
            };
        }
        match &self.outcome {
            Outcome::Answered(status) => {
                function.metrics.record(took, None);
                log!(debug, status, "Invocation answered");
            }
            Outcome::Failed { code, error } => {
                function.metrics.record(took, Some(code));
                log!(warn, code error, "Invocation failed");
            }
            Outcome::Cancelled => {
                function.metrics.record(took, Some("cancelled"));
                log!(debug, , "Invocation cancelled by its caller");
            }
        }
    }
}
