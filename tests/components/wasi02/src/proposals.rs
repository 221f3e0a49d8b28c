//! What is not WASI yet and many a host has: settings (`wasi:config`), levels of the log (`wasi:logging`), and
//! key-value stores (`wasi:keyvalue`), in both drafts. The interfaces are in `../wit`.

use std::fmt::Write as _;

use wasip2::http::types::IncomingRequest;

use self::other::wasi::config::runtime;
use self::other::wasi::keyvalue as latest;
use self::other::wasi::logging::logging as unversioned;
use self::usual::wasi::config::store as config;
use self::usual::wasi::keyvalue::{atomics, batch, store};
use self::usual::wasi::logging::logging::{self, Level};
use crate::Answer;

/// The names that most toolchains have.
mod usual {
    wit_bindgen::generate!({ path: "../wit/usual", generate_all });
}

/// The later draft of key-value stores, the former one of settings, and the log without a version.
mod other {
    wit_bindgen::generate!({ path: "../wit/other", generate_all });
}

/// The settings: all, and the one that the header `name` names.
pub(crate) fn settings(request: &IncomingRequest, answer: Answer) {
    let mut text = String::new();
    for (name, value) in config::get_all().expect("settings can be had") {
        let _ = writeln!(text, "{name}={value}");
    }
    let name = header(request, "name");
    let (now, before) = (config::get(&name), runtime::get(&name));
    assert_eq!(runtime::get_all().map(|all| all.len()).ok(), Some(text.lines().count()));
    let _ = writeln!(text, "{now:?} {before:?}");
    answer.text(&text);
}

/// A record of each level, and then as many as would fill any log.
pub(crate) fn levels(detail: &str, answer: Answer) {
    for (level, word) in [
        (Level::Trace, "traced"),
        (Level::Debug, "debugged"),
        (Level::Info, "informed"),
        (Level::Warn, "warned"),
        (Level::Error, "failed"),
        (Level::Critical, "lost"),
    ] {
        logging::log(level, "orders", word);
    }
    unversioned::log(unversioned::Level::Info, "", "alone");
    for _ in 0..detail.parse().unwrap_or(0) {
        logging::log(Level::Info, "flood", &"x".repeat(1024));
    }
    answer.text("logged");
}

/// An operation on the store that the header `store` names: the same by the names that most toolchains have.
pub(crate) fn keyvalue(operation: &str, request: &IncomingRequest, answer: Answer) {
    let opened = store::open(&header(request, "store"));
    let (key, value) = (header(request, "key"), header(request, "value"));
    let text = opened.and_then(|bucket| match operation {
        "get" => bucket.get(&key).map(|value| told(value.as_deref())),
        "exists" => bucket.exists(&key).map(|exists| exists.to_string()),
        "set" => bucket.set(&key, value.as_bytes()).map(|()| "set".to_owned()),
        "delete" => bucket.delete(&key).map(|()| "deleted".to_owned()),
        "increment" => atomics::increment(&bucket, &key, value.parse().expect("a number"))
            .map(|sum| sum.to_string()),
        "list" => bucket
            .list_keys(value.parse().ok())
            .map(|page| format!("{} {:?}", page.keys.len(), page.cursor)),
        "fill" => fill(&bucket, value.parse().expect("a number")),
        "many" => many(&bucket),
        "large" => large(&bucket, value.parse().expect("a number")),
        other => Ok(format!("no operation `{other}`")),
    });
    answer.text(&text.unwrap_or_else(|error| format!("{error:?}")));
}

/// The same of the later draft, where it differs.
pub(crate) fn keyvalue_latest(operation: &str, request: &IncomingRequest, answer: Answer) {
    use latest::atomics::{Cas, CasError, increment, swap};
    use latest::store::open;
    let opened = open(&header(request, "store"));
    let (key, value) = (header(request, "key"), header(request, "value"));
    let text = opened.and_then(|bucket| match operation {
        "increment" => {
            increment(&bucket, &key, value.parse().expect("a number")).map(|sum| sum.to_string())
        }
        "list" => bucket
            .list_keys((!value.is_empty()).then_some(&*value))
            .map(|page| format!("{} {:?}", page.keys.len(), page.cursor)),
        // what somebody writes meanwhile is not overwritten, and the second try sees it
        "swap" => {
            let cas = Cas::new(&bucket, &key)?;
            let before = told(cas.current()?.as_deref());
            bucket.set(&key, b"meanwhile")?;
            let again = match swap(cas, value.as_bytes()) {
                Err(CasError::CasFailed(again)) => again,
                other => return Ok(format!("not refused: {other:?}")),
            };
            let meanwhile = told(again.current()?.as_deref());
            let swapped = swap(again, value.as_bytes()).is_ok();
            let after = told(bucket.get(&key)?.as_deref());
            Ok(format!("{before} {meanwhile} {swapped} {after}"))
        }
        "hold" => {
            let held: Result<Vec<_>, _> = (0..100).map(|_| Cas::new(&bucket, &key)).collect();
            held.map(|held| held.len().to_string())
        }
        other => Ok(format!("no operation `{other}`")),
    });
    answer.text(&text.unwrap_or_else(|error| format!("{error:?}")));
}

/// So many entries, in as few calls as may be.
fn fill(bucket: &store::Bucket, count: usize) -> Result<String, store::Error> {
    let pairs: Vec<_> = (0..count).map(|n| (format!("k{n:05}"), vec![b'x'])).collect();
    for some in pairs.chunks(1000) {
        batch::set_many(bucket, some)?;
    }
    Ok("filled".to_owned())
}

/// Entries written, read and removed together.
fn many(bucket: &store::Bucket) -> Result<String, store::Error> {
    let pairs = [("one".to_owned(), b"1".to_vec()), ("two".to_owned(), b"2".to_vec())];
    batch::set_many(bucket, &pairs)?;
    let keys: Vec<_> = ["one", "none", "two"].map(str::to_owned).into();
    let before = batch::get_many(bucket, &keys)?;
    batch::delete_many(bucket, &keys)?;
    let left = batch::get_many(bucket, &keys)?.into_iter().flatten().count();
    Ok(format!("{before:?} {left}"))
}

/// One entry of 60,000 bytes, read so often in one call.
fn large(bucket: &store::Bucket, times: usize) -> Result<String, store::Error> {
    bucket.set("large", &[b'x'; 60_000])?;
    let found = batch::get_many(bucket, &vec!["large".to_owned(); times])?;
    let bytes: usize = found.into_iter().flatten().map(|(_, value)| value.len()).sum();
    Ok(bytes.to_string())
}

fn told(value: Option<&[u8]>) -> String {
    value.map_or_else(|| "absent".to_owned(), |value| String::from_utf8_lossy(value).into_owned())
}

fn header(request: &IncomingRequest, name: &str) -> String {
    let value = request.headers().get(name).into_iter().next().unwrap_or_default();
    String::from_utf8_lossy(&value).into_owned()
}
