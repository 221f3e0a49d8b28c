//! Fuzz target: rules and URLs. An input is a rule in its first line and URLs in the others. What a rule lets
//! through is held against the reading of a URL by another parser, the one that browsers' standard describes.

use http::Uri;
use steading_fuzz::Corpus;
use steading_protocol::{HostPattern, OutboundRule};
use url::Url;

use super::{Destination, Host};

fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines();
    let Ok(rule) = lines.next().unwrap_or_default().parse::<OutboundRule>() else { return };
    let again: OutboundRule = rule.to_string().parse().expect("a rule is written as one");
    assert_eq!(again, rule);
    for line in lines {
        let Ok(uri) = line.parse::<Uri>() else { continue };
        let Ok(to) = Destination::of(&uri) else { continue };
        let header = to.authority();
        let same = Destination::of(&format!("{to}/").parse().expect("a destination is a URL"));
        assert_eq!(same.map(|same| same.authority()), Ok(header), "{line}");
        if to.rule(std::slice::from_ref(&rule)).is_some() {
            check_allowed(&rule, &to, line);
        }
    }
}

fn check_allowed(rule: &OutboundRule, to: &Destination, line: &str) {
    let url = Url::parse(line).unwrap_or_else(|error| panic!("{line} is no URL: {error}"));
    assert_eq!(url.scheme(), rule.scheme.as_str(), "{line}");
    assert_eq!(url.port_or_known_default(), Some(rule.port), "{line}");
    assert!(url.username().is_empty() && url.password().is_none(), "{line}");
    let read = Host::read(url.host_str().expect("it has a host")).expect("a host is read again");
    assert_eq!(read, to.host, "{line}");
    match (&rule.host, &to.host) {
        (HostPattern::Name(name), Host::Name(host)) => assert_eq!(host, name, "{line}"),
        (HostPattern::Below(name), Host::Name(host)) => {
            assert!(host.ends_with(&format!(".{name}")), "{line}");
        }
        (HostPattern::Address(named), Host::Address(address)) => assert_eq!(address, named),
        other => panic!("{line}: {other:?}"),
    }
    let (path, below) = (url.path(), format!("{}/", rule.path));
    let is_below = path == rule.path || path.starts_with(&below);
    assert!(rule.path.is_empty() || is_below, "{line} leads out of {}", rule.path);
}

#[test]
fn fuzz_outbound() {
    steading_fuzz::target!(Corpus::of("outbound"), check);
}
