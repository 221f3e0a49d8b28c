//! Route templates: `orders/{id?}`, `files/{*rest}`. Parsing and comparing them, nothing more; a
//! worker matches requests against them.
//!
//! A template is relative to the app's prefix (`/api/`), has no leading or trailing slash, and may
//! be empty (the prefix itself). Literals match without regard to case, as in Azure Functions, and a
//! catch-all answers only what no other route does.
//! Not taken: a template engine with constraints (`{id:int}`); the Azure surface brings those.

use serde::{Deserialize, Serialize};

use crate::{FunctionName, FunctionSpec, Trigger};

/// A checked route template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RouteTemplate {
    text: String,
    segments: Vec<Segment>,
}

/// One part of a template between slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Fixed text, compared without regard to ASCII case.
    Literal(String),
    /// `{name}`: one segment of the path.
    Parameter(String),
    /// `{name?}`: one segment, or the end of the path. Last only.
    Optional(String),
    /// `{*name}`: all that is left of the path, which may be nothing; then it has no value. Last only.
    CatchAll(String),
}

/// A template that breaks a rule, and which.
#[derive(Debug, thiserror::Error)]
#[error("route `{template}` is not valid: {reason}")]
pub struct InvalidRoute {
    template: String,
    reason: String,
}

/// Two functions that would both answer one request.
#[derive(Debug, thiserror::Error)]
#[error("functions `{first}` and `{second}` both answer {method} on route `{route}`")]
pub struct RouteConflict {
    /// The function that stands first in the app.
    pub first: FunctionName,
    /// The function that came second.
    pub second: FunctionName,
    /// The method both answer, or `every method`.
    pub method: String,
    /// The second function's template.
    pub route: String,
}

impl RouteTemplate {
    /// The parts between the slashes, in order; empty for the empty template.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The template as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The shapes of path that the template matches: literals in lower case, parameters as `{}`,
    /// a catch-all as `{*}`. Two templates with a shape in common match a path in common.
    pub fn shapes(&self) -> Vec<String> {
        let mut shapes = vec![];
        let mut parts: Vec<String> = vec![];
        for segment in &self.segments {
            match segment {
                Segment::Literal(text) => parts.push(text.to_ascii_lowercase()),
                Segment::Parameter(_) => parts.push("{}".into()),
                Segment::CatchAll(_) => parts.push("{*}".into()),
                Segment::Optional(_) => {
                    shapes.push(parts.join("/"));
                    parts.push("{}".into());
                }
            }
        }
        shapes.push(parts.join("/"));
        shapes
    }
}

/// Checks that no two HTTP functions answer the same method on the same shape of path.
pub fn check_routes(functions: &[FunctionSpec]) -> Result<(), RouteConflict> {
    let http = |function: &FunctionSpec| {
        let Trigger::Http(trigger) = &function.trigger;
        (trigger.route.clone(), trigger.methods.clone())
    };
    for (index, second) in functions.iter().enumerate() {
        let (route, methods) = http(second);
        for first in &functions[..index] {
            let (other_route, other_methods) = http(first);
            let shapes = other_route.shapes();
            if !route.shapes().iter().any(|shape| shapes.contains(shape)) {
                continue;
            }
            let shared = if methods.is_empty() || other_methods.is_empty() {
                let named = methods.first().or(other_methods.first());
                Some(named.map_or("every method".to_owned(), ToString::to_string))
            } else {
                methods.iter().find(|m| other_methods.contains(m)).map(ToString::to_string)
            };
            if let Some(method) = shared {
                return Err(RouteConflict {
                    first: first.name.clone(),
                    second: second.name.clone(),
                    method,
                    route: route.text,
                });
            }
        }
    }
    Ok(())
}

impl TryFrom<String> for RouteTemplate {
    type Error = InvalidRoute;

    fn try_from(text: String) -> Result<Self, InvalidRoute> {
        match parse(&text) {
            Ok(segments) => Ok(Self { text, segments }),
            Err(reason) => Err(InvalidRoute { template: text, reason }),
        }
    }
}

impl std::str::FromStr for RouteTemplate {
    type Err = InvalidRoute;

    fn from_str(text: &str) -> Result<Self, InvalidRoute> {
        Self::try_from(text.to_owned())
    }
}

impl From<RouteTemplate> for String {
    fn from(route: RouteTemplate) -> Self {
        route.text
    }
}

impl std::fmt::Display for RouteTemplate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// The longest template taken, in bytes; a URL longer than this would be refused anyway.
const TEMPLATE_BYTES_MAX: usize = 1024;

