//! The software bill of materials of a program, for programs: CycloneDX 1.5 in JSON.

use anyhow::{Context as _, ensure};
use cargo_metadata::Package;
use cyclonedx_bom::external_models::date_time::DateTime;
use cyclonedx_bom::external_models::normalized_string::NormalizedString;
use cyclonedx_bom::external_models::uri::Purl;
use cyclonedx_bom::models::bom::{Bom, SpecVersion};
use cyclonedx_bom::models::component::{Classification, Component, Components};
use cyclonedx_bom::models::dependency::{Dependencies, Dependency};
use cyclonedx_bom::models::hash::{Hash, HashAlgorithm, HashValue, Hashes};
use cyclonedx_bom::models::license::{LicenseChoice, Licenses};
use cyclonedx_bom::models::metadata::Metadata;
use cyclonedx_bom::validation::Validate as _;
use jiff::Timestamp;

use crate::licences;
use crate::packages::Packages;

/// The bill, as of `at`.
pub(crate) fn json(packages: &Packages, at: Timestamp) -> anyhow::Result<Vec<u8>> {
    let root = packages.root();
    let others = packages.iter().filter(|it| it.id != root.id);
    let components: Result<Vec<_>, _> =
        others.map(|it| component(packages, it, Classification::Library)).collect();
    let edges = packages.edges().into_iter().map(|(from, to)| Dependency {
        dependency_ref: from.repr.clone(),
        dependencies: to.into_iter().map(|id| id.repr.clone()).collect(),
    });
    let at = DateTime::try_from(at.to_string()).context("a timestamp is RFC 3339")?;
    let bom = Bom {
        // a number at random would make each release of the same commit another one
        serial_number: None,
        metadata: Some(Metadata {
            timestamp: Some(at),
            component: Some(component(packages, root, Classification::Application)?),
            ..Metadata::default()
        }),
        components: Some(Components(components?)),
        dependencies: Some(Dependencies(edges.collect())),
        ..Bom::default()
    };
    let faults = bom.validate_version(SpecVersion::V1_5);
    ensure!(faults.passed(), "the bill of materials is not valid: {faults:?}");
    let mut json = vec![];
    bom.output_as_json_v1_5(&mut json).context("cannot write the bill of materials")?;
    Ok(json)
}

fn component(
    packages: &Packages,
    package: &Package,
    kind: Classification,
) -> anyhow::Result<Component> {
    let (name, version) = (package.name.as_str(), package.version.to_string());
    let text = |text: &str| Some(NormalizedString::new(text));
    let checksum = packages
        .checksum(package)
        .map(|sha256| Hash { alg: HashAlgorithm::SHA_256, content: HashValue(sha256.to_owned()) });
    let mut component = Component::new(kind, name, &version, Some(package.id.repr.clone()));
    component.description = package.description.as_deref().and_then(text);
    component.hashes = checksum.map(|hash| Hashes(vec![hash]));
    component.licenses =
        Some(Licenses(vec![LicenseChoice::expression(&licences::expression(package)?)]));
    // our own crates are on no registry
    if package.source.is_some() {
        component.purl = Some(Purl::new("cargo", name, &version).context("a package has a purl")?);
    }
    Ok(component)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binary::Target;
    use crate::source::Source;

    #[test]
    fn the_bill_names_every_package_with_checksum_and_licence() {
        let source = Source::find().unwrap();
        let packages = Packages::of(&source, Target::Linux).unwrap();
        let written = json(&packages, source.committed_at()).unwrap();
        let bom = Bom::parse_from_json(written.as_slice()).unwrap();
        let components = bom.components.unwrap().0;
        assert_eq!(components.len() + 1, packages.iter().count());
        let wasmtime = components.iter().find(|it| it.name.to_string() == "wasmtime").unwrap();
        assert!(wasmtime.hashes.is_some() && wasmtime.licenses.is_some());
        let purl = wasmtime.purl.as_ref().unwrap().to_string();
        assert!(purl.starts_with("pkg:cargo/wasmtime@48."), "{purl}");
        let root = bom.metadata.unwrap().component.unwrap();
        assert_eq!(root.name.to_string(), "steading-cli");
        let dependencies = bom.dependencies.unwrap().0;
        let of_root =
            dependencies.iter().find(|it| Some(&it.dependency_ref) == root.bom_ref.as_ref());
        assert!(of_root.unwrap().dependencies.iter().any(|id| id.contains("host")));
    }

    #[test]
    fn the_same_commit_makes_the_same_bill() {
        let source = Source::find().unwrap();
        let packages = Packages::of(&source, Target::Windows).unwrap();
        let make = || json(&packages, source.committed_at()).unwrap();
        assert_eq!(make(), make());
    }
}
