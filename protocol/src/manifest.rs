//! `steading.toml`: what a developer says of an app beside its code. Read on the developer's machine
//! and again by the manager; unknown keys are errors that name the key and its line.
//!
//! ```toml
//! [app]
//! name = "orders"
//! hosts = ["orders.example.org"]
//!
//! [placement]
//! replicas = 2
//! workers = { zone = "plant-2" }
//!
//! [grants]
//! kv = ["default"]
//! settings = ["CURRENCY"]
//!
//! [limits]
//! memory_mib_max = 64
//!
//! [functions.orders.limits]
//! deadline_ms_max = 2000
//! ```

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::limits::IN_FLIGHT;
use crate::{
    AppLimits, AppName, AuthLevel, FunctionName, Grants, LimitsOverride, Method, PlacementRules,
    PortablePath, RouteTemplate, label_fault,
};

/// A parsed `steading.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Manifest {
    /// The app itself.
    pub app: AppSection,
    /// How its modules are made, where neither cargo nor a person makes them.
    pub build: Option<BuildSection>,
    /// Where it may run.
    pub placement: PlacementRules,
    /// What its functions may reach outside of their sandbox; nothing else.
    pub grants: Grants,
    /// Limits of every function of the app.
    pub limits: LimitsOverride,
    /// What is said of single functions, by name.
    pub functions: BTreeMap<FunctionName, FunctionSection>,
}

/// The `[app]` table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AppSection {
    /// The name to publish under; absent, the publisher chooses.
    pub name: Option<AppName>,
    /// Host names that lead to this app alone, without a port. With none, the app is reached at
    /// `/functions/<app>/api/…` and, when it is the default, at `/api/…`.
    pub hosts: Vec<String>,
    /// Invocations of all functions of the app together that one worker runs at once; 1 to 32,000.
    pub in_flight_max: Option<u32>,
}

/// The `[build]` table. Heeded on the developer's machine alone, where `steading build`, `publish` and `dev` run the
/// command; a manager is given finished modules and runs nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildSection {
    /// A line for the system's shell, which runs in the app's folder.
    pub command: String,
    /// The modules that it makes, below that folder; in the package each has its file name.
    pub modules: Vec<PortablePath>,
}

impl BuildSection {
    fn fault(&self) -> Option<String> {
        if self.command.trim().is_empty() {
            return Some("build.command is empty".to_owned());
        }
        if self.modules.is_empty() {
            return Some("build.modules names no module that the command makes".to_owned());
        }
        let mut names = BTreeSet::new();
        self.modules.iter().map(PortablePath::file_name).find_map(|name| {
            if !name.ends_with(".wasm") {
                return Some(format!("build.modules: `{name}` does not end with .wasm"));
            }
            let is_new = names.insert(name.to_lowercase());
            (!is_new).then(|| format!("build.modules: two files are called `{name}`"))
        })
    }
}

/// A `[functions.<name>]` table, or a `<name>/function.json`. All but the limits is for functions of commands: native modules say
/// themselves what their functions are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FunctionSection {
    /// The command that answers: the path of its file in the package.
    pub module: Option<String>,
    /// The path below the app's prefix; absent, everything that no other function answers.
    pub route: Option<RouteTemplate>,
    /// The methods it answers; absent, all.
    pub methods: Option<Vec<Method>>,
    /// What a caller must show; absent, nothing.
    pub auth: Option<AuthLevel>,
    /// Limits of this function, over those of the app.
    pub limits: LimitsOverride,
}

/// A manifest that cannot be used; the message has the line where there is one.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not TOML, an unknown key, or a value of the wrong type.
    #[error("{message} (line {line} of steading.toml)")]
    Syntax {
        /// What is wrong, in one line.
        message: String,
        /// The line, counted from 1.
        line: usize,
    },
    /// A number out of its range, or a host that is no host name.
    #[error("{0} (in steading.toml)")]
    Value(String),
    /// What a `function.json` says cannot be meant.
    #[error("{fault} (in {path})")]
    FunctionFile {
        /// The file in the package.
        path: PortablePath,
        /// What is wrong.
        fault: String,
    },
}

impl Manifest {
    /// The manifest's file name, at the root of a package.
    pub const FILE: &str = "steading.toml";

