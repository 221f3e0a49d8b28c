//! `deploy/compose.yaml` by the rules of Compose's schema that it uses: what is not listed here is refused.

mod schema;

use self::schema::{Build, Compose, Condition};
use super::start::Start;
use super::{Ports, documents, text, typed};

const FILE: &str = "compose.yaml";

fn compose() -> Compose {
    let mut read = documents(FILE, &text(FILE));
    let document = read[0].as_object_mut().expect("a mapping");
    // what begins with `x-` is Compose's place for what is written once
    document.retain(|key, _| !key.starts_with("x-"));
    typed(FILE, &read[0])
}

fn seconds(text: &str) -> u64 {
    text.strip_suffix('s').and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{text}"))
}

#[test]
fn two_managers_a_database_two_workers_and_a_gateway_are_there() {
    let compose = compose();
    let roles: Vec<String> =
        compose.ours().map(|(name, service)| service.start(name).command().to_owned()).collect();
    assert_eq!(roles, ["gateway", "manager", "manager", "worker", "worker"]);
    assert_eq!(compose.services.len(), roles.len() + 1);
    let builds: Vec<&Build> =
        compose.services.values().filter_map(|it| it.build.as_ref()).collect();
    let [build] = builds[..] else { panic!("{builds:?}") };
    assert!(super::path(&format!("{}/{}", build.context, build.dockerfile)).exists());
}

#[test]
fn what_a_service_names_is_declared() {
    let compose = compose();
    let mut volumes = vec![];
    for (name, service) in &compose.services {
        for secret in &service.secrets {
            let declared =
                compose.secrets.get(secret).unwrap_or_else(|| panic!("{name}: {secret}"));
            assert_eq!(declared.file, format!("./secrets/{secret}"));
        }
        for (variable, value) in service.environment.iter().filter(|(k, _)| k.ends_with("_FILE")) {
            let secret = value.strip_prefix("/run/secrets/").expect("where Compose mounts secrets");
            assert!(service.secrets.iter().any(|it| it == secret), "{name}: {variable}");
        }
        for volume in &service.volumes {
            let (volume, _) = volume.split_once(':').expect("a volume and a path");
            assert!(compose.volumes.contains_key(volume), "{name}: {volume}");
            volumes.push(volume);
        }
        for network in service.networks() {
            assert!(compose.networks.contains_key(network), "{name}: {network}");
        }
        for (other, dependency) in &service.depends_on {
            assert!(compose.services.contains_key(other), "{name}: {other}");
            assert_eq!(dependency.condition, Condition::Healthy, "{name}: {other}");
        }
    }
    let all = volumes.len();
    volumes.sort_unstable();
    volumes.dedup();
    assert_eq!(volumes.len(), all, "each has a volume of its own");
    assert_eq!(volumes.len(), compose.volumes.len());
    let ignored = std::fs::read_to_string(steading_tests::repository().join(".gitignore"));
    assert!(ignored.expect("it is there").contains("/deploy/secrets\n"));
}

#[test]
fn what_services_start_and_ask_is_taken_by_the_binary() {
    for (name, service) in compose().ours() {
        service.start(name).assert_taken();
        let [how, program, health @ ..] = &service.healthcheck.test[..] else { panic!("{name}") };
        assert_eq!((how.as_str(), program.as_str()), ("CMD", "/usr/local/bin/steading"));
        let health = Start { at: format!("{FILE}: {name}"), args: health.into(), ..<_>::default() };
        assert_eq!(health.command(), "health");
        health.assert_taken();
    }
}

#[test]
fn health_checks_and_ports_are_where_the_roles_listen() {
    let (compose, code) = (compose(), Ports::of_the_code());
    for (name, service) in compose.ours() {
        let start = service.start(name);
        assert_eq!(start.flag("--control"), None, "{name}: only the container itself asks");
        let (listen, control) = match start.command() {
            "manager" => {
                let all = format!("0.0.0.0:{}", code.manager);
                assert_eq!(start.flag("--listen"), Some(all.as_str()), "others have to reach it");
                (code.manager, code.manager)
            }
            "worker" => (code.worker[0], code.worker[1]),
            _ => (code.gateway[0], code.gateway[1]),
        };
        let asked = service.healthcheck.test.last().expect("words");
        let usual = start.command() == "worker" && asked == "health";
        assert!(usual || *asked == format!("127.0.0.1:{control}"), "{name}: {asked}");
        assert!(service.ports.iter().all(|it| it.ends_with(&format!(":{listen}"))), "{name}");
        if let Some(url) = start.flag("--url") {
            assert_eq!(url, format!("http://{name}:{listen}"), "Compose's name of the service");
        }
        let health = &service.healthcheck;
        assert!(seconds(&health.timeout) < seconds(&health.interval), "{name}");
        assert!(seconds(&health.start_period) > 0, "{name}");
    }
}

#[test]
fn workers_find_a_manager_under_the_name_that_both_have() {
    let compose = compose();
    let manager = format!("http://manager:{}", Ports::of_the_code().manager);
    for (name, service) in compose.ours() {
        if service.start(name).command() == "manager" {
            assert_eq!(service.aliases(), ["manager"]);
            continue;
        }
        assert_eq!(service.environment["STEADING_MANAGER"], manager, "{name}");
        assert_eq!(service.networks(), ["inside"], "{name} has no way to the database");
    }
    assert!(compose.networks["store"].internal);
    assert_eq!(compose.services["sqlserver"].networks(), ["store"]);
}

#[test]
fn our_containers_may_little_and_have_the_time_to_drain() {
    let drain_s = steading_host::Config::default().server.drain_ms_max / 1000;
    for (name, service) in compose().ours() {
        assert!(service.read_only, "{name}");
        assert_eq!(service.cap_drop, ["ALL"], "{name}");
        assert_eq!(service.security_opt, ["no-new-privileges:true"], "{name}");
        assert!(service.entrypoint.is_empty(), "{name}: that of the image");
        let is_manager = service.start(name).command() == "manager";
        assert!(is_manager || seconds(&service.stop_grace_period) >= drain_s + 10, "{name}");
        assert!(service.volumes.iter().all(|it| it.ends_with(":/var/lib/steading")), "{name}");
        assert_eq!(service.memory.is_some(), service.start(name).command() == "worker", "{name}");
    }
}
