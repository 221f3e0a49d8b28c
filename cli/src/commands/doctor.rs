//! `steading doctor`: what on this machine keeps a role from running, or from running well, and what to do
//! about it. What is looked at and how it is judged stands in [`crate::doctor`].

use std::path::{Path, PathBuf};

use clap::Args;

use crate::doctor::{self, Configured, Finding, Verdict};
use crate::exit::{Exit, Failure};
use crate::role::Role;
use crate::{config, secrets, terminal};

const EXAMPLES: &str = "\
Examples:
  steading doctor
  steading doctor worker --config /etc/steading/worker.toml
  STEADING_STORE_CONNECTION_FILE=/run/secrets/store steading doctor manager --config manager.toml

Run it as the user and with the environment that the role will have. Without a role it looks at the \
machine and at the pool of a worker without a configuration. It changes nothing, and ends with 1 when \
something fails.";

/// Say what keeps a role from running well on this machine, and what to do about it
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DoctorArgs {
    /// The role to look at [default: the machine alone]
    #[arg(value_enum)]
    role: Option<Role>,
    /// The configuration of the role, a TOML file
    #[arg(long, value_name = "FILE", requires = "role")]
    config: Option<PathBuf>,
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) async fn run(args: DoctorArgs) -> Result<(), Failure> {
    let mut findings = doctor::machine();
    match args.role {
        Some(role) => {
            findings.extend(doctor::role(&configured(role, args.config.as_deref())?).await);
        }
        None => findings.extend(doctor::pool(&steading_host::Config::default())),
    }
    match args.json {
        true => terminal::json(&findings)?,
        false => terminal::print(report(&findings))?,
    }
    let failed = findings.iter().filter(|finding| finding.verdict == Verdict::Fail).count();
    match failed {
        0 => Ok(()),
        _ => {
            let message = format!("{failed} of {} checks failed", findings.len());
            Err(Failure::new(Exit::Other, message))
        }
    }
}

/// The role as it would be started with this file and this environment. Secrets that cannot be used are
/// findings, not failures.
fn configured(role: Role, file: Option<&Path>) -> Result<Configured, Failure> {
    let secret = |name| secrets::read(name).ok().flatten();
    Ok(match role {
        Role::Manager => {
            let mut config: steading_manager::Config = config::load(file)?;
            config.store_connection = secret(secrets::STORE_CONNECTION);
            Configured::Manager(Box::new(config))
        }
        Role::Worker => {
            let mut config: steading_host::Config = config::load(file)?;
            config::lay_over(&mut config.manager, config::manager_in_environment()?);
            config.join_token = secret(secrets::JOIN_TOKEN);
            Configured::Worker(Box::new(config))
        }
        Role::Gateway => {
            let mut config: steading_gateway::Config = config::load(file)?;
            config::lay_over(&mut config.manager, config::manager_in_environment()?);
            config.token = secret(secrets::JOIN_TOKEN);
            Configured::Gateway(Box::new(config))
        }
    })
}

fn report(findings: &[Finding]) -> String {
    let width = findings.iter().map(|finding| finding.check.len()).max().unwrap_or(0);
    findings.iter().map(|finding| lines(finding, width)).collect()
}

fn lines(finding: &Finding, width: usize) -> String {
    let Finding { check, verdict, found, advice } = finding;
    let mut lines = format!("{:4}  {check:width$}  {found}\n", verdict.word());
    if let Some(advice) = advice {
        lines += &format!("      {:width$}  -> {advice}\n", "");
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_stands_under_what_was_found() {
        let finding = Finding {
            check: "swap",
            verdict: Verdict::Warn,
            found: "5 MiB".into(),
            advice: Some("turn it off".into()),
        };
        let ok = Finding { check: "disk", verdict: Verdict::Ok, advice: None, ..finding.clone() };
        let report = report(&[finding, ok]);
        assert_eq!(report, "warn  swap  5 MiB\n            -> turn it off\nok    disk  5 MiB\n");
    }
}
