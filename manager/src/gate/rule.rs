//! The table of what each route allows beyond the strict defaults. Pure.

use std::time::Duration;

use http::Method;

use crate::{api, auth, health, portal};

/// What one route allows.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// The method; `HEAD` follows `GET`.
    pub(crate) method: Method,
    /// The route as it stands in the router, such as `/api/v1/apps/{app}`.
    pub(crate) path: &'static str,
    /// Who may call.
    pub(crate) access: Access,
    /// How much may be sent.
    pub(crate) body_max: BodyMax,
    /// How long it may take, from the first byte of the body to the head of the answer.
    pub(crate) time_max: Duration,
}

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anyone; a session is recognised when there is one.
    Open,
    /// A signed-in browser or an API token.
    Operator,
    /// An operator, with a multipart form: the handler finds the CSRF token in the form when it is
    /// not in the header, since only reading the form shows it.
    OperatorMultipart,
    /// An operator, or HTTP Basic with the administrator's password.
    OperatorOrPassword,
    /// The join token.
    Joiner,
    /// The join token, or an operator: gateways and scalers are machines of the installation.
    JoinerOrOperator,
    /// A worker's token; with `{worker}` in the route, of that worker.
    Worker,
}

/// How much a caller may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyMax {
    /// This many bytes.
    Bytes(u64),
    /// As much as a package may have.
    Module,
}

/// Forms and small JSON bodies.
const BODY_BYTES_MAX: u64 = 64 << 10;

/// Answers that need a few reads and writes of the store.
const TIME_MAX: Duration = Duration::from_secs(30);

impl Rule {
    /// The strict defaults: an operator, a small body, a short time.
    pub(crate) const fn new(method: Method, path: &'static str) -> Self {
        Self {
            method,
            path,
            access: Access::Operator,
            body_max: BodyMax::Bytes(BODY_BYTES_MAX),
            time_max: TIME_MAX,
        }
    }

    /// The rule with another access.
    pub(crate) const fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// The rule with another body limit.
    pub(crate) const fn body_max(mut self, body_max: BodyMax) -> Self {
        self.body_max = body_max;
        self
    }

    /// The rule with another time limit.
    pub(crate) const fn time_max(mut self, time_max: Duration) -> Self {
        self.time_max = time_max;
        self
    }
}

const OWN: &[Rule] = &[Rule::new(Method::GET, auth::TICKET_PATH).access(Access::Open)];

/// The rule of a route; the strict defaults for what is in no table.
pub(super) fn find(method: &Method, path: &str) -> Rule {
    let method = if *method == Method::HEAD { &Method::GET } else { method };
    [OWN, api::RULES, health::RULES, portal::RULES]
        .into_iter()
        .flatten()
        .find(|rule| rule.path == path && rule.method == *method)
        .cloned()
        .unwrap_or(Rule::new(Method::GET, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_without_a_rule_is_for_operators_only() {
        for path in ["", "/api/v1/apps", "/api/v1/live/", "/new"] {
            assert_eq!(find(&Method::POST, path).access, Access::Operator, "{path}");
        }
        assert_eq!(find(&Method::GET, "/api/v1/live").access, Access::Open);
        assert_eq!(find(&Method::HEAD, "/api/v1/live").access, Access::Open);
        assert_eq!(find(&Method::POST, "/api/v1/live").access, Access::Operator);
    }

    #[test]
    fn every_rule_stands_once() {
        let rules: Vec<_> =
            [OWN, api::RULES, health::RULES, portal::RULES].into_iter().flatten().collect();
        for (index, rule) in rules.iter().enumerate() {
            let same = |r: &&&Rule| r.path == rule.path && r.method == rule.method;
            assert_eq!(rules[index..].iter().filter(same).count(), 1, "{}", rule.path);
        }
    }
}
