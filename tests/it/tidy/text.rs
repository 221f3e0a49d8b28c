//! What every source file owes its reader, and a ratchet on length: the numbers below only go
//! down. A file or function in a table must be at most as long as it says, and an entry that is no
//! longer needed or too generous fails as well.

use std::collections::BTreeMap;

use steading_tests::repository;
use steading_tests::source::{Source, sources};

/// Lines of a file, without its inline tests, past which it has a second noun in it.
const FILE_LINES_MAX: usize = 250;

/// Files that are longer.
const LONG_FILES: &[(&str, usize)] = &[];

/// Lines of a function, past which it does a second thing.
const FUNCTION_LINES_MAX: usize = 50;

/// Functions that are longer, as `path::name`.
const LONG_FUNCTIONS: &[(&str, usize)] = &[("manager/tests/it/publish.rs::refusals", 53)];

/// Words that mean "not finished". Put together here, so that this file is not a case of them.
const UNFINISHED: [&str; 8] = [
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("dbg", "!("),
    concat!("#[", "ignore"),
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("HA", "CK"),
];

/// Sources that are wrong on purpose, to see what the compiler says of them.
fn is_specimen(source: &Source) -> bool {
    source.path.starts_with("sdk/tests/macro/")
}

fn checked() -> impl Iterator<Item = Source> {
    sources().into_iter().filter(|source| !is_specimen(source))
}

#[test]
fn every_file_says_first_what_it_is() {
    let silent: Vec<String> =
        checked().filter(|source| !source.has_module_doc()).map(|source| source.path).collect();
    assert!(silent.is_empty(), "no `//!` at the top of {silent:#?}");
}

#[test]
fn nothing_is_left_unfinished_or_ignored() {
    let found = checked().flat_map(|source| {
        let lines = source.text.lines().enumerate().filter_map(|(index, line)| {
            let word = UNFINISHED.iter().find(|word| line.contains(**word))?;
            Some(format!("{}:{}: {word}", source.path, index + 1))
        });
        lines.collect::<Vec<_>>()
    });
    let found: Vec<String> = found.collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn no_file_grows_past_its_limit() {
    let lengths = checked().map(|source| (source.path.clone(), source.lines()));
    assert_ratchet("file", FILE_LINES_MAX, LONG_FILES, &lengths.collect());
}

#[test]
fn no_function_grows_past_its_limit() {
    let mut lengths: BTreeMap<String, usize> = BTreeMap::new();
    for source in checked() {
        for function in source.functions() {
            let longest = lengths.entry(format!("{}::{}", source.path, function.name)).or_default();
            *longest = function.lines.max(*longest);
        }
    }
    assert_ratchet("function", FUNCTION_LINES_MAX, LONG_FUNCTIONS, &lengths);
}

fn assert_ratchet(
    kind: &str,
    lines_max: usize,
    longer: &[(&str, usize)],
    lengths: &BTreeMap<String, usize>,
) {
    let mut faults = vec![];
    for (name, lines) in lengths {
        let allowed =
            longer.iter().find(|(long, _)| long == name).map_or(lines_max, |(_, max)| *max);
        if *lines > allowed {
            faults.push(format!("{name} has {lines} lines; {allowed} are allowed"));
        }
    }
    for (name, allowed) in longer {
        match lengths.get(*name) {
            None => faults.push(format!("there is no {kind} {name}: take it out of the table")),
            Some(lines) if *lines <= lines_max => {
                faults.push(format!("{name} is no longer long: take it out of the table"));
            }
            Some(lines) if lines < allowed => {
                faults.push(format!("{name} has only {lines} lines: write that into the table"));
            }
            Some(_) => {}
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn vendored_htmx_has_its_licence_beside_it() {
    let vendored = steading_tests::source::files(&repository().join("manager"), "js");
    let htmx = vendored.iter().find(|path| path.to_string_lossy().contains("htmx"));
    let folder = htmx.and_then(|path| path.parent()).expect("htmx is vendored in the manager");
    let mut files = std::fs::read_dir(folder).expect("the folder can be listed").flatten();
    let licence = files.find(|file| {
        let name = file.file_name().to_string_lossy().to_ascii_lowercase();
        name.contains("htmx") && name.contains("licen") || name.starts_with("licen")
    });
    let licence = licence.expect("there is a licence beside it");
    let text = std::fs::read_to_string(licence.path()).expect("the licence is text");
    assert!(text.contains("Zero-Clause BSD") || text.contains("BSD"), "{text}");
}
