//! The objects of `deploy/kubernetes` and its examples, each read as its type.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicyPort};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::Value;

use super::super::{documents, files, keda, text, typed};

/// One object.
#[allow(clippy::large_enum_variant, reason = "some thirty of them, in a test")]
pub(super) enum Object {
    Namespace(Namespace),
    Account(ServiceAccount),
    Config(ConfigMap),
    Secret(Secret),
    Service(Service),
    Deployment(Deployment),
    Budget(PodDisruptionBudget),
    Policy(NetworkPolicy),
    Autoscaler(HorizontalPodAutoscaler),
    Scaled(keda::ScaledObject),
    Authentication(keda::TriggerAuthentication),
}

/// All of them, each with its file.
pub(super) struct Objects(Vec<(String, Object)>);

/// Reads them.
pub(super) fn objects() -> Objects {
    let files = [files("kubernetes", ".yaml"), files("kubernetes/examples", ".yaml")].concat();
    let read = |file: String| {
        let documents = documents(&file, &text(&file));
        documents.into_iter().map(move |value| (file.clone(), Object::read(&file, &value)))
    };
    Objects(files.into_iter().flat_map(read).collect())
}

impl Object {
    fn read(at: &str, value: &Value) -> Self {
        let word = |key: &str| value[key].as_str().unwrap_or_default();
        match (word("apiVersion"), word("kind")) {
            ("v1", "Namespace") => Self::Namespace(typed(at, value)),
            ("v1", "ServiceAccount") => Self::Account(typed(at, value)),
            ("v1", "ConfigMap") => Self::Config(typed(at, value)),
            ("v1", "Secret") => Self::Secret(typed(at, value)),
            ("v1", "Service") => Self::Service(typed(at, value)),
            ("apps/v1", "Deployment") => Self::Deployment(typed(at, value)),
            ("policy/v1", "PodDisruptionBudget") => Self::Budget(typed(at, value)),
            ("networking.k8s.io/v1", "NetworkPolicy") => Self::Policy(typed(at, value)),
            ("autoscaling/v2", "HorizontalPodAutoscaler") => Self::Autoscaler(typed(at, value)),
            ("keda.sh/v1alpha1", "ScaledObject") => Self::Scaled(typed(at, value)),
            ("keda.sh/v1alpha1", "TriggerAuthentication") => Self::Authentication(typed(at, value)),
            other => panic!("{at}: {other:?} is none of the kinds that are checked here"),
        }
    }

    /// Its kind and what it is called.
    pub(super) fn meta(&self) -> (&'static str, &ObjectMeta) {
        match self {
            Self::Namespace(it) => ("Namespace", &it.metadata),
            Self::Account(it) => ("ServiceAccount", &it.metadata),
            Self::Config(it) => ("ConfigMap", &it.metadata),
            Self::Secret(it) => ("Secret", &it.metadata),
            Self::Service(it) => ("Service", &it.metadata),
            Self::Deployment(it) => ("Deployment", &it.metadata),
            Self::Budget(it) => ("PodDisruptionBudget", &it.metadata),
            Self::Policy(it) => ("NetworkPolicy", &it.metadata),
            Self::Autoscaler(it) => ("HorizontalPodAutoscaler", &it.metadata),
            Self::Scaled(it) => ("ScaledObject", &it.metadata),
            Self::Authentication(it) => ("TriggerAuthentication", &it.metadata),
        }
    }
}

/// A list of the objects of one kind.
macro_rules! of_kind {
    ($name:ident, $variant:ident, $type:ty) => {
        pub(super) fn $name(&self) -> impl Iterator<Item = (&str, &$type)> {
            self.0.iter().filter_map(|(at, object)| match object {
                Object::$variant(it) => Some((at.as_str(), it)),
                _ => None,
            })
        }
    };
}

impl Objects {
    of_kind!(configs, Config, ConfigMap);
    of_kind!(secrets, Secret, Secret);
    of_kind!(services, Service, Service);
    of_kind!(deployments_at, Deployment, Deployment);
    of_kind!(policies, Policy, NetworkPolicy);

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn deployments(&self) -> impl Iterator<Item = &Deployment> {
        self.deployments_at().map(|(_, deployment)| deployment)
    }

    pub(super) fn deployment(&self, name: &str) -> &Deployment {
        let found = self.deployments().find(|it| it.metadata.name.as_deref() == Some(name));
        found.unwrap_or_else(|| panic!("there is no Deployment {name}"))
    }

    pub(super) fn budgets(&self) -> impl Iterator<Item = &PodDisruptionBudget> {
        self.0.iter().filter_map(|(_, object)| match object {
            Object::Budget(it) => Some(it),
            _ => None,
        })
    }

    /// The only one.
    pub(super) fn autoscaler(&self) -> (&str, &HorizontalPodAutoscaler) {
        let scalers = self.0.iter().filter_map(|(at, object)| match object {
            Object::Autoscaler(it) => Some((at.as_str(), it)),
            _ => None,
        });
        let scalers: Vec<_> = scalers.collect();
        let [scaler] = scalers[..] else { panic!("{} autoscalers", scalers.len()) };
        scaler
    }

    /// What stands in a ConfigMap.
    pub(super) fn config(&self, name: &str) -> &BTreeMap<String, String> {
        let found = self.configs().find(|(_, it)| it.metadata.name.as_deref() == Some(name));
        let (_, found) = found.unwrap_or_else(|| panic!("there is no ConfigMap {name}"));
        found.data.as_ref().expect("a ConfigMap has data")
    }

    /// The keys of a secret.
    pub(super) fn secret(&self, name: &str) -> Vec<&str> {
        let found = self.secrets().find(|(_, it)| it.metadata.name.as_deref() == Some(name));
        let (_, found) = found.unwrap_or_else(|| panic!("there is no Secret {name}"));
        found.string_data.iter().flatten().map(|(key, _)| key.as_str()).collect()
    }
}

impl<'a> IntoIterator for &'a Objects {
    type Item = &'a (String, Object);
    type IntoIter = std::slice::Iter<'a, (String, Object)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

/// Whether a selector selects pods with these labels. One that selects everything does not occur here.
pub(super) fn matches(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    let by_label = selector.match_labels.iter().flatten();
    let expressions = selector.match_expressions.iter().flatten();
    assert!(by_label.clone().count() + expressions.clone().count() > 0, "it selects everything");
    let mut by_expression = expressions.map(|expression| {
        assert_eq!(expression.operator, "In", "the only operator that is checked here");
        let values = expression.values.as_deref().unwrap_or_default();
        labels.get(&expression.key).is_some_and(|label| values.contains(label))
    });
    by_label.into_iter().all(|(key, value)| labels.get(key) == Some(value))
        && by_expression.all(|holds| holds)
}

/// The numbers of a policy's ports.
pub(super) fn ports(ports: Option<&[NetworkPolicyPort]>) -> Vec<i32> {
    let number = |port: &NetworkPolicyPort| match port.port {
        Some(IntOrString::Int(number)) => number,
        _ => panic!("a port by number"),
    };
    ports.unwrap_or_default().iter().map(number).collect()
}
