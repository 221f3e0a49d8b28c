//! Where in a JSON text something went wrong, as a path such as `items[1].quantity`. serde_json
//! says line and column; people think in fields. Runs only after an error. Not chosen: a
//! deserialiser that tracks the path as it goes, which costs every good request and compiles every
//! type twice. Invariant: never panics and never loops, whatever the bytes are.

/// One step of nesting.
enum Step {
    /// In an object, with the key last seen; none before the first.
    Key(Option<String>),
    /// In a list, at this item.
    Item(usize),
}

/// The path of the value that ends or stands at this place (both counted from 1, the column in
/// bytes, as serde_json counts); empty at the top.
pub(crate) fn at(json: &[u8], line: usize, column: usize) -> String {
    let lines_before = json.split_inclusive(|b| *b == b'\n').take(line.saturating_sub(1));
    let end = (lines_before.map(<[u8]>::len).sum::<usize>() + column).min(json.len());
    render(&steps(&json[..end]))
}

fn steps(json: &[u8]) -> Vec<Step> {
    let mut steps = vec![];
    let mut expects_key = false;
    let mut at = 0;
    while let Some(byte) = json.get(at) {
        at += 1;
        match byte {
            // A bracket at the very place of the error belongs to the value at fault, which is the
            // list or object itself.
            b'{' if at < json.len() => steps.push(Step::Key(None)),
            b'[' if at < json.len() => steps.push(Step::Item(0)),
            b'}' | b']' if at < json.len() => drop(steps.pop()),
            b'}' => forget_key(&mut steps),
            b',' => {
                if let Some(Step::Item(index)) = steps.last_mut() {
                    *index += 1;
                }
            }
            b'"' => {
                let text = &json[at..string_end(json, at)];
                at = (at + text.len() + 1).min(json.len());
                if expects_key && let Some(Step::Key(key)) = steps.last_mut() {
                    *key = Some(key_text(text));
                }
            }
            _ => {}
        }
        expects_key = match byte {
            b'{' | b',' => true,
            b' ' | b'\t' | b'\n' | b'\r' => expects_key,
            _ => false,
        };
    }
    steps
}

/// An object at whose end the error stands misses something: the path is the object's own.
fn forget_key(steps: &mut [Step]) {
    if let Some(Step::Key(key)) = steps.last_mut() {
        *key = None;
    }
}

/// The index of the closing quote, or the end of the text.
fn string_end(json: &[u8], mut at: usize) -> usize {
    while let Some(byte) = json.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    json.len()
}

fn key_text(raw: &[u8]) -> String {
    let quoted = [b"\"", raw, b"\""].concat();
    serde_json::from_slice(&quoted).unwrap_or_else(|_| String::from_utf8_lossy(raw).into_owned())
}

fn render(steps: &[Step]) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Key(None) => {}
            Step::Key(Some(key)) if path.is_empty() => path.push_str(key),
            Step::Key(Some(key)) => path.extend([".", key]),
            Step::Item(index) => path.push_str(&format!("[{index}]")),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    struct Order {
        customer: String,
        items: Vec<Item>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Item {
        sku: String,
        quantity: u8,
    }

    fn path_of_error(json: &str) -> String {
        let error = serde_json::from_str::<Order>(json).unwrap_err();
        at(json.as_bytes(), error.line(), error.column())
    }

    #[test]
    fn the_field_at_fault_is_named() {
        let cases = [
            (r#"{"customer": 7, "items": []}"#, "customer"),
            (r#"{"customer": "a", "items": {}}"#, "items"),
            (
                r#"{"customer": "a", "items": [{"sku": "x", "quantity": 1}, {"sku": "y", "quantity": "two"}]}"#,
                "items[1].quantity",
            ),
            (
                "{\n\"customer\": \"a\",\n\"items\": [\n{\"sku\": \"x\", \"quantity\": 300}]}",
                "items[0].quantity",
            ),
            (r#"{"customer": "a", "items": [{"sku": "x"}]}"#, "items[0]"),
            (r#"{"customer": "{\"[,", "items": [null]}"#, "items[0]"),
            (r#"{"customer": "a", "items": [{"sku": [7]}]}"#, "items[0].sku"),
            (r#"{"customer": {}, "items": []}"#, "customer"),
            (r#"{"customer": "a", "items": [{"sku": "x", "size": 1}]}"#, "items[0].size"),
            (r#"{"customer": "a", "items": [], "items": []}"#, "items"),
            (r#"{"customer": "a"}"#, ""),
            ("7", ""),
        ];
        for (json, path) in cases {
            assert_eq!(path_of_error(json), path, "{json}");
        }
    }

    #[test]
    fn broken_texts_and_places_do_no_harm() {
        for json in ["", "\"", "\"\\", "]]}}", "{\"a", "[[[,,,", "{\"\\u12\":"] {
            for column in 0..12 {
                at(json.as_bytes(), 1, column);
                at(json.as_bytes(), 9, column);
            }
        }
    }
}
