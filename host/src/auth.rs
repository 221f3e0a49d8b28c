//! May this caller run this function? Nothing is allowed that is not named here: function and
//! master keys do not exist yet, so a function that asks for one cannot be called at all.

use steading_protocol::AuthLevel;

/// A caller who did not show what the function asks for.
#[derive(Debug, thiserror::Error)]
#[error("the function asks for a {0} key")]
pub(crate) struct Unauthorized(AuthLevel);

/// Checks a caller against the function's level.
pub(crate) fn check(level: AuthLevel) -> Result<(), Unauthorized> {
    match level {
        AuthLevel::Anonymous => Ok(()),
        AuthLevel::Function | AuthLevel::Admin => Err(Unauthorized(level)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_anonymous_functions_can_be_called_without_keys() {
        assert!(check(AuthLevel::Anonymous).is_ok());
        assert!(check(AuthLevel::Function).is_err());
        assert!(check(AuthLevel::Admin).is_err());
    }
}
