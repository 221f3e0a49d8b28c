//! One function as people read it. Pure.

use steading_protocol::api::Function;
use steading_protocol::{AuthLevel, Limits, Method, Segment, Trigger};

use super::view::bytes;

/// One function as people read it.
pub(crate) struct FunctionView {
    pub(crate) name: String,
    /// The methods to choose from.
    pub(crate) methods: Vec<&'static str>,
    /// Whether it answers all of them because it names none.
    pub(crate) any_method: bool,
    pub(crate) route: String,
    /// Where a first test would go: the route without what may be left out.
    pub(crate) path: String,
    pub(crate) auth: String,
    pub(crate) limits: String,
    pub(crate) urls: Vec<String>,
}

impl FunctionView {
    pub(crate) fn new(function: &Function) -> Self {
        let Trigger::Http(http) = &function.spec.trigger;
        let methods = if http.methods.is_empty() { &ALL_METHODS[..] } else { &http.methods };
        Self {
            name: function.spec.name.to_string(),
            any_method: http.methods.is_empty(),
            methods: methods.iter().map(|method| method.as_str()).collect(),
            route: http.route.to_string(),
            path: first_path(http.route.segments()),
            auth: access(http.auth).to_owned(),
            limits: limits(&function.spec.limits),
            urls: function.urls.clone(),
        }
    }

    /// How many addresses there are beside the first.
    pub(crate) fn more_urls(&self) -> String {
        match self.urls.len() {
            2 => "1 more address".into(),
            count => format!("{} more addresses", count.saturating_sub(1)),
        }
    }
}

/// What a function that names no method answers.
const ALL_METHODS: [Method; 7] = [
    Method::Get,
    Method::Post,
    Method::Put,
    Method::Patch,
    Method::Delete,
    Method::Head,
    Method::Options,
];

fn first_path(segments: &[Segment]) -> String {
    let part = |segment: &Segment| match segment {
        Segment::Literal(text) => Some(text.clone()),
        Segment::Parameter(name) => Some(format!("{{{name}}}")),
        Segment::Optional(_) | Segment::CatchAll(_) => None,
    };
    segments.iter().filter_map(part).collect::<Vec<_>>().join("/")
}

fn access(level: AuthLevel) -> &'static str {
    match level {
        AuthLevel::Anonymous => "open to everyone",
        AuthLevel::Function => "needs a function key",
        AuthLevel::Admin => "needs the master key",
    }
}

fn limits(limits: &Limits) -> String {
    let memory = bytes(limits.memory_bytes_max);
    let ms = limits.deadline_ms_max;
    let time =
        if ms.is_multiple_of(1000) { format!("{} s", ms / 1000) } else { format!("{ms} ms") };
    format!("at most {memory} and {time}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portal::sample;

    #[test]
    fn a_function_reads_in_words() {
        let view = FunctionView::new(&sample::function());
        assert_eq!(view.path, "orders/{id}/items");
        assert_eq!(view.limits, "at most 128 MiB and 30 s");
        assert_eq!(view.auth, "open to everyone");
        assert_eq!(view.more_urls(), "1 more address");
        assert!(view.any_method);
        assert_eq!(view.methods.len(), ALL_METHODS.len());
    }
}
