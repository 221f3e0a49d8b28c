//! The Nomad jobs: HCL, in which only blocks and attributes occur that are listed here, each where Nomad has
//! it.

use std::collections::BTreeMap;

use hcl::{Block, Body, Expression};

use super::start::Start;
use super::{Ports, files, text};

/// What may stand in which block: attributes, and blocks. `*` is anything.
const KNOWN: [(&str, &[&str], &[&str]); 15] = [
    ("", &[], &["job"]),
    ("job", &["type"], &["constraint", "update", "group"]),
    ("constraint", &["attribute", "operator", "value"], &[]),
    ("update", &["max_parallel", "min_healthy_time", "healthy_deadline", "auto_revert"], &[]),
    ("group", &["count"], &["constraint", "network", "service", "task", "ephemeral_disk"]),
    ("ephemeral_disk", &["size", "migrate", "sticky"], &[]),
    ("network", &[], &["port"]),
    ("port", &["static", "to"], &[]),
    ("service", &["name", "port", "provider"], &["check"]),
    ("check", &["type", "path", "port", "interval", "timeout"], &[]),
    ("task", &["driver", "kill_timeout"], &["config", "env", "template", "resources"]),
    (
        "config",
        &["image", "command", "args", "ports", "cap_drop", "readonly_rootfs", "security_opt"],
        &["mount"],
    ),
    ("mount", &["type", "source", "target"], &[]),
    ("template", &["destination", "data", "env", "uid", "perms"], &[]),
    ("resources", &["cpu", "memory", "memory_max"], &[]),
];

fn jobs() -> Vec<(String, Body)> {
    let parse = |file: String| {
        let body = hcl::parse(&text(&file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        (file, body)
    };
    files("nomad", ".nomad.hcl").into_iter().map(parse).collect()
}

/// The blocks of a kind, at any depth.
fn all<'a>(body: &'a Body, kind: &str) -> Vec<&'a Block> {
    let mut found = vec![];
    for block in body.blocks() {
        if block.identifier.as_str() == kind {
            found.push(block);
        }
        found.extend(all(&block.body, kind));
    }
    found
}

fn attribute<'a>(body: &'a Body, key: &str) -> Option<&'a Expression> {
    body.attributes().find(|attribute| attribute.key.as_str() == key).map(|it| &it.expr)
}

fn string(expression: &Expression) -> String {
    match expression {
        Expression::String(text) => text.clone(),
        Expression::TemplateExpr(template) => template.to_string().trim_matches('"').to_owned(),
        other => panic!("{other:?} is no text"),
    }
}

fn strings(expression: &Expression) -> Vec<String> {
    let Expression::Array(items) = expression else { panic!("{expression:?} is no list") };
    items.iter().map(string).collect()
}

/// What Nomad puts in the place of its variables.
fn filled(at: &str, text: &str) -> String {
    const KNOWN: [(&str, &str); 9] = [
        ("${NOMAD_SECRETS_DIR}", "/secrets"),
        ("${NOMAD_TASK_DIR}", "/local"),
        ("${NOMAD_ALLOC_NAME}", "steading-worker.linux[0]"),
        ("${NOMAD_ADDR_http}", "10.0.0.7:25001"),
        ("${NOMAD_IP_http}", "10.0.0.7"),
        ("${NOMAD_PORT_http}", "25001"),
        ("${NOMAD_IP_control}", "10.0.0.7"),
        ("${NOMAD_PORT_control}", "25002"),
        ("${attr.kernel.name}", "linux"),
    ];
    let filled = KNOWN.iter().fold(text.to_owned(), |text, (key, value)| text.replace(key, value));
    assert!(!filled.contains("${"), "{at}: {filled}");
    filled
}

fn start(file: &str, task: &Block) -> Start {
    let config = all(&task.body, "config")[0];
    let args = strings(attribute(&config.body, "args").expect("arguments"));
    let args = args.iter().map(|arg| filled(file, arg)).collect();
    let mut env = BTreeMap::new();
    for block in all(&task.body, "env") {
        for attribute in block.body.attributes() {
            env.insert(attribute.key.to_string(), filled(file, &string(&attribute.expr)));
        }
    }
    for template in all(&task.body, "template") {
        let data = string(attribute(&template.body, "data").expect("data"));
        if attribute(&template.body, "env") == Some(&Expression::Bool(true)) {
            let (_, line) = data.split_once("}}").expect("a range over services");
            let (name, _) = line.split_once('=').expect("a variable");
            env.insert(name.to_owned(), "http://10.0.0.9:7070".to_owned());
        }
    }
    Start { at: file.to_owned(), args, env, ..Start::default() }
}

