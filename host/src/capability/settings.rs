//! The settings of a version, open and in memory. Guests find them in their environment, and
//! components in `wasi:config` as well.
//!
//! Invariant: all that a version is told of can be read, or the version is not started: one that runs
//! without its password fails later, and for no reason that anyone can see.

use steading_protocol::desired::DesiredApp;
use steading_protocol::{Secret, SettingName, SettingValue};

/// The settings, by name in the manifest's spelling.
#[derive(Debug, Default)]
pub(crate) struct Settings(Vec<(SettingName, Secret)>);

/// A secret that nobody could open.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("setting `{setting}` cannot be decrypted: {why}")]
pub(crate) struct UnreadableSetting {
    setting: SettingName,
    why: String,
}

impl Settings {
    pub(super) fn of(app: &DesiredApp) -> Result<Self, UnreadableSetting> {
        let open = |(name, value): (&SettingName, &SettingValue)| {
            let unreadable =
                |why: &str| UnreadableSetting { setting: name.clone(), why: why.to_owned() };
            match value {
                SettingValue::Plain(text) => Ok((name.clone(), Secret::new(text.as_str()))),
                SettingValue::Secret(secret) => Ok((name.clone(), secret.clone())),
                SettingValue::Sealed(_) => Err(unreadable("it came sealed")),
                SettingValue::Unreadable(why) => Err(unreadable(why)),
            }
        };
        // the manifest has the last word, whatever a manager sends
        let granted = |name: &SettingName| app.grants.settings.contains(name);
        let told = app.settings.iter().filter(|(name, _)| granted(name));
        Ok(Self(told.map(open).collect::<Result<_, _>>()?))
    }

    /// The value of a setting, by its name in any case, as everywhere.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.iter().find_map(|(known, value)| known.eq_ignore_ascii_case(name).then_some(value))
    }

    /// Every setting with its value.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.expose()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(settings: &serde_json::Value) -> DesiredApp {
        serde_json::from_value(serde_json::json!({
            "app": "shop", "version": 1, "hosts": [], "modules": [], "functions": [],
            "grants": { "settings": ["A", "KEY"] }, "settings": settings,
        }))
        .unwrap()
    }

    #[test]
    fn a_version_reads_what_its_manifest_names_and_nothing_else() {
        let told = app(&serde_json::json!({
            "A": { "plain": "1" }, "KEY": { "secret": "hunter2" }, "OTHER": { "plain": "2" },
        }));
        let settings = Settings::of(&told).unwrap();
        assert_eq!(settings.iter().collect::<Vec<_>>(), [("A", "1"), ("KEY", "hunter2")]);
        assert_eq!((settings.get("key"), settings.get("OTHER")), (Some("hunter2"), None));
        assert!(!format!("{told:?} {settings:?}").contains("hunter2"));
    }

    #[test]
    fn a_secret_that_cannot_be_opened_is_told_by_its_name() {
        let told = app(&serde_json::json!({ "KEY": { "unreadable": "the key is lost" } }));
        let error = Settings::of(&told).unwrap_err().to_string();
        assert_eq!(error, "setting `KEY` cannot be decrypted: the key is lost");
        assert!(Settings::of(&app(&serde_json::json!({ "KEY": { "sealed": "v1.x" } }))).is_err());
    }
}
