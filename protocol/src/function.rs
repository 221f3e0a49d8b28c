//! Functions: what a module says of itself in its custom section, and what a worker is told to
//! serve. The first becomes the second when a package is published and its manifest applied.

use serde::{Deserialize, Serialize};

use crate::{Digest, FunctionName, Limits, RouteTemplate};

/// One function as a worker serves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FunctionSpec {
    /// The name, unique within the app.
    pub name: FunctionName,
    /// The module that holds it.
    pub module: Digest,
    /// The wasm export to call.
    pub export: String,
    /// What makes it run.
    pub trigger: Trigger,
    /// What one invocation may use.
    pub limits: Limits,
}

/// What makes a function run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Trigger {
    /// A caller's HTTP request.
    Http(HttpTrigger),
}

/// The HTTP trigger of a function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HttpTrigger {
    /// The path below the app's prefix.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub route: RouteTemplate,
    /// The methods it answers; empty means all.
    #[serde(default)]
    pub methods: Vec<Method>,
    /// What a caller must show.
    pub auth: AuthLevel,
}

/// The methods that a function can be bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[allow(missing_docs)]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
    Head,
    Options,
}

impl Method {
    /// The method as it stands in a request line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Head => "HEAD",
            Self::Options => "OPTIONS",
        }
    }
}

impl std::fmt::Display for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a caller of a function must show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum AuthLevel {
    /// Nothing.
    Anonymous,
    /// A function key.
    Function,
    /// The app's master key.
    Admin,
}

impl std::fmt::Display for AuthLevel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Anonymous => "anonymous",
            Self::Function => "function",
            Self::Admin => "admin",
        })
    }
}

/// One line of a module's custom section: what the SDK's macro says of one function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionRecord {
    /// The version of this format; [`FunctionRecord::VERSION`].
    pub v: u32,
    /// The name of the function.
    pub name: FunctionName,
    /// The wasm export to call.
    pub export: String,
    /// What makes it run.
    pub trigger: Trigger,
}

/// A custom section that cannot be understood, with the line at fault.
#[derive(Debug, thiserror::Error)]
pub enum InvalidSection {
    /// Not UTF-8 text.
    #[error("the section `steading.functions` is not UTF-8 text")]
    NotText,
    /// A format from another time.
    #[error(
        "record {line} of the section `steading.functions` has version {version}; this release reads version 1"
    )]
    Version {
        /// The record, counted from 1.
        line: usize,
        /// The version it states.
        version: u64,
    },
    /// Not a function record.
    #[error("record {line} of the section `steading.functions` is not a function record")]
    Record {
        /// The record, counted from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl FunctionRecord {
    /// The name of the custom section.
    pub const SECTION: &str = "steading.functions";
    /// The version of the record format.
    pub const VERSION: u32 = 1;

    /// Reads the section: one JSON object a line, as the linker joined them.
    pub fn parse_section(section: &[u8]) -> Result<Vec<Self>, InvalidSection> {
        #[derive(Deserialize)]
        struct Stated {
            v: u64,
        }
        let text = std::str::from_utf8(section).map_err(|_| InvalidSection::NotText)?;
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        lines
            .zip(1..)
            .map(|(json, line)| {
                let record = |source| InvalidSection::Record { line, source };
                let stated: Stated = serde_json::from_str(json).map_err(record)?;
                if stated.v != u64::from(Self::VERSION) {
                    return Err(InvalidSection::Version { line, version: stated.v });
                }
                serde_json::from_str(json).map_err(record)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = r#"{"v":1,"name":"orders","export":"steading.http.orders","trigger":{"type":"http","route":"orders/{id?}","methods":["GET","POST"],"auth":"anonymous"}}"#;

    #[test]
    fn a_section_of_joined_records_is_read() {
        let section = format!("{RECORD}\n{}\n", RECORD.replace("orders", "other"));
        let records = FunctionRecord::parse_section(section.as_bytes()).unwrap();
        let names: Vec<_> = records.iter().map(|r| r.name.as_str()).collect();
        assert_eq!(names, ["orders", "other"]);
        let Trigger::Http(http) = &records[0].trigger;
        assert_eq!(http.methods, [Method::Get, Method::Post]);
    }

    #[test]
    fn a_section_from_another_time_or_with_a_bad_route_is_refused() {
        let parse = |text: String| FunctionRecord::parse_section(text.as_bytes()).unwrap_err();
        let error = parse(RECORD.replace("\"v\":1", "\"v\":9"));
        assert!(matches!(error, InvalidSection::Version { line: 1, version: 9 }), "{error}");
        let error = parse(RECORD.replace("{id?}", "{id"));
        assert!(matches!(error, InvalidSection::Record { line: 1, .. }), "{error}");
        assert!(matches!(parse("\n{".into()), InvalidSection::Record { line: 1, .. }));
        assert!(matches!(FunctionRecord::parse_section(&[0xff]), Err(InvalidSection::NotText)));
    }
}
