//! Where a request is going, in one spelling, and which rule of a grant lets it go there. Pure.
//!
//! A guest chooses the text of a URL, so nothing is decided by text: a host is read as browsers read it (case,
//! IDN, a dot at its end, addresses in octal or as one number), and what was read is what is matched, looked up,
//! and put into the `Host` header. Invariant: there is no second reading of the URL.

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use http::Uri;
use percent_encoding::percent_decode;
use steading_protocol::{HostPattern, OutboundRule, Scheme};

/// Where a request is going.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Destination {
    pub(super) scheme: Scheme,
    pub(super) host: Host,
    pub(super) port: u16,
    path: String,
}

/// The host of a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// A name in lower case, in ASCII, without a dot at its end.
    Name(String),
    /// An address; of one machine there is one spelling.
    Address(IpAddr),
}

/// The longest name that there is in DNS, and the longest part of one.
const NAME_LENGTH_MAX: usize = 253;
const LABEL_LENGTH_MAX: usize = 63;

impl Destination {
    /// Reads the URL of a request; the error says what is wrong with it.
    pub(super) fn of(uri: &Uri) -> Result<Self, &'static str> {
        let scheme = match uri.scheme_str() {
            Some("http") => Scheme::Http,
            Some("https") => Scheme::Https,
            _ => return Err("its scheme is not http or https"),
        };
        let authority = uri.authority().ok_or("it names no host")?;
        if authority.as_str().contains('@') {
            return Err("it has a user in it; send a header `authorization`");
        }
        let host = Host::read(authority.host())?;
        // what stands between host and path is a port and nothing else, or a URL could be read in two ways
        let port = match authority.as_str().get(authority.host().len()..) {
            Some("") => scheme.port(),
            rest => rest.and_then(port).ok_or("its port is none")?,
        };
        if !uri.path().starts_with('/') {
            return Err("its path does not begin with `/`");
        }
        Ok(Self { scheme, host, port, path: uri.path().to_owned() })
    }

    /// The value of the `Host` header.
    pub(super) fn authority(&self) -> String {
        let Self { scheme, host, port, .. } = self;
        if *port == scheme.port() { host.to_string() } else { format!("{host}:{port}") }
    }

    /// The rule that lets a request go here. Of several the one that lets most through, because an app has
    /// all of them.
    pub(super) fn rule<'r>(&self, rules: &'r [OutboundRule]) -> Option<&'r OutboundRule> {
        let mut matching = rules.iter().filter(|rule| self.is_under(rule));
        let first = matching.next()?;
        Some(if first.private {
            first
        } else {
            matching.find(|rule| rule.private).unwrap_or(first)
        })
    }

    fn is_under(&self, rule: &OutboundRule) -> bool {
        let of_host = match (&rule.host, &self.host) {
            (HostPattern::Name(name), Host::Name(host)) => name == host,
            (HostPattern::Below(name), Host::Name(host)) => {
                host.strip_suffix(name.as_str()).is_some_and(|first| first.ends_with('.'))
            }
            (HostPattern::Address(named), Host::Address(address)) => named == address,
            _ => false,
        };
        of_host
            && rule.scheme == self.scheme
            && rule.port == self.port
            && is_below(&rule.path, &self.path)
    }
}

impl Host {
    fn read(text: &str) -> Result<Self, &'static str> {
        if text.contains('%') {
            return Err("its host is percent-encoded");
        }
        match url::Host::parse(text).map_err(|_| "its host is neither a name nor an address")? {
            url::Host::Ipv4(address) => Ok(Self::Address(address.into())),
            url::Host::Ipv6(address) => Ok(Self::Address(IpAddr::from(address).to_canonical())),
            url::Host::Domain(name) => {
                let name = name.strip_suffix('.').unwrap_or(&name);
                let usable =
                    |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b);
                let is_label = |label: &str| {
                    (1..=LABEL_LENGTH_MAX).contains(&label.len()) && label.bytes().all(usable)
                };
                if name.len() > NAME_LENGTH_MAX || !name.split('.').all(is_label) {
                    return Err("its host is no name of DNS");
                }
                Ok(Self::Name(name.to_owned()))
            }
        }
    }
}

fn port(text: &str) -> Option<u16> {
    let digits = text.strip_prefix(':')?;
    let is_number = digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|port| is_number && *port > 0)
}

/// Whether a path begins with the parts of another, for whoever serves it: servers and proxies take `..` away,
/// some of them after decoding it, so a path that could be read as leading out is not below anything.
fn is_below(prefix: &str, path: &str) -> bool {
    if prefix.is_empty() {
        return true;
    }
    let Some(rest) = path.strip_prefix(prefix) else { return false };
    (rest.is_empty() || rest.starts_with('/')) && rest.split('/').all(is_plain)
}

/// Whether a part of a path is one name, however often it is decoded.
fn is_plain(part: &str) -> bool {
    let mut bytes = part.as_bytes().to_vec();
    loop {
        // what stands behind a `;` is a parameter to some servers, which look at the rest alone
        let name = bytes.split(|b| *b == b';').next().unwrap_or_default();
        let leads_out = |b: &u8| matches!(b, b'/' | b'\\') || b.is_ascii_control();
        if name == b"." || name == b".." || bytes.iter().any(leads_out) {
            return false;
        }
        let decoded: Vec<u8> = percent_decode(&bytes).collect();
        if decoded == bytes {
            return true;
        }
        bytes = decoded;
    }
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Address(address) => write!(f, "{address}"),
        }
    }
}

impl std::fmt::Display for Destination {
    /// Without the path, which may have secrets in it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.authority())
    }
}
