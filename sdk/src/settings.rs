//! Settings of the app, secrets among them: set in the portal, with `steading settings`, or over the API, and
//! changed without a publish. The app's manifest names them (`settings = ["CURRENCY"]` under `[grants]`);
//! the function finds them as environment variables, in native tests too.
//!
//! ```
//! let currency = steading::settings::get("CURRENCY").unwrap_or_else(|| "EUR".to_owned());
//! # assert_eq!(currency, "EUR");
//! ```

use crate::{Problem, log};

/// The value of a setting; `None` when it is not set, or the manifest does not name it.
pub fn get(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The value of a setting without which the function cannot do its work: when it is not set, the log says
/// which one it was, and the caller gets status 500.
pub fn require(name: &str) -> Result<String, crate::Error> {
    get(name).ok_or_else(|| {
        log::error(format!("the setting {name} is not set, or the manifest does not name it"));
        Problem::of_status(500).detail("the function is not set up").into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_setting_is_told_to_the_log_and_not_to_the_caller() {
        assert_eq!(get("STEADING_TEST_NOT_SET"), None);
        let error = require("STEADING_TEST_NOT_SET").unwrap_err();
        assert_eq!((error.status(), error.message()), (500, "the function is not set up"));
    }
}
