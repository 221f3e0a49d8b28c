//! `steading health`: whether a role on this machine is well, for those who ask a program and not a URL:
//! health checks of containers and probes of orchestrators, in images that have neither curl nor a shell.

use std::net::SocketAddr;

use clap::Args;
use url::Url;

use crate::exit::{Exit, Failure};
use crate::probe::{self, Answer};
use crate::role::{Role, near};
use crate::session::parse_url;
use crate::terminal;

const EXAMPLES: &str = "\
Examples:
  steading health
  steading health worker --live
  steading health --control 127.0.0.1:9072

Ends with 0 when the role is ready, and else with 1 and one line that says why not. Without a role or an \
address it asks where a worker, a gateway and a manager usually are, and takes the first that is there.";

/// Say whether a role on this machine is ready, for health checks
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct HealthArgs {
    /// The role to ask [default: whichever is there]
    #[arg(value_enum)]
    role: Option<Role>,
    /// Where it tells of itself: the control address of a worker or gateway, the address of a manager
    /// [default: the usual one of the role]
    #[arg(long, value_name = "URL|ADDRESS:PORT", value_parser = parse_control)]
    control: Option<Url>,
    /// Ask whether the process turns, not whether requests should be sent to it
    #[arg(long)]
    live: bool,
}

/// Somebody who may be there.
#[derive(Clone, Debug)]
struct Asked {
    name: &'static str,
    at: Url,
}

/// Runs the command.
pub(crate) async fn run(args: HealthArgs) -> Result<(), Failure> {
    let client = probe::client()?;
    let path = if args.live { "/live" } else { "/ready" };
    let candidates = candidates(args.role, args.control);
    for asked in &candidates {
        let answer = match probe::ask(&client, &asked.at, path).await {
            Answer::Nobody => continue,
            answer => answer,
        };
        let line = verdict(asked, path, answer)?;
        return Ok(terminal::line(line)?);
    }
    let tried: Vec<String> = candidates
        .iter()
        .map(|asked| format!("{} ({})", authority(&asked.at), asked.name))
        .collect();
    Err(Failure::new(Exit::Other, format!("nobody listens at {}", tried.join(", "))))
}

fn candidates(role: Option<Role>, control: Option<Url>) -> Vec<Asked> {
    if let Some(at) = control {
        return vec![Asked { name: role.map_or("role", Role::name), at }];
    }
    let usual = |role: Role| Asked { name: role.name(), at: at(role.usual_control()) };
    role.map_or_else(|| Role::ALL.map(usual).to_vec(), |role| vec![usual(role)])
}

fn verdict(asked: &Asked, path: &str, answer: Answer) -> Result<String, Failure> {
    let who = format!("the {} at {}", asked.name, authority(&asked.at));
    let what = path.trim_start_matches('/');
    let why = match answer {
        Answer::Told(told) if told.status == 200 => return Ok(format!("{who} is {what}")),
        Answer::Told(told) if told.status == 503 => format!("{who} is not {what}: {}", told.text),
        Answer::Told(told) => {
            format!("{who} answers {} to {path}; is this its control address?", told.status)
        }
        Answer::Silent(why) => format!("{who} does not answer: {why}"),
        Answer::Nobody => format!("nobody listens at {}", authority(&asked.at)),
    };
    Err(Failure::new(Exit::Other, why))
}

fn parse_control(text: &str) -> Result<Url, String> {
    match text.parse::<SocketAddr>() {
        Ok(address) => Ok(at(address)),
        Err(_) if text.contains("://") => parse_url(text),
        Err(_) => Err("write it as 127.0.0.1:7072 or http://127.0.0.1:7072".to_owned()),
    }
}

/// The root of a role that listens at this address, as seen from here.
pub(crate) fn at(address: SocketAddr) -> Url {
    let text = format!("http://{}", near(address));
    text.parse().expect("an address with a port is a URL's authority")
}

fn authority(url: &Url) -> &str {
    &url[url::Position::BeforeHost..url::Position::AfterPort]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Told;

    fn verdict_of(status: u16, text: &str) -> Result<String, String> {
        let asked = candidates(Some(Role::Worker), None).remove(0);
        let told = Told { status, text: text.into(), date: None };
        verdict(&asked, "/ready", Answer::Told(told)).map_err(|failure| failure.line())
    }

    #[test]
    fn an_answer_becomes_one_line() {
        let who = "the worker at 127.0.0.1:7072";
        assert_eq!(verdict_of(200, "ready"), Ok(format!("{who} is ready")));
        let away = verdict_of(503, "away until 19:00").unwrap_err();
        assert_eq!(away, format!("{who} is not ready: away until 19:00"));
        let wrong = verdict_of(404, "no").unwrap_err();
        assert!(wrong.ends_with("answers 404 to /ready; is this its control address?"), "{wrong}");
    }

    #[test]
    fn an_address_for_every_interface_is_asked_over_loopback() {
        let url = |text| parse_control(text).map(|url| authority(&url).to_owned());
        assert_eq!(url("0.0.0.0:7072").unwrap(), "127.0.0.1:7072");
        assert_eq!(url("[::]:7072").unwrap(), "[::1]:7072");
        assert_eq!(url("http://host:1/x").unwrap(), "host:1");
        assert!(url("7072").is_err() && url("ftp://host").is_err());
    }

    #[test]
    fn without_a_role_all_are_asked_the_worker_first() {
        let ports = |role| {
            let all = candidates(role, None);
            all.iter().filter_map(|asked| asked.at.port()).collect::<Vec<_>>()
        };
        assert_eq!(ports(None), [7072, 7081, 7070]);
        assert_eq!(ports(Some(Role::Gateway)), [7081]);
    }
}
