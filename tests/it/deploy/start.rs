//! One start of the binary in a deploy file, put before the binary itself: its own parser has to take the
//! arguments, its own configuration the file, and each variable has to be one that it reads.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use steading_tests::{Ended, Steading, run};
use tempfile::TempDir;

use crate::setup::steading;

/// A start that is refused ends long before this; one that is not would go on.
const REFUSED_WITHIN: Duration = Duration::from_secs(30);

/// The commands that serve until they are told to stop.
const ROLES: [&str; 3] = ["manager", "worker", "gateway"];

/// What is started, with nothing left to fill in.
#[derive(Clone, Debug, Default)]
pub(super) struct Start {
    /// Where it stands, for messages.
    pub(super) at: String,
    /// The arguments after the program.
    pub(super) args: Vec<String>,
    /// The variables.
    pub(super) env: BTreeMap<String, String>,
    /// Files that the arguments name, by their path where it runs.
    pub(super) files: BTreeMap<String, String>,
}

impl Start {
    /// The command.
    pub(super) fn command(&self) -> &str {
        self.args.first().map_or("", String::as_str)
    }

    /// The value of a flag, in either form.
    pub(super) fn flag(&self, name: &str) -> Option<&str> {
        let joined = format!("{name}=");
        self.args.iter().enumerate().find_map(|(index, arg)| match arg.strip_prefix(&joined) {
            Some(value) => Some(value),
            None if arg == name => self.args.get(index + 1).map(String::as_str),
            None => None,
        })
    }

    /// The configuration, and without one an empty file.
    pub(super) fn config(&self) -> &str {
        let Some(path) = self.flag("--config") else { return "" };
        self.files.get(path).unwrap_or_else(|| panic!("{}: nothing is at {path}", self.at))
    }

    /// Fails unless the binary takes all of it.
    pub(super) fn assert_taken(&self) {
        run(async {
            let folder = steading_tests::scratch();
            let args = self.args_here(&folder);
            let command = || steading().args(&args).within(folder.path());
            let help = command().args(["--help"]).ended().await.succeeded().stdout;
            // lines are broken where the terminal ends
            let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
            let (secrets, plain): (Vec<_>, Vec<_>) = self
                .env
                .iter()
                .filter(|(k, _)| k.starts_with("STEADING_"))
                .partition(|(k, _)| k.ends_with("_FILE"));
            for (name, _) in &plain {
                let taken = help.contains(&format!("[env: {name}=]"));
                assert!(taken, "{}: `{}` knows no {name}\n{help}", self.at, self.command());
            }
            if !ROLES.contains(&self.command()) {
                assert!(secrets.is_empty(), "{}: only roles are given secrets here", self.at);
                return;
            }
            assert!(!secrets.is_empty(), "{}: a role needs its join token", self.at);
            for (name, _) in secrets {
                // everything else of the start is good, so that it is this one that is refused
                let good = plain.iter().fold(command(), |it, (key, value)| it.env(key, value));
                let refused = self.refused(good.env(name, "/not/there")).await;
                let line = refused.failed(64);
                assert!(line.contains(&format!("that {name} names")), "{}: {line}", self.at);
            }
        });
    }

    async fn refused(&self, command: Steading) -> Ended {
        let ended = tokio::time::timeout(REFUSED_WITHIN, command.ended()).await;
        ended.unwrap_or_else(|_| panic!("{}: a variable that nobody reads", self.at))
    }

    /// The arguments with files of this machine.
    fn args_here(&self, folder: &TempDir) -> Vec<String> {
        let mut args = self.args.clone();
        for (index, (path, text)) in self.files.iter().enumerate() {
            let here: PathBuf = folder.path().join(format!("{index}.toml"));
            std::fs::write(&here, text).expect("the temporary folder takes a file");
            for arg in &mut args {
                *arg = arg.replace(path, &here.to_string_lossy());
            }
        }
        args
    }
}

#[test]
fn what_the_binary_does_not_know_is_found() {
    let worker = || Start {
        at: "here".into(),
        args: ["worker", "--config", "/c.toml"].map(str::to_owned).into(),
        env: [("STEADING_JOIN_TOKEN_FILE".to_owned(), "/t".to_owned())].into(),
        files: [("/c.toml".to_owned(), "name = \"one\"\n".to_owned())].into(),
    };
    worker().assert_taken();
    let with = |change: fn(&mut Start)| {
        let mut start = worker();
        change(&mut start);
        let found = std::panic::catch_unwind(|| start.assert_taken()).expect_err("it is found");
        found.downcast_ref::<String>().cloned().unwrap_or_default()
    };
    let flag = with(|start| start.args.push("--jobs".into()));
    assert!(flag.contains("--jobs"), "{flag}");
    let value = with(|start| start.args.push("--listen=somewhere".into()));
    assert!(value.contains("somewhere"), "{value}");
    let key = with(|start| drop(start.files.insert("/c.toml".into(), "nam = \"one\"\n".into())));
    assert!(key.contains("`nam`"), "{key}");
    let plain = with(|start| drop(start.env.insert("STEADING_NAME".into(), "one".into())));
    assert!(plain.contains("knows no STEADING_NAME"), "{plain}");
}
