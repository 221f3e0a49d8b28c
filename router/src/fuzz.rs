//! Fuzz target: the route matcher, against one that tries every template in turn. An input is templates, a
//! line each, an empty line, and paths.

use std::sync::Arc;

use http::Method;
use steading_fuzz::Corpus;
use steading_protocol::{
    AuthLevel, FunctionSpec, HttpTrigger, Limits, RouteTemplate, Segment, Trigger, check_routes,
};

use super::{AppRoutes, RouteTable, Split};

/// Whether a template matches the parts of a path below the prefix.
fn matches(template: &RouteTemplate, parts: &[&str]) -> bool {
    let mut parts = parts.iter();
    for segment in template.segments() {
        let matched = match segment {
            Segment::Literal(text) => {
                parts.next().is_some_and(|part| part.eq_ignore_ascii_case(text))
            }
            Segment::Parameter(_) => parts.next().is_some(),
            Segment::Optional(_) => {
                parts.next();
                true
            }
            Segment::CatchAll(_) => return true,
        };
        if !matched {
            return false;
        }
    }
    parts.next().is_none()
}

/// The templates that a manager would let stand side by side, the later of two that clash left out.
fn templates(text: &str) -> Vec<RouteTemplate> {
    let mut functions: Vec<FunctionSpec> = vec![];
    for (index, route) in text.lines().take(32).filter_map(|line| line.parse().ok()).enumerate() {
        let (methods, auth) = (vec![], AuthLevel::Anonymous);
        functions.push(FunctionSpec {
            name: format!("f{index}").parse().unwrap(),
            module: steading_protocol::Digest::from_bytes([0; 32]),
            export: "run".into(),
            trigger: Trigger::Http(HttpTrigger { route, methods, auth }),
            limits: Limits::default(),
        });
        if check_routes(&functions).is_err() {
            functions.pop();
        }
    }
    let route = |spec: FunctionSpec| {
        let Trigger::Http(http) = spec.trigger;
        http.route
    };
    functions.into_iter().map(route).collect()
}

fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (routes, paths) = text.split_once("\n\n").unwrap_or((&text, "/api\n/api/a/b\n"));
    let templates = templates(routes);
    let trigger = |route: &RouteTemplate| HttpTrigger {
        route: route.clone(),
        methods: vec![],
        auth: AuthLevel::Anonymous,
    };
    let triggers: Vec<_> = templates.iter().map(trigger).collect();
    let numbered = triggers.iter().enumerate().map(|(index, trigger)| (trigger, index));
    let app = AppRoutes::new(numbered).expect("what the manager takes, a worker takes");
    let mut table = RouteTable::default();
    table.insert("shop", &["shop.example.org".into()], Split::whole(Arc::new(app)));
    for path in paths.lines() {
        check_path(&table, &templates, path);
    }
}

fn check_path(table: &RouteTable<usize>, templates: &[RouteTemplate], path: &str) {
    let found = table.find(Some("x:1"), path, &Method::GET, || 0);
    let by_host = table.find(Some("SHOP.example.org:80"), path, &Method::GET, || 0);
    let lower = path.to_ascii_lowercase();
    let Some(rest) =
        lower.strip_prefix("/api").filter(|rest| rest.is_empty() || rest.starts_with('/'))
    else {
        assert!(by_host.is_err(), "{path} is not below the prefix");
        return;
    };
    assert_eq!(found, by_host, "{path}");
    // what an empty part means is the matcher's business; that it does not panic has been seen
    if rest.contains("//") {
        return;
    }
    let parts: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).collect();
    let expected: Vec<usize> =
        (0..templates.len()).filter(|index| matches(&templates[*index], &parts)).collect();
    match found {
        Ok(found) => {
            assert!(expected.contains(&found.function), "{path}: {found:?}, {templates:?}");
        }
        Err(_) => assert!(expected.is_empty(), "{path} matches {expected:?} of {templates:?}"),
    }
}

#[test]
fn fuzz_router() {
    steading_fuzz::target!(Corpus::of("router"), check);
}
