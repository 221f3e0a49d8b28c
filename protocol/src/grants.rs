//! What an app may reach outside of its sandbox, as its manifest asks for it and its operator sees it.
//! What is not in here is denied; nothing is granted by default.
//!
//! ```toml
//! [grants]
//! outbound = ["https://api.example.com/v1", { url = "http://*.corp.local:8080", private = true }]
//! kv = ["default"]
//! settings = ["CURRENCY", "API_KEY"]
//! files = [{ host = "assets", guest = "/assets" }]
//! reuse = { requests = 128, idle_ms = 1000 }
//! ```
//!
//! Parsed, compared and carried here; what a grant lets through is each capability's own business.

mod files;
mod outbound;
mod reuse;

use serde::{Deserialize, Serialize};

pub use files::{FileGrant, FileSource};
pub use outbound::{HostPattern, InvalidOutbound, OutboundRule, Scheme};
pub use reuse::Reuse;

use crate::{KvStore, PortablePath, SettingName};

/// The `[grants]` table of a `steading.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Grants {
    /// Where its requests may go: a URL, or `{ url, private }`.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Object>))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outbound: Vec<OutboundRule>,
    /// Its key-value stores.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kv: Vec<KvStore>,
    /// The settings that it may read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<SettingName>,
    /// The folders that it finds: `{ host, guest, write }`.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Object>))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileGrant>,
    /// How far an instance may serve one invocation after the other; absent, each has a fresh one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reuse: Option<Reuse>,
}

/// The most grants of one kind: more than a person would read through.
const GRANTS_MAX: usize = 100;

impl Grants {
    /// The first fault, with the key that it is in.
    pub fn fault(&self) -> Option<String> {
        let outbound = self.outbound.iter().map(ToString::to_string);
        let stores = self.kv.iter().map(ToString::to_string);
        let settings = self.settings.iter().map(SettingName::folded);
        let files = self.files.iter().map(|file| file.guest.clone());
        let nested = files::nested(&self.files).map(|fault| format!("files: {fault}"));
        let faults = [
            ("outbound", repeated(outbound)),
            ("kv", repeated(stores)),
            ("settings", repeated(settings)),
            ("files", repeated(files)),
            ("reuse", self.reuse.as_ref().and_then(Reuse::fault)),
        ];
        faults.into_iter().find_map(|(key, fault)| Some(format!("{key}{}", fault?))).or(nested)
    }

    /// The folders of the package that it asks for, as they are written.
    pub fn package_folders(&self) -> impl Iterator<Item = &PortablePath> {
        self.files.iter().filter_map(|file| match &file.source {
            FileSource::Package(path) => Some(path),
            FileSource::Worker(_) => None,
        })
    }

    /// Every grant as a line for people, in the manifest's order.
    pub fn lines(&self) -> Vec<String> {
        let outbound = self.outbound.iter().map(|rule| format!("requests to {rule}"));
        let stores = self.kv.iter().map(|store| format!("key-value store `{store}`"));
        let settings = self.settings.iter().map(|name| format!("setting `{name}`"));
        let files = self.files.iter().map(|file| format!("files: {file}"));
        let reuse = self.reuse.iter().map(Reuse::to_string);
        outbound.chain(stores).chain(settings).chain(files).chain(reuse).collect()
    }

    /// What stands here and not in `before`, as lines. A narrower rule than one before counts as new: it
    /// is for a person to see that it is narrower.
    pub fn beyond(&self, before: &Self) -> Vec<String> {
        let before = before.lines();
        self.lines().into_iter().filter(|line| !before.contains(line)).collect()
    }

    /// The part of [`beyond`](Self::beyond) that somebody has to say yes to: all of it but the folders of the
    /// package. Their files come from whoever publishes, as the code does, and nothing else can be reached
    /// through them.
    pub fn to_allow(&self, before: &Self) -> Vec<String> {
        let mut asked = self.clone();
        asked.files.retain(|file| !matches!(file.source, FileSource::Package(_)));
        asked.beyond(before)
    }
}

/// What stands twice, or that there are too many.
fn repeated(items: impl Iterator<Item = String>) -> Option<String> {
    let mut items: Vec<String> = items.collect();
    if items.len() > GRANTS_MAX {
        return Some(format!(" has {} entries, more than {GRANTS_MAX}", items.len()));
    }
    items.sort();
    let twice = items.windows(2).find(|pair| pair[0] == pair[1])?;
    Some(format!(": `{}` stands twice", twice[0]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(text: &str) -> Grants {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn what_was_not_there_before_is_told_line_by_line() {
        let before = grants("kv = [\"default\"]\nsettings = [\"A\"]\n");
        let after = grants(
            "outbound = [\"https://x.example\"]\nkv = [\"default\", \"more\"]\nsettings = [\"B\"]\n\
             files = [{ host = \"assets\", guest = \"/assets\" }]\nreuse = { requests = 9 }\n",
        );
        let expected = [
            "requests to https://x.example",
            "key-value store `more`",
            "setting `B`",
            "files: `assets` of the package at `/assets`, read only",
            "what earlier requests left in memory: an instance serves up to 9, and waits 1000 ms for the next",
        ];
        assert_eq!(after.beyond(&before), expected);
        assert!(after.beyond(&after).is_empty());
        assert_eq!(before.beyond(&after), ["setting `A`"]);
        let asked = [&expected[..3], &expected[4..]].concat();
        assert_eq!(after.to_allow(&before), asked, "the package's own files need no yes");
        let more =
            Grants { reuse: Some(Reuse { requests: 10, ..Reuse::default() }), ..after.clone() };
        assert_eq!(more.beyond(&after).len(), 1, "another number is another grant");
    }

    #[test]
    fn a_grant_that_stands_twice_or_is_unknown_is_refused() {
        let fault = |text: &str| grants(text).fault();
        assert_eq!(fault("settings = [\"A\", \"a\"]").unwrap(), "settings: `a` stands twice");
        assert!(fault("kv = [\"a\", \"b\"]").is_none());
        let files = |guests: [&str; 2]| {
            let entry = |guest| format!("{{ host = \"a\", guest = \"{guest}\" }}");
            fault(&format!("files = [{}]", guests.map(entry).join(",")))
        };
        assert_eq!(files(["/a/b", "/a"]).unwrap(), "files: `/a/b` lies in `/a`");
        assert_eq!(files(["/a", "/a"]).unwrap(), "files: `/a` stands twice");
        assert!(files(["/ab", "/a"]).is_none());
        assert!(toml::from_str::<Grants>("sockets = [\"x\"]").is_err());
        let many: Vec<_> = (0..101).map(|n| format!("\"A{n}\"")).collect();
        assert!(fault(&format!("settings = [{}]", many.join(","))).unwrap().contains("101"));
    }

    #[test]
    fn grants_come_back_from_json_as_they_were() {
        let all = grants(
            "outbound = [\"https://x.example/v1\", { url = \"http://*.corp.local:8080\", private = true }]\n\
             kv = [\"default\"]\nsettings = [\"A\"]\nfiles = [{ host = \"worker:up\", guest = \"/up\", write = true }]\n\
             reuse = { idle_ms = 50 }\n",
        );
        let json = serde_json::to_string(&all).unwrap();
        assert_eq!(serde_json::from_str::<Grants>(&json).unwrap(), all);
        assert_eq!(serde_json::from_str::<Grants>("{}").unwrap(), Grants::default());
    }
}
