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
