//! The ways of the administrator in: set-up, sign-in, and HTTP Basic for making a token. All of them
//! go through the same back-off.

use std::net::IpAddr;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, header};
use steading_protocol::Secret;

use super::session::{self, NewSession, Session, clear_cookie};
use super::{SecretHash, check_password};
use crate::error::{ApiError, Code};
use crate::state::Shared;
use crate::store::Setting;

/// Whether there is no administrator's password yet.
pub(crate) async fn needs_set_up(shared: &Shared) -> Result<bool, ApiError> {
    Ok(shared.store.setting_get(Setting::AdminPassword).await?.is_none())
}

/// Sets the first password, for whoever knows the set-up code, and signs them in.
pub(crate) async fn set_up(
    shared: &Shared,
    address: IpAddr,
    code: &Secret,
    password: &Secret,
) -> Result<NewSession, ApiError> {
    begin_attempt(shared, address)?;
    if SecretHash::of(code.expose()) != SecretHash::of(shared.auth.setup_code.expose()) {
        return Err(ApiError::new(Code::Unauthorized, "that is not the set-up code"));
    }
    shared.auth.attempts.succeeded(address);
    check_password(password)
        .map_err(|refused| ApiError::new(Code::PasswordInvalid, refused.to_string()))?;
    let phc = shared.auth.hashing.hash(password).await;
    if !shared.store.setting_insert(Setting::AdminPassword, &phc).await? {
        return Err(ApiError::new(Code::Forbidden, "the administrator's password is already set"));
    }
    shared.auth.note_set_up();
    tracing::info!("administrator's password set");
    session::begin(shared).await
}

/// Signs a browser in by the administrator's password.
pub(crate) async fn sign_in(
    shared: &Shared,
    address: IpAddr,
    password: &Secret,
) -> Result<NewSession, ApiError> {
    verify(shared, address, password).await?;
    session::begin(shared).await
}

/// Ends a session; returns the `set-cookie` value that makes the browser forget it.
pub(crate) async fn sign_out(shared: &Shared, session: &Session) -> Result<HeaderValue, ApiError> {
    shared.store.session_delete(&session.id).await?;
    Ok(clear_cookie(shared))
}

/// Whether the request carries HTTP Basic of user `admin` with the administrator's password. An
/// error when it tries and fails; false when it does not try.
pub(crate) async fn basic_password(
    shared: &Shared,
    address: IpAddr,
    headers: &HeaderMap,
) -> Result<bool, ApiError> {
    let Some(encoded) = basic(headers) else { return Ok(false) };
    let decoded = STANDARD.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let Some(("admin", password)) = decoded.as_deref().and_then(|text| text.split_once(':')) else {
        return Err(wrong());
    };
    verify(shared, address, &Secret::new(password)).await?;
    Ok(true)
}

fn basic(headers: &HeaderMap) -> Option<&str> {
    let (scheme, text) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("basic").then(|| text.trim())
}

async fn verify(shared: &Shared, address: IpAddr, password: &Secret) -> Result<(), ApiError> {
    begin_attempt(shared, address)?;
    let Some(phc) = shared.store.setting_get(Setting::AdminPassword).await? else {
        return Err(ApiError::new(
            Code::Unauthorized,
            "no administrator's password is set yet; open the portal to set one",
        ));
    };
    if !shared.auth.hashing.verify(password, phc).await {
        tracing::warn!(client = %address, "sign-in with a wrong password");
        return Err(wrong());
    }
    shared.auth.attempts.succeeded(address);
    Ok(())
}

fn begin_attempt(shared: &Shared, address: IpAddr) -> Result<(), ApiError> {
    shared.auth.attempts.begin(address, Instant::now()).map_err(|left| {
        let seconds = left.as_secs() + 1;
        ApiError::new(Code::TooManyAttempts, format!("too many attempts; try again in {seconds} s"))
            .retry_after(seconds)
    })
}

fn wrong() -> ApiError {
    ApiError::new(Code::Unauthorized, "wrong password")
}
