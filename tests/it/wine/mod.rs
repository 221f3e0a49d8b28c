//! The Windows binary under Wine. `STEADING_WINDOWS_BINARY` names it; without it, Wine or a compiler for Windows
//! these tests say `SKIPPED` and why, and with `STEADING_REQUIRE_WINE=1` they fail.
//!
//! What Wine cannot stand for is in one table ([`unverified`]), which is printed and held against
//! docs/windows.md.

mod caps;
mod guests;
mod roles;
mod unverified;
mod worker;

/// A small pool, for most workers here: Wine keeps a byte for each page that is reserved, which for the 4 TiB of
/// the default pool is a gigabyte to fill. Windows has no such table.
const SMALL_POOL: &str = "[engine]\ninstances_max = 50\n";

/// The Windows binary, or the end of the test where it cannot be run.
macro_rules! wine {
    () => {
        match steading_tests::Wine::wanted().await {
            Some(wine) => wine,
            None => return,
        }
    };
}
use wine;
