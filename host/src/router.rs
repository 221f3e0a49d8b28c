//! Which function answers a request: host, path and method in, function and parameters out. Pure:
//! it knows nothing of sockets or of what a function is.
//!
//! A request finds its app by the Host header, or by `/functions/<app>/api/…`, or (for `/api/…`
//! under any other host) by trying the apps in the manager's order, so publishing another app never
//! changes what an existing URL answers. Within an app there is one tree per method, so a literal route of one
//! method never hides a parameter route of another. Invariant: a table is never changed once built; a
//! new one takes its place.

#[cfg(test)]
mod fuzz;
mod tree;

use std::collections::HashMap;
use std::sync::Arc;

use http::Method;
use steading_protocol::{HttpTrigger, RouteTemplate};

use self::tree::Tree;

/// The routes of every app of a worker.
#[derive(Debug)]
pub(crate) struct RouteTable<F> {
    by_host: HashMap<String, Arc<AppRoutes<F>>>,
    by_name: HashMap<String, Arc<AppRoutes<F>>>,
    direct: Vec<Arc<AppRoutes<F>>>,
}

/// The routes of one app.
#[derive(Debug)]
pub(crate) struct AppRoutes<F> {
    methods: [Tree<F>; METHODS.len() + 1],
}

/// A function that answers, and its route parameters in the template's order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Match<F> {
    pub(crate) function: F,
    pub(crate) parameters: Vec<(String, String)>,
}

/// No function answers.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Miss {
    #[error("no function answers at this path")]
    NotFound,
    #[error("the functions at this path answer {}", allow.join(", "))]
    Method { allow: Vec<&'static str> },
}

/// Two routes of one app that the matcher cannot tell apart; the manager refuses these at publishing.
#[derive(Debug, thiserror::Error)]
#[error("route `{route}` cannot stand beside the app's other routes")]
pub(crate) struct Ambiguous {
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
    pub(crate) fn insert(&mut self, name: &str, hosts: &[String], routes: Arc<AppRoutes<F>>) {
        for host in hosts {
            self.by_host.entry(host.to_ascii_lowercase()).or_insert_with(|| Arc::clone(&routes));
        }
        self.by_name.insert(name.to_owned(), Arc::clone(&routes));
        self.direct.push(routes);
    }

    /// Finds the function. `host` is the Host header or authority, with or without a port.
    pub(crate) fn find(
        &self,
        host: Option<&str>,
        path: &str,
        method: &Method,
    ) -> Result<Match<F>, Miss> {
        if let Some(app) = host.and_then(|host| self.app_of_host(host)) {
            return below(path, PREFIX).map_or(Err(Miss::NotFound), |rest| app.find(rest, method));
        }
        if let Some(rest) = path.strip_prefix("/functions/") {
            let (name, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let app = self.by_name.get(name).ok_or(Miss::NotFound)?;
            return below(rest, PREFIX).map_or(Err(Miss::NotFound), |rest| app.find(rest, method));
        }
        let rest = below(path, PREFIX).ok_or(Miss::NotFound)?;
        let mut miss = Miss::NotFound;
        for app in &self.direct {
            match app.find(rest, method) {
                Ok(found) => return Ok(found),
                Err(Miss::Method { allow }) if miss == Miss::NotFound => {
                    miss = Miss::Method { allow }
                }
                Err(_) => {}
            }
        }
        Err(miss)
    }

    fn app_of_host(&self, host: &str) -> Option<&Arc<AppRoutes<F>>> {
        if self.by_host.is_empty() {
            return None;
        }
        let name = host.rsplit_once(':').map_or(host, |(name, _port)| name);
        self.by_host.get(&name.to_ascii_lowercase())
    }
}

impl<F: Clone> AppRoutes<F> {
    /// Builds the routes of one app.
    pub(crate) fn new<'t>(
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

    fn app(functions: &[(&str, &[Bound], &'static str)]) -> Arc<AppRoutes<&'static str>> {
        let triggers: Vec<_> = functions
            .iter()
            .map(|(route, methods, name)| (trigger(route, methods), *name))
            .collect();
        Arc::new(AppRoutes::new(triggers.iter().map(|(t, n)| (t, *n))).unwrap())
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
        let found = shop().find(Some("localhost:7071"), path, method)?;
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
        let find =
            |host: &str, path: &str| table.find(Some(host), path, &Method::GET).map(|m| m.function);
        assert_eq!(find("SHOP.example.org:80", "/api/hello"), Ok("rest"));
        assert_eq!(find("x", "/functions/other/api/orders"), Ok("other"));
        assert_eq!(find("x", "/functions/none/api/orders"), Err(Miss::NotFound));
        assert_eq!(table.find(None, "/api/hello", &Method::PUT).unwrap().function, "hello");
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
        let miss = table.find(None, "/api/x", &Method::DELETE).unwrap_err();
        assert_eq!(miss, Miss::Method { allow: vec!["GET", "POST"] });
    }

    #[test]
    fn catch_alls_of_any_depth_stand_side_by_side_and_a_literal_goes_first() {
        let mut table = RouteTable::default();
        let routes = ["{*rest}", "{a}/x/{*rest}", "a/{*rest}", "{a}/{b}/{*rest}"];
        let routes = routes.map(|route| (route, &[][..], route));
        table.insert("a", &[], app(&routes));
        let find = |path| table.find(None, path, &Method::GET).unwrap().function;
        assert_eq!(find("/api/b"), "{*rest}");
        assert_eq!(find("/api/b/x/c"), "{a}/x/{*rest}");
        assert_eq!(find("/api/b/y/c/d"), "{a}/{b}/{*rest}");
        assert_eq!(find("/api/a/x/c"), "a/{*rest}");
    }

    proptest! {
        #[test]
        fn no_path_panics_and_what_is_found_lies_below_the_prefix(
            path in "/(api|functions|API)?(/[a-zA-Zé%0-9./]{0,8}){0,4}"
        ) {
            if shop().find(Some("x"), &path, &Method::GET).is_ok() {
                prop_assert!(path.to_ascii_lowercase().contains("/api"), "{}", path);
            }
        }
    }
}
