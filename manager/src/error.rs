//! What a caller is told when something is refused or fails, and the one place that maps it to
//! HTTP. The cause goes to the log, never to the caller.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::RETRY_AFTER;

use crate::store::StoreError;

/// When to come again while the store is away, seconds: a database fails over in some ten.
const STORE_AWAY_S: u64 = 5;

/// An error on its way to a caller. Put into a response's extensions by [`IntoResponse`]; the
/// outermost layer (`trace`) writes the body and logs the cause, and the portal may write a page
/// instead.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    code: Code,
    message: String,
    cause: Option<Arc<dyn std::error::Error + Send + Sync>>,
    retry_after_s: Option<u64>,
    items: Vec<String>,
}

/// The fixed words of the API, each with its status below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    NotWasm,
    WasmInvalid,
    PackageInvalid,
    ModuleTooLarge,
    ImportUnknown,
    NoFunctions,
    FunctionDuplicate,
    RouteConflict,
    RouteInvalid,
    ManifestInvalid,
    AuthUnsupported,
    GrantsNew,
    SettingInvalid,
    SettingUnknown,
    SecretsKeyMissing,
    NameInvalid,
    PasswordInvalid,
    AppUnknown,
    VersionUnknown,
    FunctionUnknown,
    WorkerUnknown,
    ModuleUnknown,
    TokenUnknown,
    NotFound,
    MethodNotAllowed,
    BodyInvalid,
    BodyTooLarge,
    TimedOut,
    Unauthorized,
    Forbidden,
    TooManyAttempts,
    NoWorkerReady,
    WorkerUnreachable,
    ReplyTooLarge,
    StoreFull,
    StoreUnreachable,
    StoreFailed,
    Internal,
}

impl Code {
    /// The word and the status of the code: the one mapping of errors to HTTP.
    fn parts(self) -> (&'static str, StatusCode) {
        use StatusCode as S;
        match self {
            Self::NotWasm => ("not_wasm", S::UNPROCESSABLE_ENTITY),
            Self::WasmInvalid => ("wasm_invalid", S::UNPROCESSABLE_ENTITY),
            Self::PackageInvalid => ("package_invalid", S::UNPROCESSABLE_ENTITY),
            Self::ModuleTooLarge => ("module_too_large", S::PAYLOAD_TOO_LARGE),
            Self::ImportUnknown => ("import_unknown", S::UNPROCESSABLE_ENTITY),
            Self::NoFunctions => ("no_functions", S::UNPROCESSABLE_ENTITY),
            Self::FunctionDuplicate => ("function_duplicate", S::UNPROCESSABLE_ENTITY),
            Self::RouteConflict => ("route_conflict", S::UNPROCESSABLE_ENTITY),
            Self::RouteInvalid => ("route_invalid", S::UNPROCESSABLE_ENTITY),
            Self::ManifestInvalid => ("manifest_invalid", S::UNPROCESSABLE_ENTITY),
            Self::AuthUnsupported => ("auth_unsupported", S::UNPROCESSABLE_ENTITY),
            Self::GrantsNew => ("grants_new", S::CONFLICT),
            Self::SettingInvalid => ("setting_invalid", S::UNPROCESSABLE_ENTITY),
            Self::SettingUnknown => ("setting_unknown", S::NOT_FOUND),
            Self::SecretsKeyMissing => ("secrets_key_missing", S::CONFLICT),
            Self::NameInvalid => ("name_invalid", S::UNPROCESSABLE_ENTITY),
            Self::PasswordInvalid => ("password_invalid", S::UNPROCESSABLE_ENTITY),
            Self::AppUnknown => ("app_unknown", S::NOT_FOUND),
            Self::VersionUnknown => ("version_unknown", S::NOT_FOUND),
            Self::FunctionUnknown => ("function_unknown", S::NOT_FOUND),
            Self::WorkerUnknown => ("worker_unknown", S::NOT_FOUND),
            Self::ModuleUnknown => ("module_unknown", S::NOT_FOUND),
            Self::TokenUnknown => ("token_unknown", S::NOT_FOUND),
            Self::NotFound => ("not_found", S::NOT_FOUND),
            Self::MethodNotAllowed => ("method_not_allowed", S::METHOD_NOT_ALLOWED),
            Self::BodyInvalid => ("body_invalid", S::BAD_REQUEST),
            Self::BodyTooLarge => ("body_too_large", S::PAYLOAD_TOO_LARGE),
            Self::TimedOut => ("timed_out", S::REQUEST_TIMEOUT),
            Self::Unauthorized => ("unauthorized", S::UNAUTHORIZED),
            Self::Forbidden => ("forbidden", S::FORBIDDEN),
            Self::TooManyAttempts => ("too_many_attempts", S::TOO_MANY_REQUESTS),
            Self::NoWorkerReady => ("no_worker_ready", S::SERVICE_UNAVAILABLE),
            Self::WorkerUnreachable => ("worker_unreachable", S::BAD_GATEWAY),
            Self::ReplyTooLarge => ("reply_too_large", S::BAD_GATEWAY),
            Self::StoreFull => ("store_full", S::INSUFFICIENT_STORAGE),
            Self::StoreUnreachable => ("store_unreachable", S::SERVICE_UNAVAILABLE),
            Self::StoreFailed => ("store_failed", S::INTERNAL_SERVER_ERROR),
            Self::Internal => ("internal", S::INTERNAL_SERVER_ERROR),
        }
    }
}

impl ApiError {
    /// An error with its code and a sentence for people that names the thing at fault.
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), cause: None, retry_after_s: None, items: vec![] }
    }

    /// The same error with a cause for the log.
    #[must_use]
    pub(crate) fn caused_by(
        mut self,
        cause: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        self.cause = Some(Arc::new(cause));
        self
    }

    /// The same error with a time after which another attempt makes sense.
    #[must_use]
    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// The same error with what its sentence lists, one by one.
    #[must_use]
    pub(crate) fn listing(mut self, items: Vec<String>) -> Self {
        self.items = items;
        self
    }

    /// What its sentence lists.
    pub(crate) fn items(&self) -> &[String] {
        &self.items
    }

    /// The code.
    pub(crate) fn code(&self) -> Code {
        self.code
    }

    /// The code as it stands in the body.
    pub(crate) fn word(&self) -> &'static str {
        self.code.parts().0
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        self.code.parts().1
    }

    /// The sentence for people.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The cause with all of its own causes, for the log.
    pub(crate) fn cause_chain(&self) -> Option<String> {
        let cause = self.cause.as_ref()?;
        let mut text = cause.to_string();
        let mut source = cause.source();
        while let Some(error) = source {
            text.push_str(": ");
            text.push_str(&error.to_string());
            source = error.source();
        }
        Some(text)
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ApiError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_ref().map(|cause| &**cause as _)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let refusal = match &error {
            StoreError::Full { .. } => Self::new(
                Code::StoreFull,
                "the manager's store has no room left; nothing was changed",
            ),
            StoreError::Unreachable { .. } => Self::new(
                Code::StoreUnreachable,
                "the manager's store cannot be reached now; look whether it was done, and try again",
            )
            .retry_after(STORE_AWAY_S),
            StoreError::Failed { .. } => {
                Self::new(Code::StoreFailed, "the manager's store failed; see its log")
            }
        };
        refusal.caused_by(error)
    }
}
