//! The pods of `deploy/kubernetes`: what is started in them, what they may, what they are given, and
//! how they are asked and stopped. Read against the configuration that each starts with.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Container, PodSpec, Probe};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use steading_tests::{http, run};

use super::objects::{Objects, objects};
use crate::deploy::Ports;
use crate::deploy::start::Start;
use crate::setup::shared;

/// What a worker needs beside its instances: compiling, connections, itself.
const BESIDE_INSTANCES_MIB: u64 = 512;

/// After its drain a role has some seconds to end.
const SLACK_S: u64 = 5;

/// The pods of a deployment.
pub(super) struct Template<'a> {
    pub(super) labels: BTreeMap<String, String>,
    spec: &'a PodSpec,
    container: &'a Container,
}

pub(super) fn template(deployment: &Deployment) -> Template<'_> {
    let template = &deployment.spec.as_ref().expect("a deployment has a spec").template;
    let labels = template.metadata.as_ref().and_then(|meta| meta.labels.clone());
    let spec = template.spec.as_ref().expect("a template has a spec");
    let [container] = &spec.containers[..] else { panic!("one container in {labels:?}") };
    Template { labels: labels.expect("pods have labels"), spec, container }
}

impl Template<'_> {
    pub(super) fn is(&self, component: &str) -> bool {
        self.labels["app.kubernetes.io/component"] == component
    }

    fn is_windows(&self) -> bool {
        self.spec.node_selector.as_ref().expect("a node selector")["kubernetes.io/os"] == "windows"
    }

    /// The number of a port by what a service or a probe calls it.
    pub(super) fn port(&self, at: &str, wanted: &IntOrString) -> i32 {
        let IntOrString::String(name) = wanted else { panic!("{at}: a port by name") };
        let mut ports = self.container.ports.iter().flatten();
        let found = ports.find(|port| port.name.as_ref() == Some(name));
        found.unwrap_or_else(|| panic!("{at}: no port {name}")).container_port
    }

    /// What is started, with the files that are mounted.
    pub(super) fn start(&self, at: &str, all: &Objects) -> Start {
        let mut env = BTreeMap::new();
        for variable in self.container.env.iter().flatten() {
            let from = variable.value_from.as_ref().and_then(|from| from.field_ref.as_ref());
            let value = match from.map(|field| field.field_path.as_str()) {
                Some("metadata.name") => "worker-linux-5f6b7c8d9-abcde".to_owned(),
                Some("status.podIP") => "10.0.0.7".to_owned(),
                Some(other) => panic!("{at}: {other}"),
                None => variable.value.clone().expect("a variable has a value"),
            };
            env.insert(variable.name.clone(), value);
        }
        let fill = |arg: &String| {
            let filled = env
                .iter()
                .fold(arg.clone(), |arg, (name, value)| arg.replace(&format!("$({name})"), value));
            assert!(!filled.contains("$("), "{at}: {filled} names a variable that is not there");
            filled
        };
        let args = self.container.args.iter().flatten().map(fill).collect();
        Start { at: at.to_owned(), args, env: env.clone(), files: self.files(at, all) }
    }

    /// The files of its ConfigMaps by their paths; panics when a secret that is named is not mounted.
    fn files(&self, at: &str, all: &Objects) -> BTreeMap<String, String> {
        let (mut files, mut secrets) = (BTreeMap::new(), vec![]);
        for mount in self.container.volume_mounts.iter().flatten() {
            let volume = self.spec.volumes.iter().flatten().find(|it| it.name == mount.name);
            let volume = volume.unwrap_or_else(|| panic!("{at}: no volume {}", mount.name));
            let path = |key: &str| format!("{}/{key}", mount.mount_path);
            if let Some(config) = &volume.config_map {
                let config = all.config(&config.name);
                files.extend(config.iter().map(|(key, text)| (path(key), text.clone())));
            }
            if let Some(secret) = &volume.secret {
                let name = secret.secret_name.as_ref().expect("a secret has a name");
                secrets.extend(all.secret(name).into_iter().map(path));
            }
        }
        for variable in self.container.env.iter().flatten() {
            if let (Some(path), true) = (&variable.value, variable.name.ends_with("_FILE")) {
                assert!(secrets.contains(path), "{at}: {path} is none of {secrets:?}");
            }
        }
        files
    }

    fn table(&self, at: &str, all: &Objects) -> toml::Table {
        toml::from_str(self.start(at, all).config()).expect("a configuration is TOML")
    }

    /// The `[engine]` table of its configuration.
    pub(super) fn engine(&self, at: &str, all: &Objects) -> toml::Table {
        self.table(at, all)["engine"].as_table().expect("a table").clone()
    }
}

#[test]
fn what_pods_start_is_taken_by_the_binary() {
    let all = objects();
    for (at, deployment) in all.deployments_at() {
        let start = template(deployment).start(at, &all);
        start.assert_taken();
        let config = start.config();
        let taken = match start.command() {
            "manager" => toml::from_str::<steading_manager::Config>(config).map(drop),
            "worker" => toml::from_str::<steading_host::Config>(config).map(drop),
            "gateway" => toml::from_str::<steading_gateway::Config>(config).map(drop),
            other => panic!("{at}: {other} is no role"),
        };
        taken.unwrap_or_else(|error| panic!("{at}: {error}"));
    }
}

