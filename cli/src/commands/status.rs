//! `steading status`: what the manager knows, for a person or for a machine.

use clap::Args;
use indicatif::HumanDuration;
use jiff::Timestamp;
use steading_protocol::api::{App, Lease, Placement, Rollout, Status, Worker, WorkerState};
use steading_protocol::{AvailabilityState, Labels, PlacementRules};

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
    let leases: Vec<_> = status.leases.iter().map(|lease| lease_row(lease, now)).collect();
    [
        section(
            ["APP", "VERSION", "ROLL-OUT", "WORKERS", "DEFAULT", "HOSTS"],
            &apps,
            "no apps: `steading publish`",
        ),
        section(
            ["WORKER", "STATE", "RUNNING", "SEEN", "APPLIED", "LABELS", "URL", "ID"],
            &workers,
            "no workers: `steading worker`",
        ),
        section(
            ["PLACEMENT", "WORKER", "SHARE", "STATE", "SINCE", "DETAIL"],
            &placements,
            "no placements",
        ),
        section(["LEASE", "MANAGER", "ENDS"], &leases, "no leases"),
    ]
    .join("\n")
}

fn section<const N: usize>(headings: [&str; N], rows: &[[String; N]], empty: &str) -> String {
    if rows.is_empty() { format!("{empty}\n") } else { terminal::table(headings, rows) }
}

fn app_row(app: &App) -> [String; 6] {
    let default = if app.default { "yes" } else { "" };
    [
        app.app.to_string(),
        app.version.to_string(),
        app.rollout.as_ref().map(rollout_text).unwrap_or_default(),
        rules_text(&app.placement),
        default.to_owned(),
        app.hosts.join(", "),
    ]
}

/// `2: split, 10 %` or `2: stopped: worker one: too large`.
fn rollout_text(rollout: &Rollout) -> String {
    let (version, state) = (rollout.version, rollout.state.as_str());
    let share =
        if rollout.percent < 100 { format!(", {} %", rollout.percent) } else { String::new() };
    let why = rollout.detail.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    format!("{version}: {state}{share}{why}")
}

/// `all` or `2 with zone=plant-2`.
fn rules_text(rules: &PlacementRules) -> String {
    match &*labels_text(&rules.workers) {
        "" => rules.replicas.to_string(),
        labels => format!("{} with {labels}", rules.replicas),
    }
}

fn labels_text(labels: &Labels) -> String {
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
}

fn worker_row(worker: &Worker, now: Timestamp) -> [String; 8] {
    [
        worker.name.clone(),
        worker_state(worker),
        format!("{} of {}", worker.load.in_flight, worker.load.in_flight_max),
        ago(worker.seen_at, now),
        applied(worker),
        labels_text(&worker.labels),
        worker.url.clone(),
        worker.worker.to_string(),
    ]
}

/// `live`, or what a live worker says of itself: `away: opens Mon 19:00`.
fn worker_state(worker: &Worker) -> String {
    if worker.state != WorkerState::Live
        || worker.availability.state == AvailabilityState::Available
    {
        return worker.state.as_str().to_owned();
    }
    let why = worker.availability.detail.as_ref().map(|why| format!(": {why}"));
    format!("{}{}", worker.availability.state.as_str(), why.unwrap_or_default())
}

/// The generation that it has applied, against the newest one.
fn applied(worker: &Worker) -> String {
    match worker.applied == worker.generation {
        true => worker.applied.to_string(),
        false => format!("{} of {}", worker.applied, worker.generation),
    }
}

fn placement_row(placement: &Placement, now: Timestamp) -> [String; 6] {
    [
        format!("{} {}", placement.app, placement.version),
        placement.worker_name.clone(),
        placement.percent.map(|percent| format!("{percent} %")).unwrap_or_default(),
        placement.state.to_string(),
        ago(placement.changed_at, now),
        placement.detail.clone().unwrap_or_default(),
    ]
}

fn lease_row(lease: &Lease, now: Timestamp) -> [String; 3] {
    let left = lease.until.duration_since(now).as_secs().max(0);
    [lease.name.clone(), lease.owner.clone(), format!("in {left} s unless renewed")]
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
        let json = r#"{"app":"a","version":2,"worker":"w1","worker_name":"night-3","state":"failed","percent":10,
            "detail":"too large","created_at":"2030-01-01T00:00:00Z","changed_at":"2030-01-01T00:00:00Z"}"#;
        let row = placement_row(
            &serde_json::from_str(json).unwrap(),
            "2030-01-01T00:00:02Z".parse().unwrap(),
        );
        assert_eq!(row, ["a 2", "night-3", "10 %", "failed", "2 seconds ago", "too large"]);
    }
}
