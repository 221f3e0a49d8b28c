//! Who a request comes from, as the gate found out, and the extractors by which handlers read it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use http::request::Parts;
use http::{HeaderMap, header};
use steading_protocol::WorkerId;

use super::SecretHash;
use super::session::{Session, session_of};
use crate::error::{ApiError, Code};
use crate::state::Shared;

/// Who a request comes from. Only the gate makes one.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    /// Nobody known.
    Nobody,
    /// The administrator's browser.
    Session(Session),
    /// The holder of an API token.
    Token,
    /// The administrator, by password in the request.
    Password,
    /// A machine that holds the join token.
    Joiner,
    /// A worker that has joined.
    Worker(WorkerId),
}

impl Caller {
    /// What a record of a change says of who made it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Session(_) => "portal",
            Self::Token => "token",
            Self::Password => "password",
            Self::Joiner => "join token",
            Self::Worker(_) => "worker",
        }
    }
}

/// The worker that calls; 401 for anyone else.
pub(crate) struct AsWorker(pub(crate) WorkerId);

/// The address a request comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

/// The text of a bearer token.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The operator behind a request: by bearer token when it has one, else by session.
pub(crate) async fn identify_operator(
    shared: &Shared,
    headers: &HeaderMap,
) -> Result<Option<Caller>, ApiError> {
    if !headers.contains_key(header::AUTHORIZATION) {
        return Ok(session_of(shared, headers).await?.map(Caller::Session));
    }
    let Some(token) = bearer(headers) else { return Ok(None) };
    let found = shared.store.token_by_hash(&SecretHash::of(token)).await?;
    Ok(found.map(|_| Caller::Token))
}

impl FromRequestParts<Arc<Shared>> for AsWorker {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &Arc<Shared>,
    ) -> Result<Self, Self::Rejection> {
        match parts.extensions.get::<Caller>() {
            Some(Caller::Worker(worker)) => Ok(Self(worker.clone())),
            _ => Err(ApiError::new(Code::Unauthorized, "a worker's token is needed")),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let address = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Ok(Self(address.map_or(Ipv4Addr::UNSPECIFIED.into(), |info| info.0.ip())))
    }
}
