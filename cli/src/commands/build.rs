//! `steading build`: makes the package that `publish` would send, and says what is in it.

use std::path::PathBuf;

use clap::Args;
use indicatif::HumanBytes;
use steading_protocol::{FunctionRecord, HttpTrigger, Trigger};

use crate::build::{self, Built, Project};
use crate::exit::Failure;
use crate::terminal;

const EXAMPLES: &str = "\
DIR is a cargo package, or a folder with a steading.toml and either a build command in it, which \
is run, or finished .wasm modules. Folders that the manifest asks for in grants.files are packed as \
well. With a steading.toml the package is a zip in target/steading; \
without one it is the bare module. The same sources give the same package.

Examples:
  steading build                      the app in this folder
  steading build examples/orders
  steading build --json | jq -r .path";

/// Compile an app into the package that workers run
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct BuildArgs {
    /// The app's folder
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) async fn run(args: BuildArgs) -> Result<(), Failure> {
    let project = Project::open(&args.dir).await?;
    let built = build::build(&project, None).await?;
    if args.json {
        return Ok(terminal::json(&built)?);
    }
    Ok(terminal::print(describe(&built))?)
}

fn describe(built: &Built) -> String {
    let rows: Vec<_> = built.functions.iter().map(row).collect();
    format!(
        "{} ({}, sha256 {})\n\n{}",
        built.path.display(),
        HumanBytes(built.size_bytes),
        built.digest.short(),
        terminal::table(["FUNCTION", "METHODS", "ROUTE", "AUTH"], &rows),
    )
}

fn row(function: &FunctionRecord) -> [String; 4] {
    let Trigger::Http(http) = &function.trigger;
    let route = format!("/api/{}", http.route);
    [function.name.to_string(), methods(http), route, http.auth.to_string()]
}

/// The methods of a trigger for people.
pub(crate) fn methods(http: &HttpTrigger) -> String {
    match http.methods.as_slice() {
        [] => "any".to_owned(),
        methods => methods.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_listed_with_their_methods_and_routes() {
        let record = |methods: &str| {
            let json = format!(
                r#"{{"v":1,"name":"f","export":"f","trigger":{{"type":"http","route":"a/{{id?}}","methods":{methods},"auth":"anonymous"}}}}"#
            );
            serde_json::from_str::<FunctionRecord>(&json).unwrap()
        };
        let row = row(&record(r#"["GET","POST"]"#));
        assert_eq!(row, ["f", "GET, POST", "/api/a/{id?}", "anonymous"]);
        assert_eq!(super::row(&record("[]"))[1], "any");
    }
}
