//! Components of the `wasi:http` worlds: by which export they are called, and which interfaces of WASI workers give
//! them. The manager refuses at publishing what no worker could run.

use crate::proposal;

/// By what a component is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpWorld {
    /// `wasi:http/proxy` of WASI 0.2.
    Wasi02,
    /// `wasi:http/service` of WASI 0.3.
    Wasi03,
}

/// The interfaces of one package.
type Package = (&'static str, &'static [&'static str]);

/// What components get of WASI 0.2.
const WASI_0_2: &[Package] = &[
    (
        "wasi:cli",
        &[
            "environment",
            "exit",
            "stdin",
            "stdout",
            "stderr",
            "terminal-input",
            "terminal-output",
            "terminal-stdin",
            "terminal-stdout",
            "terminal-stderr",
        ],
    ),
    ("wasi:clocks", &["monotonic-clock", "wall-clock"]),
    ("wasi:filesystem", &["types", "preopens"]),
    ("wasi:http", &["types", "outgoing-handler"]),
    ("wasi:io", &["error", "poll", "streams"]),
    ("wasi:random", &["random", "insecure", "insecure-seed"]),
    (
        "wasi:sockets",
        &[
            "instance-network",
            "ip-name-lookup",
            "network",
            "tcp",
            "tcp-create-socket",
            "udp",
            "udp-create-socket",
        ],
    ),
];

/// What components get of WASI 0.3.
const WASI_0_3: &[Package] = &[
    (
        "wasi:cli",
        &[
            "environment",
            "exit",
            "types",
            "stdin",
            "stdout",
            "stderr",
            "terminal-input",
            "terminal-output",
            "terminal-stdin",
            "terminal-stdout",
            "terminal-stderr",
        ],
    ),
    ("wasi:clocks", &["types", "monotonic-clock", "system-clock"]),
    ("wasi:filesystem", &["types", "preopens"]),
    ("wasi:http", &["types", "client"]),
    ("wasi:random", &["random", "insecure", "insecure-seed"]),
    ("wasi:sockets", &["types", "ip-name-lookup"]),
];

impl HttpWorld {
    /// The world that an export such as `wasi:http/incoming-handler@0.2.6` makes a component one of.
    pub fn of(export: &str) -> Option<Self> {
        let (name, version) = export.split_once('@')?;
        let world =
            [Self::Wasi02, Self::Wasi03].into_iter().find(|world| name == world.export())?;
        is_of(version, world.line()).then_some(world)
    }

    /// The world of a component with these exports; of the newer one, when it has both.
    pub fn among<'e>(exports: impl IntoIterator<Item = &'e str>) -> Option<Self> {
        let worlds: Vec<_> = exports.into_iter().filter_map(Self::of).collect();
        [Self::Wasi03, Self::Wasi02].into_iter().find(|world| worlds.contains(world))
    }

    /// The export, without its version.
    pub fn export(self) -> &'static str {
        match self {
            Self::Wasi02 => "wasi:http/incoming-handler",
            Self::Wasi03 => "wasi:http/handler",
        }
    }

    /// The world's own name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wasi02 => "wasi:http/proxy",
            Self::Wasi03 => "wasi:http/service",
        }
    }

    /// The two numbers that all versions of the world begin with.
    fn line(self) -> &'static str {
        match self {
            Self::Wasi02 => "0.2",
            Self::Wasi03 => "0.3",
        }
    }
}

/// Whether workers provide this import, such as `wasi:cli/stdout@0.2.3`, to components. Those of both versions of
/// WASI are there for every component: many a toolchain mixes them. Of [proposals](crate::proposal) there are some.
pub fn is_provided_to_components(import: &str) -> bool {
    is_released(import) || proposal::is_provided(import)
}

fn is_released(import: &str) -> bool {
    let Some((name, version)) = import.split_once('@') else { return false };
    let Some((package, interface)) = name.split_once('/') else { return false };
    let lines = [(HttpWorld::Wasi02, WASI_0_2), (HttpWorld::Wasi03, WASI_0_3)];
    lines.into_iter().any(|(world, packages)| {
        is_of(version, world.line())
            && packages.iter().any(|(name, all)| *name == package && all.contains(&interface))
    })
}

/// Whether a version is a released one of this line: `0.2.6` of `0.2`.
fn is_of(version: &str, line: &str) -> bool {
    let patch = version.strip_prefix(line).and_then(|rest| rest.strip_prefix('.'));
    patch.is_some_and(|patch| !patch.is_empty() && patch.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_is_told_by_its_export_in_any_of_its_versions() {
        for (export, world) in [
            ("wasi:http/incoming-handler@0.2.0", Some(HttpWorld::Wasi02)),
            ("wasi:http/incoming-handler@0.2.12", Some(HttpWorld::Wasi02)),
            ("wasi:http/handler@0.3.2", Some(HttpWorld::Wasi03)),
            ("wasi:http/handler@0.3.0-rc-2026-03-15", None),
            ("wasi:http/incoming-handler@0.3.0", None),
            ("wasi:http/incoming-handler@0.2.", None),
            ("wasi:http/incoming-handler", None),
            ("wasi:cli/run@0.2.0", None),
        ] {
            assert_eq!(HttpWorld::of(export), world, "{export}");
        }
    }

    #[test]
    fn the_newer_of_two_worlds_is_called() {
        let (old, new) = ("wasi:http/incoming-handler@0.2.6", "wasi:http/handler@0.3.0");
        assert_eq!(HttpWorld::among([old, new]), Some(HttpWorld::Wasi03));
        assert_eq!(HttpWorld::among([new, old]), Some(HttpWorld::Wasi03));
        assert_eq!(HttpWorld::among(["x", old]), Some(HttpWorld::Wasi02));
        assert_eq!(HttpWorld::among(["x"]), None);
    }

    #[test]
    fn interfaces_are_provided_by_package_name_and_line() {
        for (import, provided) in [
            ("wasi:cli/stdout@0.2.3", true),
            ("wasi:http/types@0.3.2", true),
            ("wasi:http/client@0.3.0", true),
            ("wasi:http/client@0.2.0", false),
            ("wasi:io/streams@0.3.0", false),
            ("wasi:config/store@0.2.0-rc.1", true),
            ("wasi:config/store@0.2.0-rc.2", false),
            ("wasi:config/store", false),
            ("wasi:logging/logging@0.1.0-draft", true),
            ("wasi:logging/logging", true),
            ("wasi:logging/logging@0.2.0", false),
            ("wasi:keyvalue/store@0.2.0-draft", true),
            ("wasi:keyvalue/batch@0.2.0-draft2", true),
            ("wasi:keyvalue/watcher@0.2.0-draft", false),
            ("wasi:keyvalue/store@0.2.0", false),
            ("wasi:blobstore/blobstore@0.2.0-draft", false),
            ("wasi:cli/stdout", false),
            ("stdout@0.2.0", false),
        ] {
            assert_eq!(is_provided_to_components(import), provided, "{import}");
        }
    }
}
