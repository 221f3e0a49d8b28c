//! The names and numbers that identify things, each with its rule. The rule is checked where a
//! value is made, so no one further in needs to check it again.

use serde::{Deserialize, Serialize};

use crate::portable_path::name_fault;

/// A name that breaks the rule of its kind; says which kind, which text, and the rule.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is not a valid {kind}: {rule}")]
pub struct InvalidName {
    kind: &'static str,
    text: String,
    rule: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $rule:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        pub struct $name(String);

        impl $name {
            /// The text of the name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                let check: fn(&str) -> bool = $check;
                if check(&text) {
                    Ok(Self(text))
                } else {
                    Err(InvalidName { kind: $kind, text, rule: $rule })
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// The name of an app: a DNS label, because it may stand in a host name; and the name of a folder and
    /// of a file on every platform, because `new` and `build` make those.
    AppName,
    "app name",
    "1 to 40 of a-z, 0-9 and -, starting with a letter and not ending with -, and no device of Windows \
     such as `con` or `com1`",
    |text| {
        text.len() <= 40
            && name_fault(text).is_none()
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && !text.ends_with('-')
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    }
);

name!(
    /// The name of a function within its app. Azure's rule for function names.
    FunctionName,
    "function name",
    "1 to 128 of letters, digits, _ and -, starting with a letter, and not `host`",
    |text| {
        text.len() <= 128
            && text.starts_with(|c: char| c.is_ascii_alphabetic())
            && !text.eq_ignore_ascii_case("host")
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    }
);

name!(
    /// The identity of a worker, given by the manager when it joins; stays with its state directory.
    WorkerId,
    "worker id",
    "1 to 64 of letters, digits and -",
    |text| {
        !text.is_empty()
            && text.len() <= 64
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    }
);

name!(
    /// The name of a setting: a variable of the environment that no request sets. Two that differ by case
    /// alone are the same setting; see [`SettingName::folded`].
    SettingName,
    "setting name",
    "1 to 100 of letters, digits and _, not starting with a digit, and none of what a request sets: no \
     variable of CGI such as `PATH_INFO`, and nothing that starts with `HTTP_` or `STEADING_`",
    |text| {
        text.len() <= 100
            && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && !is_of_a_request(&text.to_ascii_uppercase())
    }
);

impl SettingName {
    /// The same text for all spellings of one setting.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

/// Whether a variable is one that a command finds its request in.
fn is_of_a_request(upper: &str) -> bool {
    const CGI: [&str; 17] = [
        "AUTH_TYPE",
        "CONTENT_LENGTH",
        "CONTENT_TYPE",
        "GATEWAY_INTERFACE",
        "PATH_INFO",
        "PATH_TRANSLATED",
        "QUERY_STRING",
        "REMOTE_ADDR",
        "REMOTE_HOST",
        "REMOTE_IDENT",
        "REMOTE_USER",
        "REQUEST_METHOD",
        "SCRIPT_NAME",
        "SERVER_NAME",
        "SERVER_PORT",
        "SERVER_PROTOCOL",
        "SERVER_SOFTWARE",
    ];
    CGI.contains(&upper) || upper.starts_with("HTTP_") || upper.starts_with("STEADING_")
}

name!(
    /// The name of a key-value store of an app.
    KvStore,
    "name of a key-value store",
    "1 to 40 of a-z, 0-9 and -, starting with a letter",
    |text| {
        text.len() <= 40
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    }
);

name!(
    /// A key in a key-value store. Keys are in the order of their bytes.
    KvKey,
    "key",
    "1 to 256 bytes of UTF-8 without control characters",
    |text| {
        (1..=KvKey::BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
    }
);

impl KvKey {
    /// The longest key, bytes: what a database takes in an index together with app and store.
    pub const BYTES_MAX: usize = 256;

    /// Whether a key can begin with this text, which may be empty.
    pub fn may_begin(prefix: &str) -> bool {
        prefix.is_empty() || prefix.parse::<Self>().is_ok()
    }
}

/// The number of a version of an app: 1, 2, 3 …
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default,
)]
#[serde(transparent)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VersionNumber(pub u32);

impl std::fmt::Display for VersionNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The number that grows with every change of a worker's desired state; 0 is "none seen yet".
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default,
)]
#[serde(transparent)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Generation(pub u64);

impl std::fmt::Display for Generation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_their_rules() {
        for good in ["a", "orders", "a-1", &"a".repeat(40)] {
            assert!(good.parse::<AppName>().is_ok(), "{good}");
        }
        for bad in ["", "A", "1a", "-a", "a-", "a_b", "a/b", "..", "nul", "com1", &"a".repeat(41)] {
            assert!(bad.parse::<AppName>().is_err(), "{bad}");
        }
        for bad in ["", "host", "HOST", "1a", "a b", "a/b", &"a".repeat(129)] {
            assert!(bad.parse::<FunctionName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn no_setting_passes_for_a_part_of_a_request() {
        for good in ["API_KEY", "_x", "a1", "HTTPS_ONLY", "SERVER", "AzureWebJobsStorage"] {
            assert!(good.parse::<SettingName>().is_ok(), "{good}");
        }
        for bad in
            ["", "1a", "a-b", "a=b", "HTTP_PROXY", "http_proxy", "STEADING_X", "Path_Info", "é"]
        {
            assert!(bad.parse::<SettingName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_have_no_control_characters_and_an_end() {
        for good in ["a", "users/7", "é 漢字", &"k".repeat(256)] {
            assert!(good.parse::<KvKey>().is_ok(), "{good}");
        }
        for bad in ["", "a\0", "a\nb", &"k".repeat(257)] {
            assert!(bad.parse::<KvKey>().is_err(), "{bad:?}");
        }
        assert!("Default".parse::<KvStore>().is_err() && "default".parse::<KvStore>().is_ok());
    }

    #[test]
    fn a_bad_name_is_refused_while_deserialising_and_named() {
        let error = serde_json::from_str::<AppName>("\"No Good\"").unwrap_err().to_string();
        assert!(error.contains("`No Good` is not a valid app name"), "{error}");
    }
}
