//! `deploy/kubernetes`: every object as the type that Kubernetes has for it, and what has to fit together
//! over several objects and the code. [`pods`] has what is inside a pod.

mod objects;
mod pods;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use steading_tests::{http, run};

use self::objects::{Object, Objects, objects};
use super::typed;
use crate::setup::shared;

/// How busy the managers' answer wants workers, percent; a test of the manager knows it as well.
const TARGET_PERCENT: u64 = 70;

#[test]
fn every_object_is_whole_in_our_namespace_and_there_once() {
    let all = objects();
    assert!(all.len() >= 20, "{}", all.len());
    let mut seen = BTreeSet::new();
    for (at, object) in &all {
        let (kind, meta) = object.meta();
        let name = meta.name.clone().unwrap_or_else(|| panic!("{at}: a {kind} without a name"));
        if kind == "Namespace" {
            assert_eq!(name, "steading");
            let labels = meta.labels.clone().unwrap_or_default();
            assert_eq!(labels["pod-security.kubernetes.io/enforce"], "restricted");
        } else {
            assert_eq!(meta.namespace.as_deref(), Some("steading"), "{at}: {kind} {name}");
        }
        assert!(seen.insert((kind, name.clone())), "{at}: {kind} {name} is there twice");
    }
}

#[test]
fn a_key_that_kubernetes_does_not_know_is_found() {
    let pod = serde_json::json!({"metadata": {"name": "one"}, "spec": {"containers": [],
        "terminationGracePeriod": 3}});
    let read = || typed::<k8s_openapi::api::core::v1::PodTemplateSpec>("here", &pod);
    let found = std::panic::catch_unwind(read).expect_err("it is found");
    let found = found.downcast_ref::<String>().cloned().unwrap_or_default();
    assert!(found.contains("nobody knows [\"spec.?.terminationGracePeriod\"]"), "{found}");
}

#[test]
fn every_selector_selects_pods_that_there_are() {
    let all = objects();
    let labels: Vec<BTreeMap<String, String>> =
        all.deployments().map(|d| pods::template(d).labels.clone()).collect();
    let selects = |at: &str, selector: &LabelSelector| {
        let chosen = labels.iter().filter(|labels| objects::matches(selector, labels)).count();
        assert!(chosen > 0, "{at}: {selector:?} selects nobody");
    };
    for (at, object) in &all {
        match object {
            Object::Deployment(it) => selects(at, &it.spec.as_ref().expect("a spec").selector),
            Object::Service(it) => {
                let spec = it.spec.as_ref().expect("a service has a spec");
                selects(
                    at,
                    &LabelSelector { match_labels: spec.selector.clone(), ..<_>::default() },
                );
            }
            Object::Budget(it) => {
                let spec = it.spec.as_ref().expect("a budget has a spec");
                selects(at, spec.selector.as_ref().expect("a selector"));
            }
            Object::Policy(it) => {
                let spec = it.spec.as_ref().expect("a policy has a spec");
                selects(at, spec.pod_selector.as_ref().expect("a selector"));
            }
            _ => {}
        }
    }
}

#[test]
fn services_lead_to_ports_that_their_pods_have() {
    let all = objects();
    for (at, service) in all.services() {
        let spec = service.spec.as_ref().expect("a service has a spec");
        let selector =
            LabelSelector { match_labels: spec.selector.clone(), ..LabelSelector::default() };
        let pods = all.deployments().map(pods::template);
        for pod in pods.filter(|pod| objects::matches(&selector, &pod.labels)) {
            for port in spec.ports.iter().flatten() {
                let number = pod.port(at, port.target_port.as_ref().expect("a target port"));
                assert!(number > 0, "{at}");
            }
        }
    }
    let names =
        all.services().map(|(_, service)| service.metadata.name.clone().unwrap_or_default());
    let names: Vec<String> = names.collect();
    for (at, deployment) in all.deployments_at() {
        let config = pods::template(deployment).start(at, &all);
        let table: toml::Table = toml::from_str(config.config()).expect("a configuration");
        let Some(manager) = table.get("manager").and_then(|url| url.as_str()) else { continue };
        let host = manager.trim_start_matches("http://").split(':').next().unwrap_or_default();
        assert!(names.iter().any(|name| name == host), "{at}: no service {host}");
        assert!(manager.ends_with(":7070"), "{at}: {manager}");
    }
}

