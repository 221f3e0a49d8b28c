//! The systemd unit of a role, as text. Pure.
//!
//! A user of its own for as long as it runs (`DynamicUser`), nothing writable but its state folder, no
//! capability but for a port below 1024, no devices, no namespaces, only the system calls of a service.
//!
//! `MemoryDenyWriteExecute` is on for manager and gateway, which make no code, and cannot be on for a worker:
//! the engine writes the code of a function into memory and then makes it executable, which is what that
//! setting forbids. The code is never writable and executable at once. `ProcSubset=pid` is off for all,
//! because how much memory and load there is stands in `/proc/meminfo` and `/proc/stat`.

use std::fmt::Write as _;
use std::path::Path;

use super::plan::{Plan, SecretFile};
use crate::role::Role;
use crate::secrets;

/// A unit cannot have this in it.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` cannot stand in a unit: give an absolute path of text without line breaks")]
pub(crate) struct NoPath(String);

/// Ports below this are for administrators.
const PORT_OF_ANYONE: u16 = 1024;

/// What every role has. Written once, so that no role is forgotten.
const HARDENING: &str = "\
DynamicUser=yes
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
LockPersonality=yes
UMask=0077
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
";

/// The text of the unit.
pub(crate) fn unit(plan: &Plan) -> Result<String, NoPath> {
    let name = plan.service();
    let mut text = String::new();
    let mut line = |line: String| writeln!(text, "{line}").expect("a string takes any text");
    line(format!("# Written by `steading service install {}`.", plan.role));
    line("[Unit]".into());
    line(format!("Description={}", plan.description()));
    line("Wants=network-online.target".into());
    line("After=network-online.target\n".into());
    line("[Service]".into());
    line("Type=notify".into());
    line(format!("ExecStart={}", command(plan)?));
    line("WatchdogSec=60".into());
    line("TimeoutStartSec=300".into());
    line(format!("TimeoutStopSec={}", plan.needs.stop_after().as_secs()));
    line("Restart=on-failure\nRestartSec=1".into());
    line("# a configuration that is refused does not get better by itself".into());
    line("RestartPreventExitStatus=64".into());
    line(format!("StateDirectory=steading/{}\nStateDirectoryMode=0700", plan.role));
    for secret in &plan.secrets {
        let (id, path) = (credential(secret), escaped(absolute(&secret.path)?));
        line(format!("LoadCredential={id}:{path}"));
        line(format!("Environment={}_FILE=%d/{id}", secret.variable));
    }
    line(format!("LimitNOFILE={}", plan.needs.open_files));
    text += &of_role(plan);
    text += HARDENING;
    text += &capabilities(plan);
    writeln!(text, "SyslogIdentifier={name}\n\n[Install]\nWantedBy=multi-user.target")
        .expect("a string takes any text");
    Ok(text)
}

/// What a secret is called among the credentials of the service.
fn credential(secret: &SecretFile) -> &'static str {
    match secret.variable {
        secrets::ADMIN_PASSWORD => "admin-password",
        secrets::STORE_CONNECTION => "store-connection",
        _ => "join-token",
    }
}

fn of_role(plan: &Plan) -> String {
    match plan.role {
        Role::Worker => {
            "# a worker makes code, so MemoryDenyWriteExecute cannot be on; calls should not wait \
                         for swapped memory\nMemorySwapMax=0\n"
                .to_owned()
        }
        Role::Manager | Role::Gateway => "MemoryDenyWriteExecute=yes\n".to_owned(),
    }
}

fn capabilities(plan: &Plan) -> String {
    // port 0 stands for any free one, which is never a low one
    match plan.needs.port_min {
        1..PORT_OF_ANYONE => "CapabilityBoundingSet=CAP_NET_BIND_SERVICE\n\
                              AmbientCapabilities=CAP_NET_BIND_SERVICE\n"
            .to_owned(),
        _ => "CapabilityBoundingSet=\nPrivateUsers=yes\n".to_owned(),
    }
}

