//! API tokens: made, listed, revoked. A token's text is shown once and never kept.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use steading_protocol::Secret;
use steading_protocol::api::{List, Token, TokenReply, TokenRequest};
use steading_protocol::problem::ErrorBody;

use super::extract::{JsonBody, Path};
use crate::auth::{SecretHash, mint};
use crate::clock;
use crate::error::{ApiError, Code};
use crate::state::Shared;
use crate::store::{NewToken, Store, StoreError};

/// A label fits on a line.
const NAME_CHARS_MAX: usize = 100;

/// Makes a token and keeps its hash.
pub(crate) async fn issue(store: &dyn Store, name: &str) -> Result<(String, Secret), StoreError> {
    let token = mint("stk_");
    let id = format!("t-{}", hex::encode(rand::random::<[u8; 8]>()));
    let record = NewToken {
        id: id.clone(),
        name: name.to_owned(),
        hash: SecretHash::of(token.expose()),
        created_at: clock::now(),
    };
    store.token_insert(record).await?;
    Ok((id, token))
}

/// Makes a token for an operator who gives it a usable name.
pub(crate) async fn make(shared: &Shared, request: &TokenRequest) -> Result<TokenReply, ApiError> {
    let name = request.name.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
        return Err(ApiError::new(
            Code::NameInvalid,
            format!("a token's name has 1 to {NAME_CHARS_MAX} characters"),
        ));
    }
    let (id, token) = issue(&*shared.store, name).await?;
    tracing::info!(token = %id, "api token made");
    Ok(TokenReply { id, name: name.to_owned(), token })
}

/// Revokes a token.
pub(crate) async fn revoke(shared: &Shared, id: &str) -> Result<(), ApiError> {
    if !shared.store.token_delete(id).await? {
        return Err(ApiError::new(Code::TokenUnknown, "there is no token with this id"));
    }
    tracing::info!(token = %id, "api token revoked");
    Ok(())
}

/// Makes an API token. Also takes HTTP Basic with user `admin` and the administrator's password.
#[utoipa::path(post, path = "/tokens", tag = "tokens", security(("token" = []), ("password" = [])),
    responses((status = 201, body = TokenReply), (status = "default", body = ErrorBody)))]
pub(super) async fn token_create(
    State(shared): State<Arc<Shared>>,
    JsonBody(request): JsonBody<TokenRequest>,
) -> Result<(StatusCode, Json<TokenReply>), ApiError> {
    Ok((StatusCode::CREATED, Json(make(&shared, &request).await?)))
}

/// The tokens, oldest first, without their texts.
#[utoipa::path(get, path = "/tokens", tag = "tokens", security(("token" = [])),
    responses((status = 200, body = List<Token>), (status = "default", body = ErrorBody)))]
pub(super) async fn token_list(
    State(shared): State<Arc<Shared>>,
) -> Result<Json<List<Token>>, ApiError> {
    Ok(Json(List { items: shared.store.token_list().await? }))
}

/// Revokes a token.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "tokens", security(("token" = [])),
    params(("id" = String, Path)),
    responses((status = 204), (status = "default", body = ErrorBody)))]
pub(super) async fn token_delete(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    revoke(&shared, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
