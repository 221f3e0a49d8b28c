//! Which function answers a request: host, path and method in, function and parameters out. Pure:
//! it knows nothing of sockets or of what a function is. A worker and a gateway both ask it, and so
//! never disagree.
//!
//! A request finds its app by the Host header, or by `/functions/<app>/api/…`, or (for `/api/…`
//! under any other host) by trying the apps in the manager's order, so publishing another app never
//! changes what an existing URL answers. Within an app there is one tree per method, so a literal route of one
//! method never hides a parameter route of another. Of an app's versions ([`Split`]) one is chosen by a roll,
//! once for a request. Invariant: a table is never changed once built; a
//! new one takes its place.

#[cfg(test)]
mod fuzz;
mod split;
mod tree;

use std::cell::LazyCell;
use std::collections::HashMap;

use http::Method;
use steading_protocol::{HttpTrigger, RouteTemplate};

pub use split::{InvalidSplit, ROLLS, Split};

use self::tree::Tree;

/// The routes of every app.
#[derive(Debug)]
pub struct RouteTable<F> {
    by_host: HashMap<String, Split<F>>,
    by_name: HashMap<String, Split<F>>,
    direct: Vec<Split<F>>,
}

/// The routes of one version of an app.
#[derive(Debug)]
pub struct AppRoutes<F> {
    methods: [Tree<F>; METHODS.len() + 1],
}

/// A function that answers, and its route parameters in the template's order.
#[derive(Debug, PartialEq, Eq)]
pub struct Match<F> {
    /// The function.
    pub function: F,
    /// Name and value of each parameter, the value decoded.
    pub parameters: Vec<(String, String)>,
}

/// No function answers.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Miss {
    /// Not at this path.
    #[error("no function answers at this path")]
    NotFound,
    /// Not with this method.
    #[error("the functions at this path answer {}", allow.join(", "))]
    Method {
        /// The methods that are answered.
        allow: Vec<&'static str>,
    },
}

/// Two routes of one app that the matcher cannot tell apart; the manager refuses these at publishing.
#[derive(Debug, thiserror::Error)]
#[error("route `{route}` cannot stand beside the app's other routes")]
pub struct Ambiguous {
    route: RouteTemplate,
    source: matchit::InsertError,
}

const METHODS: [Method; 7] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::HEAD,
    Method::OPTIONS,
];

/// What every path of an app begins with.
const PREFIX: &str = "/api";

impl<F> Default for RouteTable<F> {
    fn default() -> Self {
        Self { by_host: HashMap::new(), by_name: HashMap::new(), direct: vec![] }
    }
}

impl<F: Clone> RouteTable<F> {
    /// Adds an app behind those that are there already.
    pub fn insert(&mut self, name: &str, hosts: &[String], versions: Split<F>) {
        for host in hosts {
            self.by_host.entry(host.to_ascii_lowercase()).or_insert_with(|| versions.clone());
        }
        self.by_name.insert(name.to_owned(), versions.clone());
        self.direct.push(versions);
    }

