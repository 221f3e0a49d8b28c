//! Calls about the settings of an app.

use reqwest::Method;
use steading_protocol::api::{AppSetting, List, SettingRequest};
use steading_protocol::{AppName, SettingName};

use super::{Client, ClientError};

impl Client {
    /// `GET /apps/{app}/settings`.
    pub(crate) async fn settings(&self, app: &AppName) -> Result<Vec<AppSetting>, ClientError> {
        let request = self.request(Method::GET, &["apps", app.as_str(), "settings"]);
        Ok(self.fetch::<List<AppSetting>>(request).await?.items)
    }

    /// `PUT /apps/{app}/settings/{setting}`.
    pub(crate) async fn setting_set(
        &self,
        app: &AppName,
        setting: &SettingName,
        wish: &SettingRequest,
    ) -> Result<(), ClientError> {
        let path = ["apps", app.as_str(), "settings", setting.as_str()];
        self.answer(self.request(Method::PUT, &path).json(wish)).await.map(drop)
    }

    /// `DELETE /apps/{app}/settings/{setting}`.
    pub(crate) async fn setting_unset(
        &self,
        app: &AppName,
        setting: &SettingName,
    ) -> Result<(), ClientError> {
        let path = ["apps", app.as_str(), "settings", setting.as_str()];
        self.answer(self.request(Method::DELETE, &path)).await.map(drop)
    }
}
