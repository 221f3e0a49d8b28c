//! Secrets on their way: sealed into the store, opened for the worker that is told of them, and sealed anew
//! when the key was replaced. A secret that cannot be opened is told as such, by name, and keeps nothing
//! else from its worker.

use steading_protocol::desired::DesiredState;
use steading_protocol::{AppName, Secret, SettingName, SettingValue};
use steading_seal::{Keys, Place};

use crate::error::{ApiError, Code};
use crate::store::Store;

/// A secret as it is kept; refused without a key.
pub(crate) fn seal(
    keys: Option<&Keys>,
    app: &AppName,
    setting: &SettingName,
    secret: &Secret,
) -> Result<String, ApiError> {
    let keys = keys.ok_or_else(|| {
        ApiError::new(
            Code::SecretsKeyMissing,
            "this manager has no key for secrets; start it with STEADING_SECRETS_KEY or STEADING_SECRETS_KEY_FILE",
        )
    })?;
    Ok(keys.seal(Place { app, setting }, secret))
}

/// Opens every secret of a desired state.
pub(crate) fn open(keys: Option<&Keys>, desired: &mut DesiredState) {
    for told in &mut desired.apps {
        for (setting, value) in &mut told.settings {
            if let SettingValue::Sealed(sealed) = value {
                *value = opened(keys, Place { app: &told.app, setting }, sealed);
            }
        }
    }
}

fn opened(keys: Option<&Keys>, place: Place<'_>, sealed: &str) -> SettingValue {
    let why = match keys.map(|keys| keys.open(place, sealed)) {
        Some(Ok(secret)) => return SettingValue::Secret(secret),
        Some(Err(error)) => error.to_string(),
        None => "the manager has no key for secrets (STEADING_SECRETS_KEY)".to_owned(),
    };
    let Place { app, setting } = place;
    tracing::error!(%app, %setting, error = why, "secret cannot be decrypted");
    SettingValue::Unreadable(why)
}

/// Seals with the newest key what an older one has sealed. What cannot be opened stays as it is; whoever
/// needs it hears of it.
pub(crate) async fn reseal(store: &dyn Store, keys: &Keys) {
    let secrets = match store.app_setting_secrets().await {
        Ok(secrets) => secrets,
        Err(error) => return tracing::warn!(error = %error, "secrets are not sealed anew"),
    };
    let (mut anew, mut failed) = (0, 0);
    for (app, setting) in secrets {
        let (place, from) = (Place { app: &app, setting: &setting.name }, &setting.text);
        match keys.open(place, from) {
            _ if keys.is_newest(from) => {}
            Err(_) => failed += 1,
            Ok(secret) => {
                let to = keys.seal(place, &secret);
                match store.app_setting_reseal(&app, &setting.name, from, &to).await {
                    Ok(()) => anew += 1,
                    Err(_) => failed += 1,
                }
            }
        }
    }
    if anew + failed > 0 {
        tracing::info!(anew, failed, "secrets of older keys sealed with the newest");
    }
}
