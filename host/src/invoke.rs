//! The one path of every invocation, whatever triggered it, and the one place that records it.

use std::sync::Arc;
use std::time::Instant;

use steading_protocol::{AppName, FunctionName, HttpTrigger, Limits, VersionNumber};

use crate::admission::{Caps, Permit};
use crate::guest::native::NativeFunction;
use crate::guest::{GuestError, GuestLog, GuestRequest, GuestResponse};
use crate::metrics::FunctionMetrics;

/// A function that is loaded and can be invoked.
pub(crate) struct Function {
    pub(crate) app: AppName,
    pub(crate) version: VersionNumber,
    pub(crate) name: FunctionName,
    pub(crate) http: HttpTrigger,
    pub(crate) limits: Limits,
    pub(crate) caps: Caps,
    pub(crate) native: NativeFunction,
    pub(crate) metrics: FunctionMetrics,
}

/// Records an invocation when it ends, also when it ends because the caller went away.
struct Record {
    function: Arc<Function>,
    invocation: String,
    log: GuestLog,
    began: Instant,
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

/// Runs a function once. The permit is held until the invocation is recorded.
pub(crate) async fn invoke(
    function: &Arc<Function>,
    request: GuestRequest,
    permit: Permit,
) -> Result<GuestResponse, GuestError> {
    let mut record = Record {
        function: Arc::clone(function),
        invocation: request.invocation.clone(),
        log: GuestLog::new(function.limits.log_bytes_max),
        began: Instant::now(),
        outcome: Outcome::Cancelled,
    };
    let result = function.native.call(request, &record.log).await;
    record.outcome = match &result {
        Ok(GuestResponse { late_fault: Some(error), .. }) | Err(error) => {
            Outcome::Failed { code: error.status_and_code().1, error: error.to_string() }
        }
        Ok(response) => Outcome::Answered(response.status.as_u16()),
    };
    drop(record);
    drop(permit);
    result
}

impl Drop for Record {
    fn drop(&mut self) {
        let duration = self.began.elapsed();
        let function = &*self.function;
        let (app, name) = (function.app.as_str(), function.name.as_str());
        let (version, invocation) = (function.version.0, self.invocation.as_str());
        let duration_us = duration.as_micros() as u64;
        self.log.emit(app, name, invocation);
        match &self.outcome {
            Outcome::Answered(status) => {
                function.metrics.record(duration, None);
                tracing::debug!(
                    app,
                    version,
                    function = name,
                    invocation,
                    status,
                    duration_us,
                    "Invocation answered"
                );
            }
            Outcome::Failed { code, error } => {
                function.metrics.record(duration, Some(code));
                tracing::warn!(
                    app,
                    version,
                    function = name,
                    invocation,
                    code,
                    error,
                    duration_us,
                    "Invocation failed"
                );
            }
            Outcome::Cancelled => {
                function.metrics.record(duration, Some("cancelled"));
                tracing::debug!(
                    app,
                    version,
                    function = name,
                    invocation,
                    duration_us,
                    "Invocation cancelled by its caller"
                );
            }
        }
    }
}
