//! What the gate lets through on API routes beyond its strict defaults, each with its reason.

use std::time::Duration;

use http::Method;

use super::invoke::{BODY_BYTES_MAX as INVOKE_BODY_BYTES_MAX, CALL_TIME_MAX};
use super::worker_kv::BODY_BYTES_MAX as KV_BODY_BYTES_MAX;
use super::worker_side::WAIT_MAX;
use crate::gate::{Access, BodyMax, Rule};

/// A package of 100 MiB over a line of 2 Mbit/s, and its validation.
const PUBLISH_TIME_MAX: Duration = Duration::from_secs(600);

/// A report lists every placement of a worker; a thousand of them stay below this.
const REPORT_BYTES_MAX: u64 = 1 << 20;

/// What a call needs beside the time its worker gets.
const SLACK: Duration = Duration::from_secs(5);

const DESIRED: Rule = Rule::new(Method::GET, "/api/v1/workers/{worker}/desired")
    .access(Access::Worker)
    .time_max(WAIT_MAX.saturating_add(SLACK));

/// The rules.
pub(crate) const RULES: &[Rule] = &[
    Rule::new(Method::GET, "/api/v1/live").access(Access::Open),
    Rule::new(Method::POST, "/api/v1/tokens").access(Access::OperatorOrPassword),
    Rule::new(Method::POST, "/api/v1/apps/{app}/versions")
        .body_max(BodyMax::Module)
        .time_max(PUBLISH_TIME_MAX),
    Rule::new(Method::POST, "/api/v1/apps/{app}/functions/{function}/invoke")
        .body_max(BodyMax::Bytes(INVOKE_BODY_BYTES_MAX))
        .time_max(CALL_TIME_MAX.saturating_add(SLACK)),
    Rule::new(Method::POST, "/api/v1/workers/join").access(Access::Joiner),
    Rule::new(Method::POST, "/api/v1/workers/{worker}/heartbeat").access(Access::Worker),
    DESIRED,
    Rule::new(Method::POST, "/api/v1/workers/{worker}/placements")
        .access(Access::Worker)
        .body_max(BodyMax::Bytes(REPORT_BYTES_MAX)),
    Rule::new(Method::POST, "/api/v1/workers/{worker}/leave").access(Access::Worker),
    Rule::new(Method::POST, "/api/v1/workers/{worker}/kv")
        .access(Access::Worker)
        .body_max(BodyMax::Bytes(KV_BODY_BYTES_MAX)),
    Rule::new(Method::GET, "/api/v1/routes")
        .access(Access::JoinerOrOperator)
        .time_max(WAIT_MAX.saturating_add(SLACK)),
    // a scaler is a machine of the installation, and an API token could publish
    Rule::new(Method::GET, "/api/v1/scale/{app}").access(Access::JoinerOrOperator),
    Rule::new(Method::GET, "/api/v1/modules/{digest}").access(Access::Worker),
];
