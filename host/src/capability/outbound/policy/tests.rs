//! What rules match and what they do not, by example and at random.

use proptest::prelude::*;

use super::*;

fn rule(text: &str) -> OutboundRule {
    text.parse().unwrap()
}

fn private(url: &str) -> OutboundRule {
    serde_json::from_value(serde_json::json!({ "url": url, "private": true })).unwrap()
}

fn allows(rule_text: &str, url: &str) -> bool {
    let Ok(uri) = url.parse() else { return false };
    Destination::of(&uri).is_ok_and(|to| to.rule(&[rule(rule_text)]).is_some())
}

fn host(url: &str) -> Result<String, &'static str> {
    Destination::of(&url.parse().map_err(|_| "it is no URI")?).map(|to| to.host.to_string())
}

#[test]
fn a_rule_matches_its_scheme_host_and_port() {
    let api = "https://api.example.com";
    for (url, allowed) in [
        ("https://api.example.com", true),
        ("https://api.example.com:443/any/path?and=query", true),
        ("https://API.Example.COM./x", true),
        ("http://api.example.com", false),
        ("https://api.example.com:8443", false),
        ("https://example.com", false),
        ("https://x.api.example.com", false),
        ("https://api.example.com.evil.example", false),
        ("https://evilapi.example.com", false),
        ("https://api.example.com..", false),
        ("https://api.example.com:0", false),
        ("https://api.example.com:", false),
        ("https://api.example.com:99999", false),
        ("https://evil.example\\@api.example.com", false),
    ] {
        assert_eq!(allows(api, url), allowed, "{url}");
    }
}

#[test]
fn a_wildcard_is_every_name_below_and_neither_the_name_nor_an_address() {
    let below = "http://*.corp.local:8080";
    for (url, allowed) in [
        ("http://a.corp.local:8080", true),
        ("http://a.b.corp.local:8080/x", true),
        ("http://A.CORP.LOCAL.:8080", true),
        ("http://corp.local:8080", false),
        ("http://.corp.local:8080", false),
        ("http://acorp.local:8080", false),
        ("http://*.corp.local:8080", false),
        ("http://a.corp.local", false),
        ("http://a.corp.local.evil.example:8080", false),
        ("http://127.0.0.1:8080", false),
    ] {
        assert_eq!(allows(below, url), allowed, "{url}");
    }
}

#[test]
fn every_spelling_of_an_address_is_that_address() {
    for text in
        ["127.0.0.1", "0x7f.1", "0177.0.0.01", "2130706433", "0x7f000001", "127.1", "127.0.0.1."]
    {
        assert_eq!(host(&format!("http://{text}/")).unwrap(), "127.0.0.1", "{text}");
    }
    assert_eq!(host("http://[::ffff:127.0.0.1]/").unwrap(), "127.0.0.1");
    assert_eq!(host("http://[0:0:0:0:0:0:0:1]/").unwrap(), "[::1]");
    assert!(allows("http://10.0.0.7", "http://0xa.7/"));
    assert!(!allows("http://10.0.0.7", "http://10.0.0.8/"));
    for url in
        ["http://[fe80::1%25eth0]/", "http://1.2.3.4.5/", "http://256.1.1.1/", "http://[::1/"]
    {
        assert!(host(url).is_err(), "{url}");
    }
}

#[test]
fn a_url_that_could_be_read_in_two_ways_is_refused() {
    for url in [
        "https://user@api.example.com/",
        "https://user:pass@api.example.com/",
        "https://api.example.com%2eevil.example/",
        "https://%61pi.example.com/",
        "https://api_example com/",
        "ftp://api.example.com/",
        "/relative",
        "https://a..example/",
        "http://[::1]7:81/",
        "http://[::1]:+81/",
    ] {
        assert!(host(url).is_err(), "{url}");
    }
}

#[test]
fn a_path_is_matched_part_by_part_and_never_led_out_of() {
    let v1 = "https://a.example/v1/";
    for (path, allowed) in [
        ("/v1", true),
        ("/v1/", true),
        ("/v1/items/7?x=../..", true),
        ("/v1/a%20b", true),
        ("/v1/100%", true),
        ("/v1/a;b=1", true),
        ("/v10", false),
        ("/", false),
        ("/V1/x", false),
        ("/v1/../admin", false),
        ("/v1/%2e%2e/admin", false),
        ("/v1/.%2E/admin", false),
        ("/v1/%252e%252e/admin", false),
        ("/v1/x%2f..%2f..%2fadmin", false),
        ("/v1/..;/admin", false),
        ("/v1/..%3bx/admin", false),
        ("/v1/..%5cadmin", false),
        ("/v1/./x", false),
        ("/v1/%00", false),
        ("/%76%31/x", false),
        ("//v1/x", false),
    ] {
        assert_eq!(allows(v1, &format!("https://a.example{path}")), allowed, "{path}");
    }
}

#[test]
fn of_several_rules_the_one_that_lets_most_through_counts() {
    let to = Destination::of(&"http://a.corp.local/x".parse().unwrap()).unwrap();
    let rules =
        [rule("http://a.corp.local"), private("http://*.corp.local"), rule("https://x.example")];
    assert!(to.rule(&rules).unwrap().private);
    assert!(!to.rule(&rules[..1]).unwrap().private);
    assert_eq!(to.rule(&rules[2..]), None);
    assert_eq!(to.rule(&[]), None);
}

#[test]
fn the_host_header_is_what_was_matched() {
    let authority = |url: &str| Destination::of(&url.parse().unwrap()).unwrap().authority();
    assert_eq!(authority("https://A.Example.:443/"), "a.example");
    assert_eq!(authority("http://A.Example:8080/"), "a.example:8080");
    assert_eq!(authority("https://[::1]:8443/"), "[::1]:8443");
}

proptest! {
    #[test]
    fn a_name_is_below_another_only_by_whole_parts(name in "[a-z]{1,3}(\\.[a-z]{1,3}){0,3}") {
        let rule = rule("http://*.b.c");
        let to = Destination::of(&format!("http://{name}/").parse().unwrap()).unwrap();
        let parts: Vec<_> = name.split('.').collect();
        let expected = parts.len() > 2 && parts[parts.len() - 2..] == ["b", "c"];
        prop_assert_eq!(to.rule(&[rule]).is_some(), expected);
    }

    #[test]
    fn no_path_that_a_browser_would_lead_out_is_below(tail in "(/|\\.|%2e|%2E|%2f|;|a|%252e|\\\\){0,8}") {
        let url = format!("https://a.example/v1/{tail}");
        if allows("https://a.example/v1", &url) {
            let read = url::Url::parse(&url).unwrap();
            prop_assert!(read.path() == "/v1" || read.path().starts_with("/v1/"), "{}", url);
        }
    }
}
