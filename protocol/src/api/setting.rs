//! Settings of an app.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Secret, SettingName};

/// A setting as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AppSetting {
    /// Its name.
    pub name: SettingName,
    /// Its value; absent for a secret, which nobody is shown again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Whether it is a secret.
    pub secret: bool,
    /// Whether the version in service may read it.
    pub granted: bool,
    /// When it was set.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub changed_at: Timestamp,
}

/// `PUT /api/v1/apps/{app}/settings/{setting}`: set one.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SettingRequest {
    /// The value; it does not show itself in logs, secret or not.
    pub value: Secret,
    /// Whether it is encrypted where it lies, and never shown again.
    #[serde(default)]
    pub secret: bool,
}
