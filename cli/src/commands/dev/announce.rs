//! What `dev` tells its user: everything the first time, afterwards what is new. Pure text.

use std::path::{Path, PathBuf};
use std::time::Duration;

use steading_protocol::api::{Function, PublishReply};
use steading_protocol::{HttpTrigger, Method, Trigger};
use url::Url;

use crate::commands::publish::function_table;

/// A body to try the app with, when its folder has one.
const SAMPLE: &str = "sample.json";

/// Remembers what has been told.
pub(super) struct Announcement {
    dir: PathBuf,
    sign_in_url: Url,
    told: Option<String>,
}

impl Announcement {
    pub(super) fn new(dir: &Path, sign_in_url: &Url) -> Self {
        Self { dir: dir.to_owned(), sign_in_url: sign_in_url.clone(), told: None }
    }

    /// The text for a version that has become ready after this time.
    pub(super) fn of(
        &mut self,
        reply: &PublishReply,
        functions: &[Function],
        took: Duration,
    ) -> String {
        let table = function_table(functions);
        let word = if reply.created { "ready" } else { "unchanged" };
        let seconds = took.as_secs_f32();
        let head = format!("{} {} is {word} ({seconds:.1} s)\n", reply.app, reply.version);
        let first = self.told.is_none();
        if self.told.as_ref() == Some(&table) {
            return head;
        }
        let mut text = format!("\n{head}\n{table}\n");
        if first {
            text += &self.welcome(functions);
        }
        self.told = Some(table);
        text
    }

    fn welcome(&self, functions: &[Function]) -> String {
        let sample = Some(self.dir.join(SAMPLE)).filter(|path| path.is_file());
        let curl = curl(functions, sample.as_deref());
        let curl = curl.map(|line| format!("try it  {line}\n")).unwrap_or_default();
        let (portal, dir) = (&self.sign_in_url, self.dir.display());
        format!(
            "{curl}portal  {portal} (signs one browser in, once)\n\nwatching {dir}; Ctrl-C stops\n"
        )
    }
}

/// A line to paste: with the sample where a function takes one, else the first function.
fn curl(functions: &[Function], sample: Option<&Path>) -> Option<String> {
    let first = functions.first()?;
    let posted = functions.iter().find(|function| answers(http(function), Method::Post));
    if let (Some(sample), Some(function)) = (sample, posted) {
        let url = filled_in(function.urls.first()?);
        return Some(format!("curl -s {url} -d @{}", sample.display()));
    }
    let url = filled_in(first.urls.first()?);
    match http(first).methods.first() {
        Some(method) if !answers(http(first), Method::Get) => {
            Some(format!("curl -s -X {method} {url}"))
        }
        _ => Some(format!("curl -s {url}")),
    }
}

fn http(function: &Function) -> &HttpTrigger {
    let Trigger::Http(http) = &function.spec.trigger;
    http
}

fn answers(http: &HttpTrigger, method: Method) -> bool {
    http.methods.is_empty() || http.methods.contains(&method)
}

/// A URL that can be called: what is optional left out, other parameters `1`.
fn filled_in(url: &str) -> String {
    let is_optional = |part: &str| part.ends_with("?}") || part.starts_with("{*");
    let parts = url.split('/').filter(|part| !is_optional(part));
    let parts = parts.map(|part| if part.starts_with('{') { "1" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use steading_protocol::VersionNumber;

    use super::*;

    fn function(methods: &str, route: &str) -> Function {
        let module = "0".repeat(64);
        let json = format!(
            r#"{{"name":"f","module":"{module}","export":"f","limits":{{"memory_bytes_max":1,"deadline_ms_max":1,"request_body_bytes_max":1,"response_body_bytes_max":1}},
            "trigger":{{"type":"http","route":"{route}","methods":{methods},"auth":"anonymous"}},"urls":["http://127.0.0.1:7071/api/{route}"]}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn the_line_to_paste_is_one_that_the_function_answers() {
        let curl = |methods: &str, route: &str, sample| curl(&[function(methods, route)], sample);
        let url = "http://127.0.0.1:7071/api/orders";
        let get = curl(r#"["GET"]"#, "orders/{id?}", None);
        assert_eq!(get.unwrap(), format!("curl -s {url}"));
        let put = curl(r#"["PUT"]"#, "orders/{id}", None);
        assert_eq!(put.unwrap(), format!("curl -s -X PUT {url}/1"));
        let all = curl("[]", "files/{*rest}", None);
        assert_eq!(all.unwrap(), "curl -s http://127.0.0.1:7071/api/files");
        let sample = Path::new("examples/orders/sample.json");
        let posted = curl(r#"["GET","POST"]"#, "orders/{id?}", Some(sample));
        assert_eq!(posted.unwrap(), format!("curl -s {url} -d @examples/orders/sample.json"));
        assert_eq!(super::curl(&[], None), None);
    }

    #[test]
    fn only_what_is_new_is_told_again() {
        let link = "http://127.0.0.1:7070/sign-in".parse().unwrap();
        let mut announcement = Announcement::new(Path::new("app"), &link);
        let reply = PublishReply {
            app: "a".parse().unwrap(),
            version: VersionNumber(2),
            created: true,
            grants: steading_protocol::Grants::default(),
            functions: vec![],
        };
        let one = [function("[]", "one")];
        let mut of = |functions: &[Function]| announcement.of(&reply, functions, Duration::ZERO);
        let first = of(&one);
        assert!(first.contains("/api/one") && first.contains(link.as_str()), "{first}");
        assert_eq!(of(&one), "a 2 is ready (0.0 s)\n");
        let changed = of(&[function("[]", "two")]);
        assert!(changed.contains("/api/two") && !changed.contains("portal"), "{changed}");
    }
}
