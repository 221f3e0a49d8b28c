//! Which functions an app's commands and components answer for. A native module says what its functions are; these
//! are any program, so their functions stand in the manifest or in files of their own, or are one that answers everything.
//!
//! Pure; the command line asks it to say what will be published, the manager to decide it. Invariant: each of
//! them has a function, and every table of the manifest one module.

use crate::{
    AppName, AuthLevel, FunctionName, FunctionRecord, FunctionSection, HttpTrigger, Manifest,
    RouteTemplate, Trigger,
};

/// What a function answers whose route nobody has said: everything that no other function does.
const EVERYTHING: &str = "{*path}";

/// The name of a function that is named after an app whose name no function may have.
const NAME: &str = "command";

/// A manifest that does not fit the modules beside it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandFault {
    /// A table with keys that only commands have.
    #[error(
        "functions.{function}.{key} is for commands and components; `{function}` is a function of a native module, which says it itself"
    )]
    Native {
        /// The function.
        function: FunctionName,
        /// The first such key.
        key: &'static str,
    },
    /// A table that fits no module.
    #[error("[functions.{0}] names a function that the package does not have")]
    NoFunction(FunctionName),
    /// A table that fits several commands.
    #[error(
        "functions.{function} needs `module` (`scriptFile` in a function.json), because the package has several modules that could answer: {files}"
    )]
    Unclear {
        /// The function.
        function: FunctionName,
        /// The commands.
        files: String,
    },
    /// A table that names another file.
    #[error(
        "functions.{function}.module is `{module}`, which is no command or component of the package; there is {files}"
    )]
    NoCommand {
        /// The function.
        function: FunctionName,
        /// What it names.
        module: String,
        /// The commands.
        files: String,
    },
    /// A command that no table names where there are several.
    #[error(
        "no [functions.…] has module = \"{0}\", and the package has several modules that could answer"
    )]
    Undeclared(String),
}

/// A module whose functions the manifest tells: a command or a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program<'p> {
    /// The file's path in the package.
    pub path: &'p str,
    /// The export that it is called by.
    pub export: &'p str,
}