fn parse(text: &str) -> Result<Vec<Segment>, String> {
    if text.len() > TEMPLATE_BYTES_MAX {
        return Err(format!("it is longer than {TEMPLATE_BYTES_MAX} bytes"));
    }
    if text.is_empty() {
        return Ok(vec![]);
    }
    if text.starts_with('/') || text.ends_with('/') {
        return Err("it begins or ends with `/`; write it relative, such as `orders/{id?}`".into());
    }
    let lower = text.to_ascii_lowercase();
    if let Some(reserved) = ["admin", "runtime"].iter().find(|word| lower.starts_with(**word)) {
        return Err(format!("it begins with `{reserved}`, which is reserved"));
    }
    let parts: Vec<&str> = text.split('/').collect();
    let mut segments: Vec<Segment> = vec![];
    for (index, part) in parts.iter().enumerate() {
        let segment = parse_segment(part)?;
        let last = index + 1 == parts.len();
        if !last && matches!(segment, Segment::Optional(_) | Segment::CatchAll(_)) {
            return Err(format!("`{part}` may only be the last part"));
        }
        if let Some(name) = segment.parameter()
            && segments.iter().any(|other| other.parameter() == Some(name))
        {
            return Err(format!("parameter `{name}` stands twice"));
        }
        segments.push(segment);
    }
    Ok(segments)
}

fn parse_segment(part: &str) -> Result<Segment, String> {
    if part.is_empty() {
        return Err("it has an empty part (`//`)".into());
    }
    if part == "." || part == ".." {
        return Err(format!("`{part}` cannot be part of a path"));
    }
    let Some(inner) = part.strip_prefix('{') else {
        return parse_literal(part);
    };
    let Some(inner) = inner.strip_suffix('}') else {
        return Err(format!("`{part}` has no closing brace at its end"));
    };
    let (inner, optional) = match inner.strip_suffix('?') {
        Some(inner) => (inner, true),
        None => (inner, false),
    };
    let (name, catch_all) = match inner.strip_prefix('*') {
        Some(name) => (name, true),
        None => (inner, false),
    };
    let identifier = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !identifier {
        return Err(format!(
            "`{part}` is not `{{name}}`, `{{name?}}` or `{{*name}}` with a name of letters, digits and _"
        ));
    }
    match (catch_all, optional) {
        (true, true) => Err(format!("`{part}` is both a catch-all and optional")),
        (true, false) => Ok(Segment::CatchAll(name.into())),
        (false, true) => Ok(Segment::Optional(name.into())),
        (false, false) => Ok(Segment::Parameter(name.into())),
    }
}

fn parse_literal(part: &str) -> Result<Segment, String> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()+,;=:@".contains(&b);
    match part.bytes().find(|b| !allowed(*b)) {
        Some(b'{' | b'}') => Err(format!("`{part}` has a brace in the middle of a part")),
        Some(_) => Err(format!("`{part}` has a character that cannot stand in a path")),
        None => Ok(Segment::Literal(part.into())),
    }
}

impl Segment {
    /// The name of the parameter, when the segment has one.
    pub fn parameter(&self) -> Option<&str> {
        match self {
            Self::Literal(_) => None,
            Self::Parameter(name) | Self::Optional(name) | Self::CatchAll(name) => Some(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn templates_are_parsed_into_segments() {
        let route: RouteTemplate = "Orders/{id}/items/{item?}".parse().unwrap();
        assert_eq!(
            route.segments(),
            [
                Segment::Literal("Orders".into()),
                Segment::Parameter("id".into()),
                Segment::Literal("items".into()),
                Segment::Optional("item".into()),
            ]
        );
        assert_eq!(route.shapes(), ["orders/{}/items", "orders/{}/items/{}"]);
        assert!("".parse::<RouteTemplate>().unwrap().segments().is_empty());
    }

    #[test]
    fn bad_templates_are_refused_with_their_reason() {
        let cases = [
            ("/orders", "begins or ends with `/`"),
            ("orders//x", "empty part"),
            ("orders/{id", "no closing brace"),
            ("orders/{id?}/x", "may only be the last part"),
            ("{*rest}/x", "may only be the last part"),
            ("{a}/{a}", "stands twice"),
            ("{a:int}", "is not `{name}`"),
            ("a{b}c", "brace in the middle"),
            ("a b", "cannot stand in a path"),
            ("administrator", "reserved"),
            ("a/..", "cannot be part of a path"),
        ];
        for (template, reason) in cases {
            let error = template.parse::<RouteTemplate>().unwrap_err().to_string();
            assert!(error.contains(reason), "{template}: {error}");
            assert!(error.contains(&format!("`{template}`")), "{error}");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_keeps_the_text(text in "[a-z{}*?/.:é ]{0,24}") {
            if let Ok(route) = text.parse::<RouteTemplate>() {
                prop_assert_eq!(route.as_str(), &text);
                prop_assert!(!route.shapes().is_empty());
            }
        }
    }
}