/// The command line, quoted as systemd reads it.
fn command(plan: &Plan) -> Result<String, NoPath> {
    let mut words = vec![quoted(absolute(&plan.program)?)];
    let config = plan.config.as_deref().map(absolute).transpose()?.map(Into::into);
    let state_dir = format!("%S/steading/{}", plan.role);
    let plan = Plan { config, ..plan.clone() };
    for argument in plan.arguments(&state_dir) {
        let argument = argument.to_str().expect("role, flags and checked paths are text");
        // the folder of the state is a specifier, and the only one
        words.push(if argument == state_dir { state_dir.clone() } else { quoted(argument) });
    }
    Ok(words.join(" "))
}

fn absolute(path: &Path) -> Result<&str, NoPath> {
    let text = path.to_str().filter(|text| path.is_absolute() && !text.contains(['\n', '\r']));
    text.ok_or_else(|| NoPath(path.display().to_string()))
}

/// A word of a command: percent signs and dollars are not meant as such.
fn quoted(word: &str) -> String {
    let text = escaped(word).replace('\\', "\\\\").replace('"', "\\\"").replace('$', "$$");
    match text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:=".contains(c)) {
        true => text,
        false => format!("\"{text}\""),
    }
}

fn escaped(text: &str) -> String {
    text.replace('%', "%%")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::plan::Needs;
    use super::*;

    fn plan(role: Role) -> Plan {
        Plan {
            role,
            program: "/usr/local/bin/steading".into(),
            config: Some("/etc/steading/role.toml".into()),
            secrets: vec![SecretFile {
                variable: secrets::JOIN_TOKEN,
                path: "/etc/steading/join-token".into(),
            }],
            needs: Needs { open_files: 11_024, drain: Duration::from_secs(30), port_min: 7071 },
        }
    }

    #[test]
    fn a_unit_starts_the_role_with_its_file_its_state_and_its_secret() {
        let text = unit(&plan(Role::Worker)).unwrap();
        for line in [
            "Type=notify",
            "ExecStart=/usr/local/bin/steading worker --config /etc/steading/role.toml --state-dir \
             %S/steading/worker",
            "StateDirectory=steading/worker",
            "LoadCredential=join-token:/etc/steading/join-token",
            "Environment=STEADING_JOIN_TOKEN_FILE=%d/join-token",
            "TimeoutStopSec=45",
            "LimitNOFILE=11024",
            "DynamicUser=yes",
            "CapabilityBoundingSet=",
            "WantedBy=multi-user.target",
        ] {
            assert!(text.lines().any(|it| it == line), "no `{line}` in\n{text}");
        }
    }

    #[test]
    fn only_a_worker_may_make_code() {
        let denies = |role| unit(&plan(role)).unwrap().contains("MemoryDenyWriteExecute=yes");
        assert_eq!(Role::ALL.map(denies), [false, true, true]);
    }

    #[test]
    fn a_low_port_comes_with_the_one_capability_for_it() {
        let mut plan = plan(Role::Gateway);
        plan.needs.port_min = 443;
        let text = unit(&plan).unwrap();
        assert!(text.contains("\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n"), "{text}");
        assert!(!text.contains("PrivateUsers"), "{text}");
    }

    #[test]
    fn a_path_means_itself_whatever_is_in_it_or_is_refused() {
        let mut odd = plan(Role::Manager);
        odd.program = "/opt/a b/50%/$x/steading".into();
        let text = unit(&odd).unwrap();
        assert!(text.contains("ExecStart=\"/opt/a b/50%%/$$x/steading\" manager"), "{text}");
        odd.config = Some("/etc/a\nExecStartPre=/bin/evil".into());
        assert!(unit(&odd).is_err());
        odd.config = Some("relative.toml".into());
        assert!(unit(&odd).unwrap_err().to_string().contains("`relative.toml`"));
    }
}
