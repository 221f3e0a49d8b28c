//! Settings of apps: listed, set, removed. The value of a secret goes in and never comes out. A change
//! reaches workers with their next generation; nothing is published for it.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use http::StatusCode;
use steading_protocol::api::{AppSetting, List, SettingRequest};
use steading_protocol::problem::ErrorBody;
use steading_protocol::{AppName, SETTING_BYTES_MAX, SettingName};

use super::apps::{app_of, unknown};
use super::extract::{JsonBody, Path};
use super::functions::current_version;
use crate::auth::Caller;
use crate::error::{ApiError, Code};
use crate::state::Shared;
use crate::store::StoredSetting;
use crate::{reconcile, secrets};

/// The settings of an app by name.
pub(crate) async fn list(shared: &Shared, app: &AppName) -> Result<Vec<AppSetting>, ApiError> {
    let current = current_version(shared, &app_of(shared, app).await?).await?;
    let granted = |setting: &StoredSetting| {
        let id = setting.name.folded();
        current.grants.settings.iter().any(|name| name.folded() == id)
    };
    let shown = |setting: StoredSetting| AppSetting {
        granted: granted(&setting),
        name: setting.name,
        secret: setting.secret,
        value: (!setting.secret).then_some(setting.text),
        changed_at: setting.changed_at,
    };
    Ok(shared.store.app_setting_list(app).await?.into_iter().map(shown).collect())
}

/// Sets one.
pub(crate) async fn set(
    shared: &Shared,
    caller: &Caller,
    (app, name): (&AppName, SettingName),
    SettingRequest { value, secret }: SettingRequest,
) -> Result<(), ApiError> {
    let bytes = value.expose().len();
    if bytes > SETTING_BYTES_MAX || value.expose().contains('\0') {
        return Err(ApiError::new(
            Code::SettingInvalid,
            format!(
                "the value of `{name}` has {bytes} bytes; at most {SETTING_BYTES_MAX} are taken, none of them zero"
            ),
        ));
    }
    let text = match secret {
        true => secrets::seal(shared.secrets.as_ref(), app, &name, &value)?,
        false => value.expose().to_owned(),
    };
    let setting = StoredSetting { name: name.clone(), text, secret, changed_at: shared.now() };
    if !shared.store.app_setting_put(app, setting).await? {
        return Err(unknown(app));
    }
    told(shared).await;
    tracing::info!(%app, setting = %name, secret, by = caller.kind(), "setting set");
    Ok(())
}

/// Removes one.
pub(crate) async fn unset(
    shared: &Shared,
    caller: &Caller,
    (app, name): (&AppName, &SettingName),
) -> Result<(), ApiError> {
    if !shared.store.app_setting_delete(app, name).await? {
        app_of(shared, app).await?;
        let message = format!("app `{app}` has no setting `{name}`");
        return Err(ApiError::new(Code::SettingUnknown, message));
    }
    told(shared).await;
    tracing::info!(%app, setting = %name, by = caller.kind(), "setting removed");
    Ok(())
}

async fn told(shared: &Shared) {
    shared.signals.generations_changed();
    reconcile::planned(shared).await;
}

/// The settings of an app by name; secrets without their values.
#[utoipa::path(get, path = "/apps/{app}/settings", tag = "settings", security(("token" = [])),
    params(("app" = String, Path)),
    responses((status = 200, body = List<AppSetting>), (status = "default", body = ErrorBody)))]
pub(super) async fn setting_list(
    State(shared): State<Arc<Shared>>,
    Path(app): Path<AppName>,
) -> Result<Json<List<AppSetting>>, ApiError> {
    Ok(Json(List { items: list(&shared, &app).await? }))
}

/// Sets a setting, in whatever spelling it was before. Workers take it up without a publish.
#[utoipa::path(put, path = "/apps/{app}/settings/{setting}", tag = "settings",
    params(("app" = String, Path), ("setting" = String, Path)), security(("token" = [])),
    request_body = SettingRequest,
    responses((status = 204), (status = "default", body = ErrorBody)))]
pub(super) async fn setting_put(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path((app, setting)): Path<(AppName, SettingName)>,
    JsonBody(request): JsonBody<SettingRequest>,
) -> Result<StatusCode, ApiError> {
    set(&shared, &caller, (&app, setting), request).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a setting.
#[utoipa::path(delete, path = "/apps/{app}/settings/{setting}", tag = "settings",
    params(("app" = String, Path), ("setting" = String, Path)), security(("token" = [])),
    responses((status = 204), (status = "default", body = ErrorBody)))]
pub(super) async fn setting_delete(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path((app, setting)): Path<(AppName, SettingName)>,
) -> Result<StatusCode, ApiError> {
    unset(&shared, &caller, (&app, &setting)).await?;
    Ok(StatusCode::NO_CONTENT)
}
