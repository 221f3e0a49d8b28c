//! `steading status`: what the manager knows, for a person or for a machine.

use clap::Args;
use indicatif::HumanDuration;
use jiff::Timestamp;
use steading_protocol::api::{App, Placement, Status, Worker};

use crate::exit::Failure;
use crate::session::ManagerArgs;
use crate::terminal;

const EXAMPLES: &str = "\
Examples:
  steading status
  steading status --json | jq '.placements[] | select(.state != \"ready\")'";

/// Show the apps, the workers, and which app is where
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct StatusArgs {
    /// Print it as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    manager: ManagerArgs,
}

/// Runs the command.
pub(crate) async fn run(args: StatusArgs) -> Result<(), Failure> {
    let client = args.manager.connect()?;
    let status = client.status().await?;
    if args.json {
        return Ok(terminal::json(&status)?);
    }
    let head = format!("manager {} ({})\n\n", client.manager(), status.release);
    Ok(terminal::print(head + &describe(&status, Timestamp::now()))?)
}

fn describe(status: &Status, now: Timestamp) -> String {
    let apps: Vec<_> = status.apps.iter().map(app_row).collect();
    let workers: Vec<_> = status.workers.iter().map(|worker| worker_row(worker, now)).collect();
    let placements: Vec<_> =
        status.placements.iter().map(|placement| placement_row(placement, now)).collect();
    [
        section(["APP", "VERSION", "DEFAULT", "HOSTS"], &apps, "no apps: `steading publish`"),
        section(
            ["WORKER", "STATE", "RUNNING", "SEEN", "URL", "ID"],
            &workers,
            "no workers: `steading worker`",
        ),
        section(["PLACEMENT", "WORKER", "STATE", "SINCE", "DETAIL"], &placements, "no placements"),
    ]
    .join("\n")
}

fn section<const N: usize>(headings: [&str; N], rows: &[[String; N]], empty: &str) -> String {
    if rows.is_empty() { format!("{empty}\n") } else { terminal::table(headings, rows) }
}

fn app_row(app: &App) -> [String; 4] {
    let default = if app.default { "yes" } else { "" };
    [app.app.to_string(), app.version.to_string(), default.to_owned(), app.hosts.join(", ")]
}

fn worker_row(worker: &Worker, now: Timestamp) -> [String; 6] {
    [
        worker.name.clone(),
        worker.state.as_str().to_owned(),
        format!("{} of {}", worker.load.in_flight, worker.load.in_flight_max),
        ago(worker.seen_at, now),
        worker.url.clone(),
        worker.worker.to_string(),
    ]
}

fn placement_row(placement: &Placement, now: Timestamp) -> [String; 5] {
    [
        format!("{} {}", placement.app, placement.version),
        placement.worker_name.clone(),
        placement.state.to_string(),
        ago(placement.changed_at, now),
        placement.detail.clone().unwrap_or_default(),
    ]
}

/// How long ago, by this machine's clock; a manager whose clock is ahead was heard of just now.
fn ago(time: Timestamp, now: Timestamp) -> String {
    let elapsed = std::time::Duration::try_from(now.duration_since(time)).unwrap_or_default();
    if elapsed.as_secs() == 0 {
        "now".to_owned()
    } else {
        format!("{} ago", HumanDuration(elapsed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_how_long_ago() {
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = time("2030-01-01T00:01:00Z");
        assert_eq!(ago(time("2030-01-01T00:00:57Z"), now), "3 seconds ago");
        assert_eq!(ago(time("2030-01-01T00:05:00Z"), now), "now");
    }

    #[test]
    fn an_empty_manager_says_what_to_do_next() {
        let json = r#"{"release":"1","apps":[],"workers":[],"placements":[]}"#;
        let text = describe(&serde_json::from_str(json).unwrap(), Timestamp::now());
        assert!(text.contains("steading publish") && text.contains("steading worker"), "{text}");
    }

    #[test]
    fn a_placement_is_one_line_with_its_reason() {
        let json = r#"{"app":"a","version":2,"worker":"w1","worker_name":"night-3","state":"failed",
            "detail":"too large","created_at":"2030-01-01T00:00:00Z","changed_at":"2030-01-01T00:00:00Z"}"#;
        let row = placement_row(
            &serde_json::from_str(json).unwrap(),
            "2030-01-01T00:00:02Z".parse().unwrap(),
        );
        assert_eq!(row, ["a 2", "night-3", "failed", "2 seconds ago", "too large"]);
    }
}
