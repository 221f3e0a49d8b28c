//! One rule of where an app's requests may go: scheme, host, port, and optionally the beginning of the path.
//! A host is a name, every name below one (`*.corp.local`), or an address. Private addresses are reached only
//! where the rule is one itself or says so.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// One rule. As text, `https://api.example.com/v1`; as a table, `{ url = "…", private = true }`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct OutboundRule {
    /// The scheme.
    pub scheme: Scheme,
    /// The host.
    pub host: HostPattern,
    /// The port.
    pub port: u16,
    /// What the path begins with, part by part, percent-encoded and without a `/` at its end; empty is any
    /// path.
    pub path: String,
    /// Whether names of the rule may resolve to private, loopback or link-local addresses.
    pub private: bool,
}

/// The scheme of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// In clear text.
    Http,
    /// Over TLS.
    Https,
}

/// The host of a rule, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// This name alone.
    Name(String),
    /// Every name below this one, at any depth, and not the name itself.
    Below(String),
    /// This address.
    Address(IpAddr),
}

/// A rule that cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an outbound rule: {fault}")]
pub struct InvalidOutbound {
    text: String,
    fault: &'static str,
}

/// The longest part of a name, as DNS has it.
const LABEL_LENGTH_MAX: usize = 63;

#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Table(Table),
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    url: String,
    #[serde(default)]
    private: bool,
}

impl Scheme {
    /// The scheme as it stands in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port of a URL that names none.
    pub fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl OutboundRule {
    fn parse(text: &str, private: bool) -> Result<Self, &'static str> {
        let url: Url = text.parse().map_err(|_| "write it as `https://api.example.com`")?;
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err("its scheme is not http or https"),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err("a rule has no user and no password");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("a rule has no query and no fragment");
        }
        let host = match url.host() {
            Some(Host::Ipv4(address)) => HostPattern::Address(address.into()),
            // `::ffff:10.0.0.7` is the same machine as `10.0.0.7`
            Some(Host::Ipv6(address)) => HostPattern::Address(IpAddr::from(address).to_canonical()),
            Some(Host::Domain(name)) => pattern(name)?,
            None => return Err("it names no host"),
        };
        let port = url.port().unwrap_or(scheme.port());
        let path = url.path().trim_end_matches('/').to_owned();
        Ok(Self { scheme, host, port, path, private })
    }
}

fn pattern(name: &str) -> Result<HostPattern, &'static str> {
    let (below, name) = match name.strip_prefix("*.") {
        Some(name) => (true, name),
        None => (false, name),
    };
    // with a dot at its end it is the same name
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.is_empty() || name.contains('*') {
        return Err("`*` stands only for the first parts of a name: `*.corp.local`");
    }
    // without the dot, or what stood for `*`, it must still be no address to anyone
    let is_name = |text: &str| matches!(Host::parse(text), Ok(Host::Domain(same)) if same == text);
    if !name.split('.').all(is_label) || !is_name(name) {
        return Err("its host is no name of DNS");
    }
    Ok(if below { HostPattern::Below(name.to_owned()) } else { HostPattern::Name(name.to_owned()) })
}

/// Whether this is a part of a name.
fn is_label(label: &str) -> bool {
    let usable = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b);
    (1..=LABEL_LENGTH_MAX).contains(&label.len()) && label.bytes().all(usable)
}

impl TryFrom<Written> for OutboundRule {
    type Error = InvalidOutbound;

    fn try_from(written: Written) -> Result<Self, InvalidOutbound> {
        let (text, private) = match written {
            Written::Text(text) => (text, false),
            Written::Table(Table { url, private }) => (url, private),
        };
        Self::parse(&text, private).map_err(|fault| InvalidOutbound { text, fault })
    }
}

impl From<OutboundRule> for Written {
    fn from(rule: OutboundRule) -> Self {
        let url = rule.url();
        match rule.private {
            true => Self::Table(Table { url, private: true }),
            false => Self::Text(url),
        }
    }
}

impl std::str::FromStr for OutboundRule {
    type Err = InvalidOutbound;

    fn from_str(text: &str) -> Result<Self, InvalidOutbound> {
        Self::try_from(Written::Text(text.to_owned()))
    }
}

impl OutboundRule {
    fn url(&self) -> String {
        let Self { scheme, host, port, path, private: _ } = self;
        let port = if *port == scheme.port() { String::new() } else { format!(":{port}") };
        format!("{}://{host}{port}{path}", scheme.as_str())
    }
}

impl std::fmt::Display for OutboundRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.url())?;
        if self.private { f.write_str(", private addresses too") } else { Ok(()) }
    }
}

impl std::fmt::Display for HostPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Below(name) => write!(f, "*.{name}"),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Address(address) => write!(f, "{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Result<OutboundRule, String> {
        text.parse().map_err(|invalid: InvalidOutbound| invalid.to_string())
    }

    #[test]
    fn rules_are_taken_apart_and_written_in_one_way() {
        for (text, host, port, path, written) in [
            ("https://API.Example.com", "api.example.com", 443, "", "https://api.example.com"),
            ("https://a.example:443/", "a.example", 443, "", "https://a.example"),
            ("http://*.corp.local:8080", "*.corp.local", 8080, "", "http://*.corp.local:8080"),
            ("http://10.0.0.7/v1/", "10.0.0.7", 80, "/v1", "http://10.0.0.7/v1"),
            ("http://0x7f.1:81/a", "127.0.0.1", 81, "/a", "http://127.0.0.1:81/a"),
            ("https://[::1]/", "[::1]", 443, "", "https://[::1]"),
            ("http://[::ffff:10.0.0.7]", "10.0.0.7", 80, "", "http://10.0.0.7"),
            ("https://a.example./v1", "a.example", 443, "/v1", "https://a.example/v1"),
            ("https://a.example/x/../y", "a.example", 443, "/y", "https://a.example/y"),
        ] {
            let rule = rule(text).unwrap();
            assert_eq!((&*rule.host.to_string(), rule.port, &*rule.path), (host, port, path));
            assert_eq!(rule.to_string(), written);
            assert_eq!(written.parse::<OutboundRule>().unwrap(), rule);
        }
    }

    #[test]
    fn a_rule_that_is_none_says_why() {
        for (text, why) in [
            ("api.example.com", "write it as"),
            ("ftp://a.example", "not http or https"),
            ("https://user:pass@a.example", "no user"),
            ("https://a.example/?q", "no query"),
            ("https://*", "`*` stands only"),
            ("https://a.*.example", "`*` stands only"),
            ("https://*.", "`*` stands only"),
            ("http://10.0.0..", "no name of DNS"),
            ("http://*.1.", "write it as"),
            ("https://a..example", "no name of DNS"),
            ("https://a!b.example", "no name of DNS"),
        ] {
            let error = rule(text).unwrap_err();
            assert!(error.contains(why) && error.contains(text), "{text}: {error}");
        }
    }
}
