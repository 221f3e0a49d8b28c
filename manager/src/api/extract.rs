//! Extractors that answer with the API's own errors.

use axum::extract::{FromRequest, FromRequestParts, Request};
use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::error::{ApiError, Code};

/// Parts of the path; `name_invalid` when one breaks its rule.
pub(crate) struct Path<T>(pub(crate) T);

/// The query; `body_invalid` when it cannot be read.
pub(crate) struct Query<T>(pub(crate) T);

/// A JSON body, whatever its content type says; `body_invalid` when it cannot be read.
pub(crate) struct JsonBody<T>(pub(crate) T);

/// The bytes of a package; `module_too_large` when there are too many.
pub(crate) struct PackageBody(pub(crate) Bytes);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(rejection) => Err(ApiError::new(Code::NameInvalid, rejection.body_text())),
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match axum::extract::Query::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(ApiError::new(Code::BodyInvalid, rejection.body_text())),
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let bytes = read(request, state, Code::BodyTooLarge).await?;
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|error| ApiError::new(Code::BodyInvalid, format!("the body: {error}")))
    }
}

impl<S: Send + Sync> FromRequest<S> for PackageBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        read(request, state, Code::ModuleTooLarge).await.map(Self)
    }
}

async fn read<S: Send + Sync>(
    request: Request,
    state: &S,
    too_large: Code,
) -> Result<Bytes, ApiError> {
    Bytes::from_request(request, state).await.map_err(|rejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            ApiError::new(too_large, "the body is larger than this manager takes")
        } else {
            ApiError::new(Code::BodyInvalid, "the body ended before it was whole")
        }
    })
}
