//! What is different on Windows and cannot be seen under Wine, by name.

use steading_tests::{repository, run};

use super::wine;

/// What a real Windows has to be asked, each with what Wine does instead. The names stand in
/// docs/windows.md as well.
const UNVERIFIED: [(&str, &str); 12] = [
    ("mapped code files", "Wine refuses to map a file as executable, so code is read"),
    ("files that are mapped cannot be deleted", "nothing is mapped, so nothing is in the way"),
    ("memory cap of a job object", "Wine takes the limit and does not enforce it"),
    ("processor cap of a job object", "Wine refuses it, and so does the worker"),
    ("one process in a job object", "Wine takes the limit and does not enforce it"),
    ("Ctrl-Break, close, logoff and shutdown", "Wine without a console delivers Ctrl-C alone"),
    ("grace time of Windows", "Wine never ends a process whose handler has not returned"),
    ("a port that two processes want", "Linux decides, which gives a port to one process"),
    ("ports that Windows reserves", "Linux reserves none"),
    ("paths over 260 characters", "Wine takes them from every program"),
    ("speed", "memory, fibers and sockets are those of Linux"),
    ("memory", "Wine keeps a byte for each reserved page, a gigabyte for the default pool"),
];

#[test]
fn what_wine_cannot_stand_for_is_printed_and_in_the_docs() {
    let page = std::fs::read_to_string(repository().join("docs/windows.md")).expect("it is there");
    for (name, instead) in UNVERIFIED {
        println!("NOT VERIFIED UNDER WINE: {name}: {instead}");
        assert!(page.contains(&format!("| {name} |")), "docs/windows.md does not list `{name}`");
    }
    run(async {
        let wine = wine!();
        let version = steading_tests::Steading::at(wine.steading()).args(["--version"]);
        let version = version.ended().await.succeeded();
        assert!(version.stdout.starts_with("steading "), "{version}");
    });
}
