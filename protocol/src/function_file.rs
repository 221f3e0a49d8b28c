//! `<function>/function.json`: what a developer says of one function of a command or component, in the form of Azure
//! Functions, instead of a table in `steading.toml`.
//!
//! ```json
//! {
//!   "scriptFile": "../count.wasm",
//!   "bindings": [
//!     { "type": "httpTrigger", "direction": "in", "name": "req", "route": "count", "methods": ["post"], "authLevel": "anonymous" },
//!     { "type": "http", "direction": "out", "name": "res" }
//!   ],
//!   "limits": { "memory_mib_max": 16 }
//! }
//! ```
//!
//! It becomes the table that could stand in the manifest, so everything after that is one path. What is absent means what
//! it means there: the route is the function's name, and the level is `function`. `limits` is ours.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{FunctionName, FunctionSection, LimitsOverride, Manifest, ManifestError, PortablePath};

/// The file's name.
const NAME: &str = "function.json";

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Written {
    script_file: Option<String>,
    bindings: Vec<Value>,
    #[serde(default)]
    disabled: bool,
    #[serde(default)]
    limits: LimitsOverride,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct HttpIn {
    #[serde(rename = "type")]
    _type: String,
    #[serde(rename = "name")]
    _name: Option<String>,
    direction: Option<String>,
    route: Option<String>,
    methods: Option<Value>,
    auth_level: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct HttpOut {
    #[serde(rename = "type")]
    _type: String,
    #[serde(rename = "name")]
    _name: Option<String>,
    direction: Option<String>,
}

impl Manifest {
    /// The longest `function.json`, bytes; one is a page.
    pub const FUNCTION_FILE_BYTES_MAX: u64 = 64 << 10;

    /// Whether a path in a package is a `function.json` of it: at its root, where it does not belong, or in a folder
    /// there.
    pub fn is_function_file(path: &PortablePath) -> bool {
        path.file_name() == NAME && path.as_str().split('/').count() <= 2
    }

    /// Takes in the text of such a file.
    pub fn declare(&mut self, path: &PortablePath, text: &[u8]) -> Result<(), ManifestError> {
        let refused = |fault: String| ManifestError::FunctionFile { path: path.clone(), fault };
        let Some((folder, _)) = path.as_str().split_once('/') else {
            return Err(refused("it belongs in a folder with the function's name".to_owned()));
        };
        let name: FunctionName =
            folder.parse().map_err(|error: crate::InvalidName| refused(error.to_string()))?;
        if self.functions.contains_key(&name) {
            let fault = format!(
                "`{name}` has a table [functions.{name}] in steading.toml too; say it in one place"
            );
            return Err(refused(fault));
        }
        let section = section(&name, text).map_err(refused)?;
        self.functions.insert(name, section);
        Ok(())
    }
}

fn section(name: &FunctionName, text: &[u8]) -> Result<FunctionSection, String> {
    // editors of Windows put it there
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let written: Written = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    if written.disabled {
        return Err("`disabled` is true; leave the function out instead".to_owned());
    }
    if let Some(fault) = written.limits.out_of_range() {
        return Err(format!("limits.{fault}"));
    }
    let trigger = trigger(written.bindings)?;
    let route = trigger.route.unwrap_or_else(|| name.to_string());
    let read_method = |method: &String| read(method.to_ascii_uppercase(), "methods");
    let methods: Option<Vec<String>> =
        trigger.methods.map(|methods| read(methods, "methods")).transpose()?;
    let methods = methods.map(|methods| methods.iter().map(read_method).collect()).transpose()?;
    let level = trigger.auth_level.as_deref().unwrap_or("function");
    Ok(FunctionSection {
        module: written.script_file.map(|file| module(name, &file)).transpose()?,
        route: Some(read(route, "route")?),
        methods,
        auth: Some(read(level.to_ascii_lowercase(), "authLevel")?),
        limits: written.limits,
    })
}

/// The one trigger, which is HTTP's, with at most its own output beside it.
fn trigger(bindings: Vec<Value>) -> Result<HttpIn, String> {
    let (mut trigger, mut has_output) = (None, false);
    for binding in bindings {
        let of_type = binding["type"].as_str().unwrap_or_default().to_ascii_lowercase();
        let is_again = match of_type.as_str() {
            "httptrigger" => {
                let found: HttpIn = read(binding, "the binding httpTrigger")?;
                directed(found.direction.as_deref(), "in", "httpTrigger")?;
                trigger.replace(found).is_some()
            }
            "http" => {
                let found: HttpOut = read(binding, "the binding http")?;
                directed(found.direction.as_deref(), "out", "http")?;
                std::mem::replace(&mut has_output, true)
            }
            _ => {
                return Err(format!(
                    "a binding has the type {}; this release has httpTrigger and http",
                    binding["type"]
                ));
            }
        };
        if is_again {
            return Err(format!("there are two bindings of the type {of_type}"));
        }
    }
    trigger.ok_or_else(|| "it has no binding of the type httpTrigger".to_owned())
}

fn directed(stated: Option<&str>, wanted: &str, of_type: &str) -> Result<(), String> {
    match stated {
        Some(stated) if stated.eq_ignore_ascii_case(wanted) => Ok(()),
        _ => Err(format!("the binding {of_type} needs \"direction\": \"{wanted}\"")),
    }
}

fn read<T: DeserializeOwned>(value: impl Into<Value>, key: &str) -> Result<T, String> {
    serde_json::from_value(value.into()).map_err(|error| format!("{key}: {error}"))
}

/// The module's path in the package, which stands there as seen from the function's folder.
fn module(name: &FunctionName, file: &str) -> Result<String, String> {
    let path = match file.strip_prefix("../") {
        Some(path) => path.to_owned(),
        None => format!("{name}/{}", file.strip_prefix("./").unwrap_or(file)),
    };
    let read: Result<PortablePath, _> = path.parse();
    read.map(String::from)
        .map_err(|error| format!("scriptFile: `{file}` leads out of the package: {error}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{AuthLevel, Method};

    fn declared(text: &str) -> Result<FunctionSection, String> {
        let mut manifest = Manifest::default();
        let path = "count/function.json".parse().unwrap();
        manifest.declare(&path, text.as_bytes()).map_err(|error| error.to_string())?;
        Ok(manifest.functions.into_values().next().unwrap())
    }

    const HTTP: &str = r#"{ "type": "httpTrigger", "direction": "in", "name": "req" }"#;

    #[test]
    fn everything_that_a_table_can_say_can_be_said() {
        let section = declared(
            r#"{ "scriptFile": "../bin/wc.wasm", "disabled": false, "bindings": [
              { "type": "httpTrigger", "direction": "in", "name": "req", "authLevel": "anonymous",
                "route": "count/{id?}", "methods": ["get", "POST"] },
              { "type": "http", "direction": "out", "name": "$return" }],
              "limits": { "memory_mib_max": 16, "deadline_ms_max": 50 } }"#,
        );
        let table = "[functions.count]\nmodule = \"bin/wc.wasm\"\nroute = \"count/{id?}\"\nmethods = [\"GET\", \"POST\"]\nauth = \"anonymous\"\nlimits = { memory_mib_max = 16, deadline_ms_max = 50 }\n";
        let table = Manifest::parse(table).unwrap().functions.into_values().next().unwrap();
        assert_eq!(section.unwrap(), table);
    }

    #[test]
    fn what_is_absent_means_what_it_means_in_azure() {
        let section = declared(&format!("\u{feff}{{ \"bindings\": [{HTTP}] }}")).unwrap();
        assert_eq!(section.route.unwrap().as_str(), "count");
        assert_eq!((section.methods, section.auth), (None, Some(AuthLevel::Function)));
        assert_eq!(section.module, None);
        let own = declared(&format!(r#"{{ "scriptFile": "a.wasm", "bindings": [{HTTP}] }}"#));
        assert_eq!(own.unwrap().module.unwrap(), "count/a.wasm");
        let methods = HTTP.replace(" }", r#", "methods": ["Options"] }"#);
        let section = declared(&format!(r#"{{ "bindings": [{methods}] }}"#)).unwrap();
        assert_eq!(section.methods.unwrap(), [Method::Options]);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_name() {
        let with = |more: &str| format!(r#"{{ "bindings": [{}] }}"#, HTTP.replace(" }", more));
        let beside = |more: &str| format!(r#"{{ {more}, "bindings": [{HTTP}] }}"#);
        for (text, told) in [
            ("{", "line 1"),
            ("[]", "line 1"),
            ("{}", "`bindings`"),
            (r#"{ "bindings": [] }"#, "no binding of the type httpTrigger"),
            (r#"{ "bindings": [7] }"#, "the type null"),
            (r#"{ "bindings": [{ "type": "queueTrigger", "queueName": "q" }] }"#, "queueTrigger"),
            (&format!(r#"{{ "bindings": [{HTTP}, {HTTP}] }}"#), "two bindings"),
            (&with(r#", "webHookType": "github" }"#), "`webHookType`"),
            (&with(r#", "route": "a//b" }"#), "route: "),
            (&with(r#", "route": "{a" }"#), "route: "),
            (&with(r#", "methods": ["TRACE"] }"#), "methods: unknown variant `TRACE`"),
            (&with(r#", "methods": "GET" }"#), "methods: invalid type"),
            (&with(r#", "authLevel": "nobody" }"#), "authLevel: unknown variant `nobody`"),
            (&with(r#", "direction": "out" }"#).replace(r#""in""#, r#""x""#), "httpTrigger"),
            (&HTTP.replace("in", "out"), "`bindings`"),
            (&beside(r#""disabled": true"#), "`disabled` is true"),
            (&beside(r#""entryPoint": "f""#), "`entryPoint`"),
            (&beside(r#""scriptFile": "../../x.wasm""#), "leads out of the package"),
            (&beside(r#""scriptFile": "/x.wasm""#), "leads out of the package"),
            (&beside(r#""scriptFile": "..\\x.wasm""#), "leads out of the package"),
            (&beside(r#""limits": { "memory_mib_max": 0 }"#), "limits.memory_mib_max = 0"),
            (&beside(r#""limits": { "memory": 1 }"#), "`memory`"),
        ] {
            let refused = declared(text).unwrap_err();
            assert!(refused.contains(told), "{text}: {refused}");
            assert!(refused.ends_with("(in count/function.json)"), "{refused}");
        }
    }

    #[test]
    fn a_file_in_the_wrong_place_or_beside_a_table_is_refused() {
        let declare = |manifest: &str, path: &str| {
            let mut manifest = Manifest::parse(manifest).unwrap();
            let text = format!(r#"{{ "bindings": [{HTTP}] }}"#);
            let declared = manifest.declare(&path.parse().unwrap(), text.as_bytes());
            declared.map_err(|error| error.to_string())
        };
        declare("[functions.other]\n", "count/function.json").unwrap();
        for (manifest, path, told) in [
            ("[functions.count.limits]\n", "count/function.json", "say it in one place"),
            ("", "function.json", "belongs in a folder"),
            ("", "1st/function.json", "`1st`"),
            ("", "host/function.json", "`host`"),
        ] {
            let refused = declare(manifest, path).unwrap_err();
            assert!(refused.contains(told), "{path}: {refused}");
        }
        for (path, is_one) in [
            ("function.json", true),
            ("count/function.json", true),
            ("a/b/function.json", false),
            ("count/Function.json", false),
        ] {
            assert_eq!(Manifest::is_function_file(&path.parse().unwrap()), is_one, "{path}");
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in "[{}\\[\\]\":, a-z/.]{0,80}|\\PC{0,40}") {
            let _ = declared(&text);
            let _ = declared(&format!(r#"{{ "scriptFile": {text:?}, "bindings": [{HTTP}] }}"#));
        }
    }
}