    /// Finds the function. `host` is the Host header or authority, with or without a port; `roll` gives a
    /// random number below [`ROLLS`], and is asked at most once.
    pub fn find(
        &self,
        host: Option<&str>,
        path: &str,
        method: &Method,
        roll: impl FnOnce() -> u8,
    ) -> Result<Match<F>, Miss> {
        let roll = LazyCell::new(roll);
        let find = |app: &Split<F>, rest| app.choose(|| *roll).find(rest, method);
        if let Some(app) = host.and_then(|host| self.app_of_host(host)) {
            return below(path, PREFIX).map_or(Err(Miss::NotFound), |rest| find(app, rest));
        }
        if let Some(rest) = path.strip_prefix("/functions/") {
            let (name, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let app = self.by_name.get(name).ok_or(Miss::NotFound)?;
            return below(rest, PREFIX).map_or(Err(Miss::NotFound), |rest| find(app, rest));
        }
        let rest = below(path, PREFIX).ok_or(Miss::NotFound)?;
        let mut miss = Miss::NotFound;
        for app in &self.direct {
            match find(app, rest) {
                Ok(found) => return Ok(found),
                Err(Miss::Method { allow }) if miss == Miss::NotFound => {
                    miss = Miss::Method { allow }
                }
                Err(_) => {}
            }
        }
        Err(miss)
    }

    fn app_of_host(&self, host: &str) -> Option<&Split<F>> {
        if self.by_host.is_empty() {
            return None;
        }
        let name = host.rsplit_once(':').map_or(host, |(name, _port)| name);
        self.by_host.get(&name.to_ascii_lowercase())
    }
}

impl<F: Clone> AppRoutes<F> {
    /// Builds the routes of one app.
    pub fn new<'t>(
        functions: impl IntoIterator<Item = (&'t HttpTrigger, F)>,
    ) -> Result<Self, Ambiguous> {
        let mut routes = Self { methods: std::array::from_fn(|_| Tree::default()) };
        for (trigger, function) in functions {
            for (method, tree) in METHODS.iter().map(Some).chain([None]).zip(&mut routes.methods) {
                let answers = trigger.methods.is_empty()
                    || trigger
                        .methods
                        .iter()
                        .any(|m| Some(m.as_str()) == method.map(Method::as_str));
                if answers {
                    tree.insert(&trigger.route, &function)?;
                }
            }
        }
        Ok(routes)
    }

    fn find(&self, rest: &str, method: &Method) -> Result<Match<F>, Miss> {
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let index = METHODS.iter().position(|m| m == method).unwrap_or(METHODS.len());
        if let Some(found) = self.methods[index].find(rest) {
            return Ok(found);
        }
        let allow: Vec<_> = (METHODS.iter().zip(&self.methods))
            .filter(|(_, tree)| tree.find(rest).is_some())
            .map(|(method, _)| name_of(method))
            .collect();
        if allow.is_empty() { Err(Miss::NotFound) } else { Err(Miss::Method { allow }) }
    }
}

/// The rest of `path` below `prefix`, compared without regard to case, or `None` when it is not below.
fn below<'p>(path: &'p str, prefix: &str) -> Option<&'p str> {
    let (head, rest) = path.split_at_checked(prefix.len())?;
    (head.eq_ignore_ascii_case(prefix) && (rest.is_empty() || rest.starts_with('/')))
        .then_some(rest)
}