/// The functions of an app's commands and components, each with the position of its module in `programs`.
/// `native` are the functions of the app's native modules.
pub fn command_functions(
    app: &AppName,
    manifest: &Manifest,
    programs: &[Program<'_>],
    native: &[&FunctionName],
) -> Result<Vec<(usize, FunctionRecord)>, CommandFault> {
    let mut functions = vec![];
    for (name, section) in &manifest.functions {
        if native.contains(&name) {
            check_native(name, section)?;
        } else {
            let index = command_of(name, section, programs)?;
            functions.push((index, record(name.clone(), section, programs[index])));
        }
    }
    let is_named = |index: usize| functions.iter().any(|(of, _)| *of == index);
    match (0..programs.len()).find(|index| !is_named(*index)) {
        None => {}
        Some(only) if programs.len() == 1 => {
            let name = app.as_str().parse().or_else(|_| NAME.parse());
            let name = name.expect("the fallback is a function name");
            functions.push((only, record(name, &FunctionSection::default(), programs[only])));
        }
        Some(index) => return Err(CommandFault::Undeclared(programs[index].path.to_owned())),
    }
    Ok(functions)
}

fn check_native(name: &FunctionName, section: &FunctionSection) -> Result<(), CommandFault> {
    let keys = [
        ("module", section.module.is_some()),
        ("route", section.route.is_some()),
        ("methods", section.methods.is_some()),
        ("auth", section.auth.is_some()),
    ];
    match keys.into_iter().find(|(_, is_set)| *is_set) {
        Some((key, _)) => Err(CommandFault::Native { function: name.clone(), key }),
        None => Ok(()),
    }
}

fn command_of(
    name: &FunctionName,
    section: &FunctionSection,
    programs: &[Program<'_>],
) -> Result<usize, CommandFault> {
    let function = || name.clone();
    let file = |program: &Program<'_>| format!("`{}`", program.path);
    let files = || programs.iter().map(file).collect::<Vec<_>>().join(", ");
    match (&section.module, programs) {
        (_, []) => Err(CommandFault::NoFunction(function())),
        (None, [_]) => Ok(0),
        (None, _) => Err(CommandFault::Unclear { function: function(), files: files() }),
        (Some(module), _) => {
            programs.iter().position(|program| program.path == module).ok_or_else(|| {
                let module = module.clone();
                CommandFault::NoCommand { function: function(), module, files: files() }
            })
        }
    }
}

fn record(name: FunctionName, section: &FunctionSection, program: Program<'_>) -> FunctionRecord {
    let everything: fn() -> RouteTemplate = || EVERYTHING.parse().expect("it is a route");
    FunctionRecord {
        v: FunctionRecord::VERSION,
        name,
        export: program.export.to_owned(),
        trigger: Trigger::Http(HttpTrigger {
            route: section.route.clone().unwrap_or_else(everything),
            methods: section.methods.clone().unwrap_or_default(),
            auth: section.auth.unwrap_or(AuthLevel::Anonymous),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Method;

    fn program(path: &str) -> Program<'_> {
        Program { path, export: "_start" }
    }

    fn functions(
        manifest: &str,
        commands: &[&str],
        native: &[&str],
    ) -> Result<Vec<(usize, FunctionRecord)>, String> {
        let native: Vec<FunctionName> = native.iter().map(|name| name.parse().unwrap()).collect();
        let native: Vec<&FunctionName> = native.iter().collect();
        let (app, manifest) = ("shop".parse().unwrap(), Manifest::parse(manifest).unwrap());
        let programs: Vec<_> = commands.iter().map(|path| program(path)).collect();
        command_functions(&app, &manifest, &programs, &native).map_err(|fault| fault.to_string())
    }

    #[test]
    fn a_command_that_nobody_speaks_of_answers_everything_in_the_apps_name() {
        let found = functions("", &["a.wasm"], &["orders"]).unwrap();
        let [(0, record)] = &found[..] else { panic!("{found:?}") };
        let Trigger::Http(http) = &record.trigger;
        assert_eq!((record.name.as_str(), http.route.as_str()), ("shop", "{*path}"));
        assert!(http.methods.is_empty() && http.auth == AuthLevel::Anonymous);
        let host =
            command_functions(&"host".parse().unwrap(), &Manifest::default(), &[program("a")], &[]);
        assert_eq!(host.unwrap()[0].1.name.as_str(), NAME);
        assert!(functions("[functions.orders.limits]\n", &[], &["orders"]).unwrap().is_empty());
    }

    #[test]
    fn tables_say_which_command_answers_where() {
        let text = "[functions.count]\nmodule = \"bin/wc.wasm\"\nroute = \"count\"\nmethods = [\"POST\"]\n[functions.all]\nmodule = \"a.wasm\"\n[functions.more]\nmodule = \"a.wasm\"\nroute = \"more\"\n";
        let found = functions(text, &["a.wasm", "bin/wc.wasm"], &[]).unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|(index, record)| {
                let Trigger::Http(http) = &record.trigger;
                (*index, record.name.as_str(), http.route.as_str(), http.methods.as_slice())
            })
            .collect();
        let expected: [(usize, &str, &str, &[Method]); 3] = [
            (0, "all", "{*path}", &[]),
            (1, "count", "count", &[Method::Post]),
            (0, "more", "more", &[]),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_manifest_that_does_not_fit_is_refused_by_name() {
        let two = &["a.wasm", "b.wasm"][..];
        for (manifest, commands, named) in [
            (
                "[functions.orders]\nroute = \"x\"\n",
                &["a.wasm"][..],
                "functions.orders.route is for",
            ),
            ("[functions.orders]\nauth = \"anonymous\"\n", &[], "functions.orders.auth is for"),
            ("[functions.x.limits]\n", &[], "[functions.x] names a function"),
            ("[functions.x]\n", two, "needs `module` (`scriptFile`"),
            ("[functions.x]\nmodule = \"c\"\n", two, "`c`, which is no command or component"),
            ("[functions.x]\nmodule = \"b.wasm\"\n", two, "module = \"a.wasm\""),
            ("", two, "module = \"a.wasm\""),
        ] {
            let refused = functions(manifest, commands, &["orders"]).unwrap_err();
            assert!(refused.contains(named), "{manifest}: {refused}");
        }
    }
}