#[test]
fn workers_reach_nobody_but_managers_and_names_and_are_reached_by_few() {
    let all = objects();
    let policies: Vec<_> = all.policies().filter(|(at, _)| !at.contains("examples")).collect();
    let [(_, policy)] = policies[..] else { panic!("{policies:?}") };
    let spec = policy.spec.as_ref().expect("a policy has a spec");
    assert_eq!(spec.policy_types.as_deref().unwrap_or_default(), ["Ingress", "Egress"]);
    let workers: Vec<_> =
        all.deployments().map(pods::template).filter(|p| p.is("worker")).collect();
    assert_eq!(workers.len(), 2, "on Linux and on Windows");
    let selector = spec.pod_selector.as_ref().expect("a selector");
    assert!(workers.iter().all(|worker| objects::matches(selector, &worker.labels)));

    let egress = spec.egress.as_deref().unwrap_or_default();
    let out: Vec<_> = egress.iter().map(|rule| objects::ports(rule.ports.as_deref())).collect();
    assert_eq!(out, [vec![7070], vec![53, 53]]);
    let manager = egress[0].to.as_deref().expect("a rule without `to` opens everything");
    let manager = manager[0].pod_selector.as_ref().expect("pods");
    let others = all.deployments().map(pods::template).filter(|pod| !pod.is("manager"));
    assert!(others.into_iter().all(|pod| !objects::matches(manager, &pod.labels)));
    assert!(egress.iter().flat_map(|r| r.to.iter().flatten()).all(|to| to.ip_block.is_none()));

    let ingress = spec.ingress.as_deref().unwrap_or_default();
    let inward: Vec<_> = ingress.iter().map(|rule| objects::ports(rule.ports.as_deref())).collect();
    assert_eq!(inward, [vec![7071], vec![7072]]);
    assert!(ingress.iter().all(|rule| rule.from.as_ref().is_some_and(|from| !from.is_empty())));
}

#[test]
fn workers_are_scaled_by_a_metric_that_they_have() {
    let all = objects();
    let (at, scaler) = all.autoscaler();
    let spec = scaler.spec.as_ref().expect("a spec");
    let target = all.deployment(&spec.scale_target_ref.name);
    assert_eq!(target.spec.as_ref().and_then(|spec| spec.replicas), None, "{at}: whose number?");
    let engine = pods::template(target).engine(at, &all);
    let metric = &spec.metrics.as_ref().expect("metrics")[0];
    let pods = metric.pods.as_ref().expect("a metric of pods");
    let wanted = engine["instances_max"].as_integer().expect("a number") as u64;
    let average = pods.target.average_value.as_ref().expect("an average").0.parse::<u64>();
    assert_eq!(average.expect("a plain number"), wanted * TARGET_PERCENT / 100);
    let line = format!("{} ", pods.metric.name);
    run(async {
        let cluster = shared().await;
        let page = http::get(&format!("{}/metrics", cluster.control(0))).await.text();
        assert!(page.lines().any(|told| told.starts_with(&line)), "{page}");
    });
}

#[test]
fn no_secret_has_a_value() {
    let all = objects();
    let mut secrets = 0;
    for (at, secret) in all.secrets() {
        assert!(secret.data.is_none(), "{at}");
        let values = secret.string_data.clone().unwrap_or_default();
        assert!(values.values().all(String::is_empty), "{at}");
        secrets += values.len();
    }
    assert_eq!(secrets, 4);
}

#[test]
fn a_budget_keeps_a_part_of_every_role() {
    let all: Objects = objects();
    for deployment in all.deployments() {
        let labels = &pods::template(deployment).labels;
        let covered = all.budgets().any(|budget| {
            let spec = budget.spec.as_ref().expect("a spec");
            let keeps = spec.min_available.is_some() || spec.max_unavailable.is_some();
            keeps && objects::matches(spec.selector.as_ref().expect("a selector"), labels)
        });
        assert!(covered, "{:?}", deployment.metadata.name);
    }
}