fn tasks() -> Vec<(String, Block)> {
    let tasks = |(file, body): (String, Body)| {
        let found: Vec<Block> = all(&body, "task").into_iter().cloned().collect();
        found.into_iter().map(move |task| (file.clone(), task))
    };
    jobs().into_iter().flat_map(tasks).collect()
}

#[test]
fn jobs_have_nothing_that_nomad_does_not_know() {
    fn check(file: &str, kind: &str, body: &Body) {
        // the variables of a task have names of their own
        if kind == "env" {
            return;
        }
        let known = KNOWN.iter().find(|(known, ..)| *known == kind);
        let (_, attributes, blocks) = known.unwrap_or_else(|| panic!("{file}: `{kind}`"));
        for attribute in body.attributes() {
            assert!(
                attributes.contains(&attribute.key.as_str()),
                "{file}: {kind}.{}",
                attribute.key
            );
        }
        for block in body.blocks() {
            let name = block.identifier.as_str();
            assert!(blocks.contains(&name), "{file}: `{name}` in `{kind}`");
            check(file, name, &block.body);
        }
    }
    let jobs = jobs();
    assert_eq!(jobs.len(), 3);
    jobs.iter().for_each(|(file, body)| check(file, "", body));
}

#[test]
fn what_tasks_start_is_taken_by_the_binary() {
    let tasks = tasks();
    assert_eq!(tasks.len(), 4, "three roles, and workers on Windows");
    for (file, task) in &tasks {
        start(file, task).assert_taken();
    }
}

#[test]
fn secrets_are_files_that_a_template_makes() {
    for (file, task) in tasks() {
        let made: Vec<String> = all(&task.body, "template")
            .into_iter()
            .map(|it| format!("/{}", string(attribute(&it.body, "destination").expect("a path"))))
            .collect();
        for (name, value) in start(&file, &task).env.iter().filter(|(k, _)| k.ends_with("_FILE")) {
            assert!(made.contains(value), "{file}: {name} is {value}, and there are {made:?}");
        }
    }
}

#[test]
fn checks_ask_where_the_role_listens_and_tasks_have_the_time_to_drain() {
    let code = Ports::of_the_code();
    let drain_s = steading_host::Config::default().server.drain_ms_max / 1000;
    for (file, body) in jobs() {
        for group in all(&body, "group") {
            let task = all(&group.body, "task")[0];
            let start = start(&file, task);
            let service = all(&group.body, "service")[0];
            let check = all(&service.body, "check")[0];
            let port = attribute(&check.body, "port").or(attribute(&service.body, "port"));
            let asked = string(port.expect("a port"));
            let is_manager = start.command() == "manager";
            assert_eq!(asked, if is_manager { "http" } else { "control" }, "{file}");
            assert_eq!(string(attribute(&check.body, "path").expect("a path")), "/ready");
            let (listen, control) = match start.command() {
                "manager" => (code.manager, None),
                "worker" => (code.worker[0], Some(code.worker[1])),
                _ => (code.gateway[0], Some(code.gateway[1])),
            };
            let inside = |name: &str| inside(group, name);
            if let Some(port) = inside("http") {
                assert_eq!(port, listen, "{file}");
                assert_eq!(inside("control"), control, "{file}");
                let all = control.map(|control| format!("0.0.0.0:{control}"));
                assert_eq!(start.flag("--control").map(str::to_owned), all, "{file}");
            }
            let kill = string(attribute(&task.body, "kill_timeout").expect("a time"));
            let kill_s: u64 = kill.trim_end_matches('s').parse().expect("seconds");
            assert!(is_manager || kill_s >= drain_s + 10, "{file}: {kill}");
        }
    }
}

/// The port inside the container; nothing where the client gives one to a plain process.
fn inside(group: &Block, name: &str) -> Option<u16> {
    let ports = all(&group.body, "port");
    let port = ports.iter().find(|port| port.labels.iter().any(|label| label.as_str() == name))?;
    let number = attribute(&port.body, "to").or(attribute(&port.body, "static"))?;
    let Expression::Number(number) = number else { panic!("{number:?}") };
    number.as_u64().and_then(|number| number.try_into().ok())
}
