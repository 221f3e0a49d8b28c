//! `steading settings`: what an app is told beside its code. Workers take a change up by themselves.
//!
//! Invariant: a secret comes from a terminal, standard input, a file or the environment, and never from an
//! argument, where process lists and shell histories keep it.

use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use steading_protocol::api::{AppSetting, SettingRequest};
use steading_protocol::{AppName, Secret, SettingName};

use crate::exit::{Exit, Failure, OrExit as _};
use crate::session::ManagerArgs;
use crate::terminal;

const EXAMPLES: &str = "\
Functions read settings as environment variables, those that the app's steading.toml names under [grants]. \
A change reaches the workers within a second, without a publish.

Examples:
  steading settings list shop
  steading settings set shop CURRENCY=EUR LANGUAGE=de
  steading settings set shop API_KEY --secret                    asks for it
  steading settings set shop API_KEY --secret < key.txt
  steading settings set shop API_KEY --secret --file /run/secrets/api-key
  steading settings set shop API_KEY --secret --env MY_KEY
  steading settings unset shop LANGUAGE

A secret is encrypted where the manager keeps it, and nobody is shown it again.";

/// List, set or remove the settings and secrets of an app
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SettingsArgs {
    #[command(subcommand)]
    action: Action,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum Action {
    /// List the settings of an app; of secrets the names
    List {
        /// The app
        #[arg(value_name = "APP")]
        app: AppName,
        /// Print them as JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        manager: ManagerArgs,
    },
    /// Set settings of an app
    Set(SetArgs),
    /// Remove settings of an app
    Unset {
        /// The app
        #[arg(value_name = "APP")]
        app: AppName,
        /// Their names
        #[arg(value_name = "NAME", required = true)]
        names: Vec<SettingName>,
        #[command(flatten)]
        manager: ManagerArgs,
    },
}

/// What `set` takes.
#[derive(Debug, Args)]
struct SetArgs {
    /// The app
    #[arg(value_name = "APP")]
    app: AppName,
    /// Settings with their values; or the name of one whose value is asked for, or comes from standard input,
    /// --file or --env
    #[arg(value_name = "NAME[=VALUE]", required = true)]
    settings: Vec<String>,
    /// It is a secret: encrypted where it lies, and never shown again
    #[arg(long)]
    secret: bool,
    /// Read the value from a file, without the line end after it
    #[arg(long, value_name = "PATH", conflicts_with = "env")]
    file: Option<PathBuf>,
    /// Read the value from a variable of the environment
    #[arg(long, value_name = "VARIABLE")]
    env: Option<String>,
    #[command(flatten)]
    manager: ManagerArgs,
}

/// Runs the command.
pub(crate) async fn run(args: SettingsArgs) -> Result<(), Failure> {
    match args.action {
        Action::List { app, json, manager } => {
            let settings = manager.connect()?.settings(&app).await?;
            let printed = match json {
                true => terminal::json(&settings),
                false => terminal::print(table(&settings)),
            };
            Ok(printed?)
        }
        Action::Set(args) => set(args).await,
        Action::Unset { app, names, manager } => {
            let client = manager.connect()?;
            for name in &names {
                client.setting_unset(&app, name).await?;
                terminal::line(format!("{name} of {app} is removed"))?;
            }
            Ok(())
        }
    }
}

async fn set(args: SetArgs) -> Result<(), Failure> {
    let client = args.manager.connect()?;
    let secret = args.secret;
    let mut set = vec![];
    for (name, value) in wishes(&args)? {
        client.setting_set(&args.app, &name, &SettingRequest { value, secret }).await?;
        terminal::line(format!("{name} of {} is set", args.app))?;
        set.push(name.folded());
    }
    let settings = client.settings(&args.app).await?;
    let in_vain = |s: &&AppSetting| !s.granted && set.contains(&s.name.folded());
    for setting in settings.iter().filter(in_vain) {
        let (name, app) = (&setting.name, &args.app);
        terminal::remark(format!(
            "note: the version of {app} in service does not name {name} under [grants], and cannot read it"
        ));
    }
    Ok(())
}

fn wishes(args: &SetArgs) -> Result<Vec<(SettingName, Secret)>, Failure> {
    let usage = |message: &str| Failure::new(Exit::Usage, message);
    let elsewhere = args.file.is_some() || args.env.is_some();
    match &args.settings[..] {
        [name] if !name.contains('=') => {
            Ok(vec![(name.parse().or_exit(Exit::Usage)?, value(args)?)])
        }
        _ if args.secret => Err(usage(
            "a secret is set alone and by its name: its value is asked for, or comes from standard input, --file or --env",
        )),
        _ if elsewhere => {
            Err(usage("--file and --env give the value of one setting, named without `=`"))
        }
        settings => settings.iter().map(|setting| pair(setting)).collect(),
    }
}

fn pair(setting: &str) -> Result<(SettingName, Secret), Failure> {
    let Some((name, value)) = setting.split_once('=') else {
        let message = format!("`{setting}` has no value; write {setting}=VALUE, or set it alone");
        return Err(Failure::new(Exit::Usage, message));
    };
    Ok((name.parse().or_exit(Exit::Usage)?, Secret::new(value)))
}

/// The value that is not on the command line.
fn value(args: &SetArgs) -> Result<Secret, Failure> {
    let text = match (&args.file, &args.env) {
        (Some(path), _) => read(path)?,
        (_, Some(variable)) => std::env::var(variable)
            .with_context(|| format!("cannot read the variable {variable}"))
            .or_exit(Exit::Usage)?,
        _ if std::io::stdin().is_terminal() => {
            rpassword::prompt_password(format!("value of {}: ", args.settings[0]))
                .context("cannot read the value")?
        }
        _ => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
            text
        }
    };
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(Failure::new(
            Exit::Usage,
            "the value is empty; `steading settings unset` removes a setting",
        ));
    }
    Ok(Secret::new(text))
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .with_context(|| format!("cannot read {}", path.display()))
        .or_exit(Exit::Usage)
}

fn table(settings: &[AppSetting]) -> String {
    let row = |setting: &AppSetting| {
        let value = setting.value.clone().unwrap_or_else(|| "(secret)".to_owned());
        let read = if setting.granted { "yes" } else { "no" };
        [setting.name.to_string(), read.to_owned(), value]
    };
    let rows: Vec<_> = settings.iter().map(row).collect();
    terminal::table(["NAME", "READ", "VALUE"], &rows)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        set: SetArgs,
    }

    fn wished(line: &str) -> Result<Vec<(String, String)>, String> {
        let words = ["set", "shop"].into_iter().chain(line.split(' '));
        let line = Line::try_parse_from(words).map_err(|error| error.to_string())?;
        let wishes = wishes(&line.set).map_err(|failure| failure.line())?;
        Ok(wishes.iter().map(|(n, v)| (n.to_string(), v.expose().to_owned())).collect())
    }

    #[test]
    fn values_stand_behind_their_names_and_secrets_do_not() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            wished("A=1 B=x=y C=").unwrap(),
            [pair("A", "1"), pair("B", "x=y"), pair("C", "")]
        );
        for line in ["A=hunter2 --secret", "A B --secret", "A=1 --file x", "A=1 B"] {
            let refused = wished(line).unwrap_err();
            assert!(!refused.contains("hunter2"), "{refused}");
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "hunter2\r\n").unwrap();
        let line = format!("KEY --secret --file {}", path.display());
        assert_eq!(wished(&line).unwrap(), [pair("KEY", "hunter2")]);
        assert!(wished("PATH_INFO=1").unwrap_err().contains("not a valid setting name"));
    }
}