#[test]
fn pods_may_nothing_that_they_do_not_need() {
    for deployment in objects().deployments() {
        let pod = template(deployment);
        assert_eq!(pod.spec.automount_service_account_token, Some(false));
        let of_pod = pod.spec.security_context.as_ref().expect("a security context");
        assert_eq!(of_pod.run_as_non_root, Some(true));
        if pod.is_windows() {
            assert_eq!(pod.spec.os.as_ref().map(|os| os.name.as_str()), Some("windows"));
            let options = of_pod.windows_options.as_ref().expect("options of Windows");
            assert_eq!(options.run_as_user_name.as_deref(), Some("ContainerUser"));
            assert!(pod.spec.tolerations.as_ref().is_some_and(|all| !all.is_empty()));
            continue;
        }
        // the user of the image, who owns its folder there
        assert_eq!((of_pod.run_as_user, of_pod.fs_group), (Some(65532), Some(65532)));
        let seccomp = of_pod.seccomp_profile.as_ref().map(|profile| profile.type_.as_str());
        assert_eq!(seccomp, Some("RuntimeDefault"));
        let own = pod.container.security_context.as_ref().expect("a security context");
        assert_eq!(own.allow_privilege_escalation, Some(false));
        assert_eq!(own.read_only_root_filesystem, Some(true));
        let drop = own.capabilities.as_ref().and_then(|capabilities| capabilities.drop.clone());
        assert_eq!(drop.as_deref(), Some(&["ALL".to_owned()][..]));
    }
}

#[test]
fn probes_ask_where_the_role_listens() {
    let (all, code) = (objects(), Ports::of_the_code());
    for (at, deployment) in all.deployments_at() {
        let pod = template(deployment);
        let start = pod.start(at, &all);
        let table = pod.table(at, &all);
        let port = |key: &str| {
            let address: std::net::SocketAddr = table[key].as_str()?.parse().ok()?;
            assert!(address.ip().is_unspecified(), "{at}: kubelet asks from outside");
            Some(address.port())
        };
        let listens: Vec<Option<u16>> = match start.command() {
            "manager" => vec![port("listen")],
            _ => vec![port("listen"), port("control")],
        };
        let wanted: Vec<Option<u16>> = match start.command() {
            "manager" => vec![Some(code.manager)],
            "worker" => code.worker.map(Some).into(),
            _ => code.gateway.map(Some).into(),
        };
        assert_eq!(listens, wanted, "{at}: the ports of the code");
        let last = i32::from(wanted.last().copied().flatten().expect("a port"));
        let asks = |probe: &Option<Probe>| {
            let get = probe.as_ref()?.http_get.as_ref()?;
            Some((get.path.clone()?, pod.port(at, &get.port)))
        };
        assert_eq!(asks(&pod.container.liveness_probe), Some(("/live".into(), last)), "{at}");
        assert_eq!(asks(&pod.container.readiness_probe), Some(("/ready".into(), last)), "{at}");
    }
}

#[test]
fn what_probes_ask_is_answered() {
    run(async {
        let cluster = shared().await;
        for role in [cluster.manager(), cluster.control(0)] {
            for path in ["/live", "/ready"] {
                let reply = http::get(&format!("{role}{path}")).await;
                assert_eq!(reply.status, 200, "{role}{path}: {}", reply.text());
            }
        }
    });
}

#[test]
fn a_pod_has_the_time_to_drain() {
    let all = objects();
    for (at, deployment) in all.deployments_at() {
        let pod = template(deployment);
        let stop = pod.container.lifecycle.as_ref().and_then(|it| it.pre_stop.as_ref());
        let pause = stop.and_then(|stop| stop.sleep.as_ref()).expect("a pause before the stop");
        let table = pod.table(at, &all);
        let drain_ms = table
            .get("server")
            .map_or(0, |it| it["drain_ms_max"].as_integer().expect("a number") as u64);
        assert!(pod.is("manager") || drain_ms > 0, "{at}");
        let needed = pause.seconds as u64 + drain_ms / 1000 + SLACK_S;
        let given = pod.spec.termination_grace_period_seconds.expect("a time") as u64;
        assert!(given >= needed, "{at}: {given} s, and {needed} s are needed");
    }
}

#[test]
fn a_worker_fits_its_container() {
    let all = objects();
    for (at, deployment) in all.deployments_at().filter(|(_, d)| template(d).is("worker")) {
        let pod = template(deployment);
        let resources = pod.container.resources.as_ref().expect("resources");
        let memory =
            |of: &Option<BTreeMap<String, Quantity>>| mib(&of.as_ref().expect("a limit")["memory"]);
        let limit = memory(&resources.limits);
        assert_eq!(memory(&resources.requests), limit, "{at}: nobody else's memory is borrowed");
        let (table, engine) = (pod.table(at, &all), pod.engine(at, &all));
        let number = |value: &toml::Value| value.as_integer().expect("a number") as u64;
        let capacity = number(&table["capacity"]["memory_mib"]);
        assert!(capacity + BESIDE_INSTANCES_MIB <= limit, "{at}: {capacity} of {limit} MiB");
        let kept = number(&engine["instances_max"]) * number(&engine["keep_resident_kib"]) / 1024;
        assert!(kept * 4 <= capacity, "{at}: {kept} MiB are kept by idle instances");
        assert!(number(&engine["memory_mib_max"]) * 4 <= capacity, "{at}: four of the largest fit");
    }
}

fn mib(quantity: &Quantity) -> u64 {
    let (text, unit) = match quantity.0.strip_suffix("Gi") {
        Some(gib) => (gib, 1024),
        None => (quantity.0.strip_suffix("Mi").expect("Mi or Gi"), 1),
    };
    text.parse::<u64>().expect("a number") * unit
}
