//! Sessions of the portal: a random id in the browser's cookie, its hash in the store, so that they
//! survive a restart of the manager and a copy of the store opens none.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use cookie::{Cookie, SameSite};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use steading_protocol::Secret;

use super::caller::Caller;
use super::{SecretHash, csrf, mint};
use crate::clock;
use crate::error::{ApiError, Code};
use crate::state::Shared;
use crate::store::SessionRecord;

/// A session that nobody used for this long has ended: half a day, a shift.
pub(crate) const IDLE_MAX: Duration = Duration::from_secs(12 * 3600);

/// A session ends after this long however much it is used.
const AGE_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// How exactly the last use is kept: not a write to disk for every click.
const TOUCH_EVERY: Duration = Duration::from_secs(60);

const COOKIE: &str = "steading_session";

/// A signed-in browser. As an extractor it answers 401 when there is none; `Option<Session>` does
/// not.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(super) id: SecretHash,
    /// What forms and scripts of this session send along; see [`super::CSRF_HEADER`].
    pub(crate) csrf: Secret,
}

/// A session that has just begun.
pub(crate) struct NewSession {
    /// The value of the `set-cookie` header that signs the browser in.
    pub(crate) cookie: HeaderValue,
}

/// Begins a session.
pub(super) async fn begin(shared: &Shared) -> Result<NewSession, ApiError> {
    let id = mint("");
    let now = shared.now();
    let record = SessionRecord {
        id: SecretHash::of(id.expose()),
        seen_at: now,
        expires_at: clock::after(now, AGE_MAX),
    };
    shared.store.session_insert(record).await?;
    Ok(NewSession { cookie: cookie(shared, id.expose(), AGE_MAX) })
}

/// The session that a request's cookie belongs to, if it has one that has not ended.
pub(crate) async fn session_of(
    shared: &Shared,
    headers: &HeaderMap,
) -> Result<Option<Session>, ApiError> {
    let Some(text) = cookie_value(headers) else { return Ok(None) };
    let id = SecretHash::of(&text);
    let Some(record) = shared.store.session_get(&id).await? else { return Ok(None) };
    let now = shared.now();
    if record.id != id || record.expires_at <= now || record.seen_at <= clock::before(now, IDLE_MAX)
    {
        return Ok(None);
    }
    if record.seen_at <= clock::before(now, TOUCH_EVERY) {
        shared.store.session_touch(&id, now).await?;
    }
    Ok(Some(Session { id, csrf: csrf::csrf_of(&text) }))
}

/// The value of the `set-cookie` header that signs the browser out.
pub(super) fn clear_cookie(shared: &Shared) -> HeaderValue {
    cookie(shared, "", Duration::ZERO)
}

fn cookie_value(headers: &HeaderMap) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| Cookie::split_parse(value.to_owned()).flatten())
        .find(|cookie| cookie.name() == COOKIE)
        .map(|cookie| cookie.value().to_owned())
}

fn cookie(shared: &Shared, id: &str, age: Duration) -> HeaderValue {
    let seconds = i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
    let cookie = Cookie::build((COOKIE, id))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(shared.settings.url.scheme() == "https")
        .max_age(cookie::time::Duration::seconds(seconds))
        .build();
    HeaderValue::from_str(&cookie.to_string()).expect("a cookie of hexadecimal digits is a header")
}

impl FromRequestParts<Arc<Shared>> for Session {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &Arc<Shared>,
    ) -> Result<Self, Self::Rejection> {
        <Self as OptionalFromRequestParts<Arc<Shared>>>::from_request_parts(parts, state)
            .await?
            .ok_or_else(|| ApiError::new(Code::Unauthorized, "sign in to the portal first"))
    }
}

impl OptionalFromRequestParts<Arc<Shared>> for Session {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &Arc<Shared>,
    ) -> Result<Option<Self>, Self::Rejection> {
        match parts.extensions.get::<Caller>() {
            Some(Caller::Session(session)) => Ok(Some(session.clone())),
            _ => Ok(None),
        }
    }
}
