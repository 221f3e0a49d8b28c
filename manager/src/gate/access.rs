//! Meets a rule's access: finds out who calls, and refuses who may not. Reads headers and, for a
//! form's CSRF field, the form.

use std::sync::Arc;

use axum::RequestExt;
use axum::body::Body;
use axum::extract::{RawPathParams, Request};
use http::{HeaderMap, Method, header};
use http_body_util::BodyExt;
use url::form_urlencoded;

use super::Access;
use crate::auth::{self, Caller, ClientAddress, SecretHash, Session};
use crate::error::{ApiError, Code};
use crate::state::Shared;

/// Puts the [`Caller`] into the request, or refuses it.
pub(super) async fn admit(
    shared: &Arc<Shared>,
    access: Access,
    request: &mut Request,
) -> Result<(), ApiError> {
    let caller = identify(shared, access, request).await?;
    if is_unsafe(request.method()) && !request.headers().contains_key(header::AUTHORIZATION) {
        auth::check_origin(request.headers())?;
    }
    if let Caller::Session(session) = &caller
        && is_unsafe(request.method())
        && leaves_csrf_to_gate(access, request.headers())
    {
        check_csrf(session, request).await?;
    }
    request.extensions_mut().insert(caller);
    Ok(())
}

/// Open routes do nothing in the session's name, and a multipart form brings its token inside.
fn leaves_csrf_to_gate(access: Access, headers: &HeaderMap) -> bool {
    match access {
        Access::Open => false,
        Access::OperatorMultipart => headers.contains_key(auth::CSRF_HEADER),
        _ => true,
    }
}

async fn identify(
    shared: &Shared,
    access: Access,
    request: &mut Request,
) -> Result<Caller, ApiError> {
    let headers = request.headers();
    match access {
        Access::Open => {
            Ok(auth::session_of(shared, headers).await?.map_or(Caller::Nobody, Caller::Session))
        }
        Access::Operator | Access::OperatorMultipart => operator(shared, headers).await,
        Access::OperatorOrPassword => {
            let Ok(address) = request.extract_parts::<ClientAddress>().await;
            if auth::basic_password(shared, address.0, request.headers()).await? {
                return Ok(Caller::Password);
            }
            operator(shared, request.headers()).await
        }
        Access::Joiner if is_joiner(shared, headers) => Ok(Caller::Joiner),
        Access::Joiner => {
            Err(ApiError::new(Code::Unauthorized, "the join token is missing or wrong"))
        }
        Access::JoinerOrOperator if is_joiner(shared, headers) => Ok(Caller::Joiner),
        Access::JoinerOrOperator => operator(shared, headers).await,
        Access::Worker => worker(shared, request).await,
    }
}

fn is_joiner(shared: &Shared, headers: &HeaderMap) -> bool {
    auth::bearer(headers).is_some_and(|token| SecretHash::of(token) == shared.auth.join_token)
}

async fn operator(shared: &Shared, headers: &HeaderMap) -> Result<Caller, ApiError> {
    auth::identify_operator(shared, headers).await?.ok_or_else(|| {
        ApiError::new(Code::Unauthorized, "sign in, or send an API token as a bearer token")
    })
}

async fn worker(shared: &Shared, request: &mut Request) -> Result<Caller, ApiError> {
    let refused = || ApiError::new(Code::Unauthorized, "the worker's token is missing or wrong");
    let token = auth::bearer(request.headers()).ok_or_else(refused)?;
    let worker = shared.store.worker_by_token(&SecretHash::of(token)).await?.ok_or_else(refused)?;
    if let Ok(params) = request.extract_parts::<RawPathParams>().await
        && let Some((_, named)) = params.iter().find(|(name, _)| *name == "worker")
        && named != worker.as_str()
    {
        return Err(ApiError::new(
            Code::Forbidden,
            format!("this token is of worker `{worker}` and cannot act for another"),
        ));
    }
    Ok(Caller::Worker(worker))
}

fn is_unsafe(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

async fn check_csrf(session: &Session, request: &mut Request) -> Result<(), ApiError> {
    let refused = || ApiError::new(Code::Forbidden, "the CSRF token is missing or wrong");
    if let Some(value) = request.headers().get(auth::CSRF_HEADER) {
        let matches = value.to_str().is_ok_and(|text| auth::csrf_matches(&session.csrf, text));
        return if matches { Ok(()) } else { Err(refused()) };
    }
    if !is_form(request.headers()) {
        return Err(refused());
    }
    let form = std::mem::take(request.body_mut())
        .collect()
        .await
        .map_err(|_| ApiError::new(Code::BodyTooLarge, "the form cannot be read or is too long"))?
        .to_bytes();
    let matches = form_urlencoded::parse(&form)
        .any(|(name, value)| name == auth::CSRF_FIELD && auth::csrf_matches(&session.csrf, &value));
    *request.body_mut() = Body::from(form);
    if matches { Ok(()) } else { Err(refused()) }
}

fn is_form(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|text| {
        text.split(';').next().unwrap_or("").trim() == "application/x-www-form-urlencoded"
    })
}
