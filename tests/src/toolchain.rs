//! Toolchains that are not ours and that a machine may not have: what each needs, and whether it is there.

use std::path::Path;

use crate::repository;

/// Set to `1` where a missing toolchain is a failure, as in CI.
const REQUIRE: &str = "STEADING_REQUIRE_TOOLCHAINS";

/// A toolchain.
#[derive(Debug)]
pub struct Toolchain {
    needs: &'static [Need],
}

/// One thing that a toolchain is made of.
#[derive(Debug)]
struct Need {
    place: Place,
    /// How to come by it.
    install: &'static str,
}

#[derive(Debug)]
enum Place {
    /// A program in one of the folders of `PATH`.
    Program(&'static str),
    /// A file, by its absolute path or the one in the repository.
    File(&'static str),
}

/// C for WASI as a user of Debian has it: the compiler, its linker for wasm, the library, and the compiler's own part
/// of it.
pub const CLANG: Toolchain = Toolchain {
    needs: &[
        Need { place: Place::Program("clang"), install: "apt-get install clang" },
        Need { place: Place::Program("wasm-ld"), install: "apt-get install lld" },
        Need {
            place: Place::File("/usr/include/wasm32-wasi/stdio.h"),
            install: "apt-get install wasi-libc libclang-rt-dev-wasm32",
        },
    ],
};

impl Toolchain {
    /// Whether all of it is there. Says `SKIPPED: why` where it is not, and panics where the environment
    /// promises it.
    pub fn is_there(&self) -> bool {
        let Some(missing) = self.needs.iter().find(|need| !need.place.is_there()) else {
            return true;
        };
        let required = std::env::var(REQUIRE).is_ok_and(|value| value == "1");
        assert!(!required, "{REQUIRE} is set and there is no {:?}", missing.place);
        println!("SKIPPED: there is no {:?}; `{}` brings it", missing.place, missing.install);
        false
    }
}

impl Place {
    fn is_there(&self) -> bool {
        match self {
            Self::File(path) => repository().join(path).exists(),
            Self::Program(name) => std::env::var_os("PATH").is_some_and(|path| {
                std::env::split_paths(&path).any(|folder| Path::new(&folder).join(name).is_file())
            }),
        }
    }
}
