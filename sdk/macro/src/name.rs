//! The rule for function names. The same rule as `FunctionName` in `steading-protocol`, which the
//! guest side does not import; a test holds the two together.

/// Why a text cannot name a function; `None` when it can.
pub(crate) fn fault(name: &str) -> Option<&'static str> {
    if name.is_empty() || name.len() > 128 {
        Some("it must be 1 to 128 characters long")
    } else if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        Some("it must begin with a letter a-z or A-Z")
    } else if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
        Some("it may only have letters a-z and A-Z, digits, `_` and `-`")
    } else if name.eq_ignore_ascii_case("host") {
        Some("`host` is reserved")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use steading_protocol::FunctionName;

    proptest! {
        #[test]
        fn the_rule_is_that_of_the_protocol(name in "[aZ1_é -]{0,5}|[hH]ost|a{127,129}") {
            prop_assert_eq!(super::fault(&name).is_none(), name.parse::<FunctionName>().is_ok());
        }
    }
}
