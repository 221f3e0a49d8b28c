//! Lists the guests under `tests/guests/src` and generates `for_each_guest!` from the list, so that
//! the test binary can demand a test for each of them at compile time. It builds no wasm.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=guests/src");
    let mut guests = vec![];
    for entry in fs::read_dir("guests/src")? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if path.extension().is_some_and(|extension| extension == "rs") && stem != "lib" {
            guests.push(stem.to_owned());
        }
    }
    guests.sort();
    let mut code = String::from(
        "/// Calls the macro `$each` once with the names of all guests of `tests/guests/src`.\n\
         #[macro_export]\nmacro_rules! for_each_guest {\n    ($each:ident) => {\n        $each!(",
    );
    for guest in &guests {
        let _ = write!(code, "{guest} ");
    }
    code.push_str(");\n    };\n}\n");
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("OUT_DIR is not set"))?;
    fs::write(Path::new(&out).join("for_each_guest.rs"), code)
}
