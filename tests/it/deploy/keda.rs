//! The two objects of KEDA, as far as they are used here; what is not listed is refused. Its metrics-api
//! scaler reads a number at a path of the answer, so the answer is looked at as well.

use std::collections::BTreeMap;

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscalerBehavior;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;
use steading_tests::{JOIN_TOKEN, http, run};

use super::{documents, text, typed};
use crate::setup::shared;

const FILE: &str = "kubernetes/examples/keda.yaml";

/// `ScaledObject`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct ScaledObject {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    pub(super) metadata: ObjectMeta,
    pub(super) spec: ScaledSpec,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct ScaledSpec {
    pub(super) scale_target_ref: ScaleTarget,
    pub(super) min_replica_count: u32,
    pub(super) max_replica_count: u32,
    pub(super) polling_interval: u32,
    pub(super) fallback: Fallback,
    #[serde(rename = "advanced")]
    _advanced: Advanced,
    pub(super) triggers: Vec<Trigger>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScaleTarget {
    pub(super) kind: String,
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Fallback {
    pub(super) failure_threshold: u32,
    pub(super) replicas: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Advanced {
    #[serde(rename = "horizontalPodAutoscalerConfig")]
    _autoscaler: AutoscalerConfig,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AutoscalerConfig {
    #[serde(rename = "behavior")]
    _behavior: HorizontalPodAutoscalerBehavior,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Trigger {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) metadata: MetricsApi,
    pub(super) authentication_ref: Named,
}

/// The metadata of a `metrics-api` trigger; all values are text.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct MetricsApi {
    pub(super) url: String,
    pub(super) value_location: String,
    pub(super) target_value: String,
    pub(super) auth_mode: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    pub(super) name: String,
}

/// `TriggerAuthentication`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct TriggerAuthentication {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    pub(super) metadata: ObjectMeta,
    spec: AuthenticationSpec,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct AuthenticationSpec {
    secret_target_ref: Vec<SecretTarget>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretTarget {
    parameter: String,
    name: String,
    key: String,
}

fn both() -> (ScaledObject, TriggerAuthentication) {
    let read = documents(FILE, &text(FILE));
    let [scaled, authentication] = &read[..] else { panic!("{FILE} has two objects") };
    (typed(FILE, scaled), typed(FILE, authentication))
}

#[test]
fn keda_asks_for_a_number_that_the_manager_answers_with_the_token_that_it_is_given() {
    let (scaled, authentication) = both();
    let [trigger] = &scaled.spec.triggers[..] else { panic!("one trigger") };
    assert_eq!(
        (trigger.kind.as_str(), trigger.metadata.auth_mode.as_str()),
        ("metrics-api", "bearer")
    );
    assert_eq!(Some(&trigger.authentication_ref.name), authentication.metadata.name.as_ref());
    let [secret] = &authentication.spec.secret_target_ref[..] else { panic!("one secret") };
    assert_eq!(secret.parameter, "token", "what the scaler's bearer authentication is called");
    assert_eq!((secret.name.as_str(), secret.key.as_str()), ("steading-join", "join-token"));
    trigger.metadata.target_value.parse::<f64>().expect("a number");

    let url: url::Url = trigger.metadata.url.parse().expect("a URL");
    let manager = (url.host_str(), url.port());
    assert_eq!(manager, (Some("manager.steading.svc"), Some(super::Ports::of_the_code().manager)));
    run(async {
        let cluster = shared().await;
        let here = format!("{}{}", cluster.manager(), url.path());
        let reply = http::send(http::request(Method::GET, &here).bearer_auth(JOIN_TOKEN)).await;
        let answer: BTreeMap<String, Value> = reply.json();
        let value = answer.get(&trigger.metadata.value_location).and_then(Value::as_u64);
        assert!(value.is_some_and(|value| value >= 1), "{answer:?}");
    });
}

#[test]
fn keda_scales_what_the_other_autoscaler_does_within_the_same_bounds() {
    let spec = both().0.spec;
    let hpa = "kubernetes/worker-linux-autoscaler.yaml";
    let hpa = &documents(hpa, &text(hpa))[0]["spec"];
    assert_eq!(hpa["scaleTargetRef"]["name"], spec.scale_target_ref.name);
    assert_eq!(hpa["scaleTargetRef"]["kind"], spec.scale_target_ref.kind);
    assert_eq!(hpa["minReplicas"], spec.min_replica_count);
    assert_eq!(hpa["maxReplicas"], spec.max_replica_count);
    assert!((spec.min_replica_count..=spec.max_replica_count).contains(&spec.fallback.replicas));
    assert!(spec.fallback.failure_threshold > 0 && spec.polling_interval >= 2);
}
