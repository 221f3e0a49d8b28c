//! The docs name every key that can be configured, and what they show as a sample is taken.

use serde::de::DeserializeOwned;
use steading_protocol::Manifest;
use steading_tests::repository;
use steading_tests::source::{Source, files};

/// The page that names every key.
const PAGE: &str = "docs/configuration.md";

/// The structs that are read from TOML, each with the file that it stands in.
const READ_FROM_TOML: [(&str, &str); 19] = [
    ("protocol/src/manifest.rs", "Manifest"),
    ("protocol/src/manifest.rs", "AppSection"),
    ("protocol/src/manifest.rs", "BuildSection"),
    ("protocol/src/manifest.rs", "FunctionSection"),
    ("protocol/src/grants.rs", "Grants"),
    ("protocol/src/grants/reuse.rs", "Reuse"),
    ("protocol/src/limits.rs", "LimitsOverride"),
    ("manager/src/config.rs", "Config"),
    ("host/src/config.rs", "Config"),
    ("host/src/ceilings.rs", "CeilingsConfig"),
    ("host/src/capacity/mod.rs", "CapacityConfig"),
    ("host/src/capability/outbound/config.rs", "OutboundConfig"),
    ("host/src/capability/files.rs", "DirectoryConfig"),
    ("host/src/caps/mod.rs", "CapsConfig"),
    ("host/src/availability/mod.rs", "AvailabilityConfig"),
    ("host/src/engine/mod.rs", "EngineConfig"),
    ("server/src/config.rs", "ServerConfig"),
    ("gateway/src/config.rs", "Config"),
    ("gateway/src/config.rs", "UpstreamConfig"),
];

fn page() -> String {
    std::fs::read_to_string(repository().join(PAGE)).expect("the page is there")
}

#[test]
fn the_docs_name_every_configuration_key() {
    let page = page();
    for (path, name) in READ_FROM_TOML {
        let keys = Source::read(&repository().join(path)).configuration_keys(name);
        assert!(!keys.is_empty(), "{path} has a struct {name} with keys");
        for key in keys {
            assert!(page.contains(&format!("`{key}`")), "{PAGE} does not name `{key}` of {name}");
        }
    }
}

#[test]
fn the_samples_of_the_docs_are_taken() {
    let page = page();
    let samples: Vec<&str> = page
        .split("```toml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap_or_default())
        .collect();
    let [manifest, manager, worker, gateway] = samples[..] else {
        panic!("{PAGE} has one sample each of steading.toml and of the three roles' files")
    };
    Manifest::parse(manifest).expect("the sample of steading.toml is taken");
    assert_taken::<steading_manager::Config>(manager);
    assert_taken::<steading_host::Config>(worker);
    assert_taken::<steading_gateway::Config>(gateway);
}

fn assert_taken<T: DeserializeOwned>(sample: &str) {
    if let Err(error) = toml::from_str::<T>(sample) {
        panic!("{error}\n{sample}");
    }
}

#[test]
fn the_readme_names_the_two_commands() {
    let readme = std::fs::read_to_string(repository().join("README.md")).expect("it is there");
    for command in ["cargo run --release -- dev examples/orders", "cargo test"] {
        assert!(readme.contains(command), "{command}");
    }
    let ci = std::fs::read_to_string(repository().join(".ci/run")).expect("it is there");
    assert!(ci.contains("cargo test\n"), "CI calls the second");
}

#[test]
fn what_the_docs_link_to_is_there() {
    let mut pages = files(repository(), "md");
    pages.retain(|page| !page.components().any(|part| part.as_os_str() == "templates"));
    for page in pages {
        let text = std::fs::read_to_string(&page).expect("a page is text");
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://") && !target.starts_with('#')) {
            let path = target.split('#').next().unwrap_or_default();
            let found = page.parent().is_some_and(|folder| folder.join(path).exists());
            assert!(found, "{} links to {target}", page.display());
        }
    }
}