    /// Parses and checks the text of a `steading.toml`.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let manifest: Self = toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start.min(text.len()));
            let line = 1 + text.as_bytes()[..start].iter().filter(|b| **b == b'\n').count();
            let message = error.message().lines().collect::<Vec<_>>().join(" ");
            ManifestError::Syntax { message, line }
        })?;
        manifest.check()?;
        Ok(manifest)
    }

    /// The limits of all functions together.
    pub fn app_limits(&self) -> AppLimits {
        AppLimits { in_flight_max: self.app.in_flight_max }
    }

    fn check(&self) -> Result<(), ManifestError> {
        if let Some(value) = self.app.in_flight_max.filter(|value| !IN_FLIGHT.contains(value)) {
            let (min, max) = IN_FLIGHT.into_inner();
            let fault = format!("app.in_flight_max = {value} is not within {min} to {max}");
            return Err(ManifestError::Value(fault));
        }
        if let Some(fault) = self.build.as_ref().and_then(BuildSection::fault) {
            return Err(ManifestError::Value(fault));
        }
        if let Some(fault) = label_fault("placement.workers", &self.placement.workers) {
            return Err(ManifestError::Value(fault));
        }
        if let Some(fault) = self.grants.fault() {
            return Err(ManifestError::Value(format!("grants.{fault}")));
        }
        if let Some(fault) = self.limits.out_of_range() {
            return Err(ManifestError::Value(format!("limits.{fault}")));
        }
        for (name, function) in &self.functions {
            if let Some(fault) = function.limits.out_of_range() {
                return Err(ManifestError::Value(format!("functions.{name}.limits.{fault}")));
            }
        }
        let host_like = |host: &String| {
            !host.is_empty()
                && host.len() <= 253
                && host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
        };
        match self.app.hosts.iter().find(|host| !host_like(host)) {
            Some(host) => Err(ManifestError::Value(format!(
                "app.hosts: `{host}` is not a host name (no scheme, port or path)"
            ))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_of_the_docs_is_taken() {
        let text = "[app]\nname = \"orders\"\nhosts = [\"orders.example.org\"]\n\n[limits]\nmemory_mib_max = 64\n\n[functions.orders.limits]\ndeadline_ms_max = 2000\n";
        let manifest = Manifest::parse(text).unwrap();
        assert_eq!(manifest.app.name.unwrap().as_str(), "orders");
        assert_eq!(manifest.limits.memory_mib_max, Some(64));
        let function = &manifest.functions[&"orders".parse::<FunctionName>().unwrap()];
        assert_eq!(function.limits.deadline_ms_max, Some(2000));
        assert_eq!(Manifest::parse("").unwrap(), Manifest::default());
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let error =
            Manifest::parse("[app]\nname = \"a\"\n\n[limits]\nmemory_max = 1\n").unwrap_err();
        let text = error.to_string();
        assert!(text.contains("`memory_max`") && text.contains("line 5"), "{text}");
    }

    #[test]
    fn values_out_of_range_are_refused_by_name() {
        for (text, named) in [
            ("[limits]\nmemory_mib_max = 0\n", "limits.memory_mib_max = 0"),
            ("[functions.f.limits]\ndeadline_ms_max = 0\n", "functions.f.limits.deadline_ms_max"),
            ("[app]\nhosts = [\"http://x\"]\n", "`http://x`"),
            ("[grants]\nkv = [\"a\", \"a\"]\n", "grants.kv: `a` stands twice"),
            ("[grants]\nsettings = [\"PATH_INFO\"]\n", "`PATH_INFO` is not a valid setting name"),
            ("[app]\nin_flight_max = 0\n", "app.in_flight_max = 0"),
            ("[build]\ncommand = \" \"\nmodules = [\"a.wasm\"]\n", "build.command is empty"),
            ("[build]\ncommand = \"make\"\nmodules = []\n", "names no module"),
            ("[build]\ncommand = \"make\"\nmodules = [\"../a.wasm\"]\n", "`..`"),
            ("[build]\ncommand = \"make\"\nmodules = [\"a\"]\n", "`a` does not end with"),
            (
                "[build]\ncommand = \"make\"\nmodules = [\"a/x.wasm\", \"X.wasm\"]\n",
                "called `X.wasm`",
            ),
            ("[build]\nmodules = [\"a.wasm\"]\n", "`command`"),
            ("[placement]\nreplicas = 0\n", "`replicas` is"),
            ("[placement]\nworkers = { zone = \"a b\" }\n", "placement.workers: `zone"),
            ("[limits]\nin_flight_max = 32001\n", "limits.in_flight_max = 32001"),
        ] {
            let error = Manifest::parse(text).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
