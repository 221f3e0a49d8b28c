//! The keys of an ADO connection string that the driver reads but does not give back: which
//! database, which login. Follows the driver's rules, which are those of ADO and `{…}` for quotes;
//! what is malformed in them the driver refuses, so here it only has to be read the same way.

/// The pairs of a connection string; keys are lower-case.
pub(super) struct Pairs(Vec<(String, String)>);

impl Pairs {
    pub(super) fn read(text: &str) -> Self {
        let mut pairs = vec![];
        let mut rest = text.trim_start_matches([';', ' ', '\t', '\r', '\n']);
        while let Some((key, after)) = rest.split_once('=') {
            let (value, after) = value(after.trim_start());
            pairs.push((key.trim().to_lowercase(), value));
            rest = after.trim_start_matches([';', ' ', '\t', '\r', '\n']);
        }
        Self(pairs)
    }

    /// The value of the first of these keys that is there.
    pub(super) fn get(&self, keys: &[&str]) -> Option<&str> {
        // A key that is given twice counts the last time, as in ADO.
        keys.iter().find_map(|key| {
            self.0.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
        })
    }

    /// Whether the value of the first of these keys says yes.
    pub(super) fn is_on(&self, keys: &[&str]) -> bool {
        let value = self.get(keys).unwrap_or_default().trim().to_lowercase();
        ["true", "yes", "sspi"].contains(&&*value)
    }
}

/// The value at the start of a text, and what comes after it.
fn value(text: &str) -> (String, &str) {
    let quote = match text.chars().next() {
        Some(quote @ ('\'' | '"')) => quote,
        Some('{') => {
            let inner = &text[1..];
            let (inner, after) = inner.split_once('}').unwrap_or((inner, ""));
            return (inner.to_owned(), after);
        }
        _ => {
            let (value, after) = text.split_once(';').unwrap_or((text, ""));
            return (value.trim().to_owned(), after);
        }
    };
    let mut value = String::new();
    let mut inner = text[1..].char_indices().peekable();
    while let Some((at, character)) = inner.next() {
        if character != quote {
            value.push(character);
        } else if inner.next_if(|(_, next)| *next == quote).is_some() {
            value.push(quote);
        } else {
            return (value, &text[1 + at + quote.len_utf8()..]);
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_whatever_their_case_and_quotes() {
        let text = "Server=tcp:db,1433; Password='a;Database=x''=' ;User Id = \"st\"\"ea\";;\n\
                    DATABASE={one;two};Encrypt=Yes";
        let pairs = Pairs::read(text);
        assert_eq!(pairs.get(&["password", "pwd"]), Some("a;Database=x'="));
        assert_eq!(pairs.get(&["uid", "user id"]), Some("st\"ea"));
        assert_eq!(pairs.get(&["database"]), Some("one;two"));
        assert!(pairs.is_on(&["encrypt"]) && !pairs.is_on(&["integrated security"]));
        assert!(tiberius::Config::from_ado_string(text).is_ok(), "the driver takes it, too");
    }

    #[test]
    fn a_value_may_hold_the_sign_and_a_key_may_come_twice() {
        let pairs = Pairs::read("pwd=Zm9v==;database=a;database=b");
        assert_eq!((pairs.get(&["pwd"]), pairs.get(&["database"])), (Some("Zm9v=="), Some("b")));
        assert_eq!(Pairs::read("").get(&["database"]), None);
        assert_eq!(Pairs::read("x='open").get(&["x"]), Some("open"));
    }
}
