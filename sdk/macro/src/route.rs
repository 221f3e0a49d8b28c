//! The rules for route templates, so that a bad one is a compile error at its place. The same rules
//! as `RouteTemplate` in `steading-protocol`, which the guest side does not import; a test holds
//! the two together. Invariant: a template that passes needs no escaping in JSON.

/// The longest template taken, in bytes; a URL longer than this would be refused anyway.
const TEMPLATE_BYTES_MAX: usize = 1024;

/// The first parts under which a worker has its own paths.
const RESERVED: [&str; 2] = ["admin", "runtime"];

/// Why a text cannot be a route; `None` when it can.
pub(crate) fn fault(template: &str) -> Option<String> {
    if template.is_empty() {
        return None;
    }
    if template.len() > TEMPLATE_BYTES_MAX {
        return Some(format!("it is longer than {TEMPLATE_BYTES_MAX} bytes"));
    }
    if template.starts_with('/') || template.ends_with('/') {
        return Some(
            "it begins or ends with `/`; write it relative, such as `orders/{id?}`".into(),
        );
    }
    let lower = template.to_ascii_lowercase();
    if let Some(word) = RESERVED.into_iter().find(|word| lower.starts_with(word)) {
        return Some(format!("it begins with `{word}`, which is reserved"));
    }
    let mut seen = vec![];
    let mut parts = template.split('/').peekable();
    while let Some(part) = parts.next() {
        let parameter = match Part::parse(part) {
            Err(reason) => return Some(reason),
            Ok(Part::Literal) => continue,
            Ok(Part::Parameter { last_only: true, .. }) if parts.peek().is_some() => {
                return Some(format!("`{part}` may only be the last part"));
            }
            Ok(Part::Parameter { name, .. }) => name,
        };
        if seen.contains(&parameter) {
            return Some(format!("parameter `{parameter}` stands twice"));
        }
        seen.push(parameter);
    }
    None
}

/// What stands between two slashes.
enum Part<'a> {
    Literal,
    Parameter { name: &'a str, last_only: bool },
}

impl<'a> Part<'a> {
    fn parse(part: &'a str) -> Result<Self, String> {
        let Some(inner) = part.strip_prefix('{') else {
            return literal_fault(part).map_or(Ok(Self::Literal), Err);
        };
        let Some(inner) = inner.strip_suffix('}') else {
            return Err(format!("`{part}` has no closing brace at its end"));
        };
        let (name, last_only) = match (inner.strip_prefix('*'), inner.strip_suffix('?')) {
            (Some(_), Some(_)) => return Err(format!("`{part}` is both a catch-all and optional")),
            (Some(name), None) | (None, Some(name)) => (name, true),
            (None, None) => (inner, false),
        };
        if name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        {
            return Ok(Self::Parameter { name, last_only });
        }
        Err(format!(
            "`{part}` is not `{{name}}`, `{{name?}}` or `{{*name}}` with a name of letters, digits and `_`"
        ))
    }
}

fn literal_fault(part: &str) -> Option<String> {
    let allowed = |b: &u8| b.is_ascii_alphanumeric() || b"-._~!$&'()+,;=:@".contains(b);
    match part.bytes().find(|b| !allowed(b)) {
        _ if part.is_empty() => Some("it has an empty part (`//`)".into()),
        _ if part == "." || part == ".." => Some(format!("`{part}` cannot be part of a path")),
        Some(b'{' | b'}') => Some(format!("`{part}` has a brace in the middle of a part")),
        Some(_) => Some(format!("`{part}` has a character that cannot stand in a path")),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use steading_protocol::RouteTemplate;

    proptest! {
        #[test]
        fn the_rules_are_those_of_the_protocol(
            template in "[a{}*?/.: é\"]{0,12}|(\\{[ab*?]{1,3}\\}|a|b|\\.){0,3}(/(\\{[ab*?]{1,3}\\}|a|\\.\\.)){0,3}|(admin|Runtime)[/a]{0,2}"
        ) {
            let ours = super::fault(&template);
            let theirs = template.parse::<RouteTemplate>();
            prop_assert_eq!(ours.is_none(), theirs.is_ok(), "{}: {:?} {:?}", template, ours, theirs);
        }
    }
}