fn name_of(method: &Method) -> &'static str {
    let names = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
    names.into_iter().find(|name| *name == method.as_str()).unwrap_or("GET")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use steading_protocol::{AuthLevel, Method as Bound};

    use super::*;

    fn trigger(route: &str, methods: &[Bound]) -> HttpTrigger {
        HttpTrigger {
            route: route.parse().unwrap(),
            methods: methods.to_vec(),
            auth: AuthLevel::Anonymous,
        }
    }

    fn app(functions: &[(&str, &[Bound], &'static str)]) -> Split<&'static str> {
        let triggers: Vec<_> = functions
            .iter()
            .map(|(route, methods, name)| (trigger(route, methods), *name))
            .collect();
        Split::whole(Arc::new(AppRoutes::new(triggers.iter().map(|(t, n)| (t, *n))).unwrap()))
    }

    fn shop() -> RouteTable<&'static str> {
        let mut table = RouteTable::default();
        let shop = app(&[
            ("orders/{id?}", &[Bound::Get], "get"),
            ("orders", &[Bound::Post], "post"),
            ("orders/special", &[Bound::Get], "special"),
            ("{*rest}", &[Bound::Get], "rest"),
        ]);
        table.insert("shop", &["shop.example.org".into()], shop);
        table.insert("other", &[], app(&[("orders", &[], "other"), ("hello", &[], "hello")]));
        table
    }

    fn found(path: &str, method: &Method) -> Result<(&'static str, Vec<String>), Miss> {
        let found = shop().find(Some("localhost:7071"), path, method, || 0)?;
        Ok((
            found.function,
            found.parameters.into_iter().map(|(n, v)| format!("{n}={v}")).collect(),
        ))
    }

    #[test]
    fn parameters_keep_their_case_and_are_decoded() {
        assert_eq!(found("/API/Orders/A%20b", &Method::GET), Ok(("get", vec!["id=A b".into()])));
        assert_eq!(found("/api/orders", &Method::GET), Ok(("get", vec![])));
        assert_eq!(found("/api/orders/", &Method::GET), Ok(("get", vec![])));
        assert_eq!(found("/api/orders/special", &Method::GET), Ok(("special", vec![])));
        assert_eq!(found("/api/x/y/z", &Method::GET), Ok(("rest", vec!["rest=x/y/z".into()])));
    }

    #[test]
    fn a_host_or_a_name_leads_to_one_app_and_a_bare_path_to_the_first_that_answers() {
        let table = shop();
        let find = |host: &str, path: &str| {
            table.find(Some(host), path, &Method::GET, || 0).map(|m| m.function)
        };
        assert_eq!(find("SHOP.example.org:80", "/api/hello"), Ok("rest"));
        assert_eq!(find("x", "/functions/other/api/orders"), Ok("other"));
        assert_eq!(find("x", "/functions/none/api/orders"), Err(Miss::NotFound));
        assert_eq!(table.find(None, "/api/hello", &Method::PUT, || 0).unwrap().function, "hello");
        assert_eq!(find("x", "/apihello"), Err(Miss::NotFound));
        assert_eq!(find("x", "/"), Err(Miss::NotFound));
    }

    #[test]
    fn a_wrong_method_names_the_right_ones() {
        let table = {
            let mut table = RouteTable::default();
            table.insert("a", &[], app(&[("x", &[Bound::Get, Bound::Post], "x")]));
            table
        };
        let miss = table.find(None, "/api/x", &Method::DELETE, || 0).unwrap_err();
        assert_eq!(miss, Miss::Method { allow: vec!["GET", "POST"] });
    }

    #[test]
    fn catch_alls_of_any_depth_stand_side_by_side_and_a_literal_goes_first() {
        let mut table = RouteTable::default();
        let routes = ["{*rest}", "{a}/x/{*rest}", "a/{*rest}", "{a}/{b}/{*rest}"];
        let routes = routes.map(|route| (route, &[][..], route));
        table.insert("a", &[], app(&routes));
        let find = |path| table.find(None, path, &Method::GET, || 0).unwrap().function;
        assert_eq!(find("/api/b"), "{*rest}");
        assert_eq!(find("/api/b/x/c"), "{a}/x/{*rest}");
        assert_eq!(find("/api/b/y/c/d"), "{a}/{b}/{*rest}");
        assert_eq!(find("/api/a/x/c"), "a/{*rest}");
    }

    #[test]
    fn a_catch_all_catches_nothing_as_well_unless_somebody_else_answers_there() {
        let mut table = RouteTable::default();
        let routes = ["{*rest}", "a/{*rest}", "b", "c/{id}/{*rest}"];
        table.insert("a", &[], app(&routes.map(|route| (route, &[][..], route))));
        let find = |path| {
            let found = table.find(None, path, &Method::GET, || 0).unwrap();
            (found.function, found.parameters)
        };
        assert_eq!(find("/api"), ("{*rest}", vec![]));
        assert_eq!(find("/api/"), ("{*rest}", vec![]));
        assert_eq!(find("/api/A"), ("a/{*rest}", vec![]));
        assert_eq!(find("/api/b").0, "b");
        let id = vec![("id".to_owned(), "7".to_owned())];
        assert_eq!(find("/api/c/7"), ("c/{id}/{*rest}", id));
    }

    proptest! {
        #[test]
        fn no_path_panics_and_what_is_found_lies_below_the_prefix(
            path in "/(api|functions|API)?(/[a-zA-Zé%0-9./]{0,8}){0,4}"
        ) {
            if shop().find(Some("x"), &path, &Method::GET, || 0).is_ok() {
                prop_assert!(path.to_ascii_lowercase().contains("/api"), "{}", path);
            }
        }
    }
}
