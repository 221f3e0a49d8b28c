//! The form of the test pane, and the call that it makes. Calls go through the manager, so that a
//! browser needs no way to the workers and functions need no CORS. Pure: the call itself is the
//! API's `invoke`.

use askama::Template;
use axum::body::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::IgnoredAny;
use steading_protocol::api::InvokeRequest;
use steading_protocol::{AppName, WorkerId};

use super::function::FunctionView;
use super::multipart::MultipartForm;

/// The form.
#[derive(Template)]
#[template(path = "test_pane.html")]
pub(crate) struct TestPane {
    csrf: String,
    app: AppName,
    choices: Vec<FunctionView>,
    /// Ids and names of the workers to choose from.
    workers: Vec<(WorkerId, String)>,
    methods: Vec<&'static str>,
    call: TestCall,
    /// The rendered answer, when the page comes back without scripts.
    result: Option<String>,
}

/// What the form sends.
#[derive(Clone, Debug, Default)]
pub(crate) struct TestCall {
    pub(crate) function: String,
    /// Empty: any worker that has it ready.
    pub(crate) worker: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: String,
    pub(crate) body: String,
    /// A file to send instead of `body`, with its content type.
    pub(crate) file: Option<(String, Bytes)>,
}

impl TestPane {
    /// The form as it first stands: the first function, its first method and its route.
    pub(crate) fn new(
        csrf: String,
        app: AppName,
        choices: Vec<FunctionView>,
        workers: Vec<(WorkerId, String)>,
    ) -> Self {
        let first = choices.first();
        let methods = first.map_or_else(Vec::new, |choice| choice.methods.clone());
        let call = TestCall {
            function: first.map_or_else(String::new, |choice| choice.name.clone()),
            path: first.map_or_else(String::new, |choice| choice.path.clone()),
            ..TestCall::default()
        };
        Self { csrf, app, choices, workers, methods, call, result: None }
    }

    /// The functions to choose from.
    pub(crate) fn choices(&self) -> &[FunctionView] {
        &self.choices
    }

    /// The form as it was sent, with what came of it.
    #[must_use]
    pub(crate) fn answered(mut self, call: TestCall, result: String) -> Self {
        if let Some(choice) = self.choices.iter().find(|choice| choice.name == call.function) {
            self.methods.clone_from(&choice.methods);
        }
        Self { call, result: Some(result), ..self }
    }
}

impl From<MultipartForm> for TestCall {
    fn from(mut form: MultipartForm) -> Self {
        Self {
            function: form.take("function"),
            worker: form.take("worker"),
            method: form.take("method"),
            path: form.take("path"),
            headers: form.take("headers"),
            body: form.take("body"),
            file: form.file.map(|file| (file.content_type, file.bytes)),
        }
    }
}

impl TestCall {
    /// The call as the API takes it, or a sentence that says what to correct.
    pub(crate) fn request(&self) -> Result<InvokeRequest, String> {
        let path = self.path.trim().trim_start_matches('/');
        if let Some(start) = path.find('{') {
            let name = path[start..].split('/').next().unwrap_or_default();
            return Err(format!("Put a value in the place of {name} in the path."));
        }
        let worker = match self.worker.as_str() {
            "" => None,
            id => Some(id.parse().map_err(|_| "There is no such worker.".to_owned())?),
        };
        let mut headers = self.headers()?;
        // Browsers send the lines of a text field with CRLF; what was typed has LF.
        let text = self.body.replace("\r\n", "\n");
        let (kind, body) = match &self.file {
            Some((kind, bytes)) => (Some(kind.as_str()), bytes.as_ref()),
            None => (text_kind(&text), text.as_bytes()),
        };
        let stated = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        if let (Some(kind), false) = (kind, stated) {
            headers.push(("content-type".into(), kind.into()));
        }
        Ok(InvokeRequest {
            worker,
            method: self.method.clone(),
            path: path.to_owned(),
            headers,
            body_base64: STANDARD.encode(body),
        })
    }

    fn headers(&self) -> Result<Vec<(String, String)>, String> {
        let lines = self.headers.lines().map(str::trim).filter(|line| !line.is_empty());
        let parse = |line: &str| match line.split_once(':') {
            Some((name, value)) => Ok((name.trim().to_owned(), value.trim().to_owned())),
            None => Err(format!("The header line “{line}” has no colon.")),
        };
        lines.map(parse).collect()
    }
}

/// The content type of a typed body; none when there is no body.
fn text_kind(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        return None;
    }
    let is_json = serde_json::from_str::<IgnoredAny>(text).is_ok();
    Some(if is_json { "application/json" } else { "text/plain; charset=utf-8" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(path: &str, headers: &str, body: &str) -> TestCall {
        TestCall {
            method: "POST".into(),
            path: path.into(),
            headers: headers.into(),
            body: body.into(),
            ..TestCall::default()
        }
    }

    #[test]
    fn a_typed_body_gets_its_content_type_and_its_own_line_ends() {
        let request = call("/orders?full=1", "accept: */*\r\n\r\n", "[1,\r\n2]").request().unwrap();
        assert_eq!(request.path, "orders?full=1");
        let headers: Vec<_> = request.headers.iter().map(|(n, v)| (&**n, &**v)).collect();
        assert_eq!(headers, [("accept", "*/*"), ("content-type", "application/json")]);
        assert_eq!(STANDARD.decode(request.body_base64).unwrap(), b"[1,\n2]");

        let request = call("orders", "Content-Type: text/csv", "a,b").request().unwrap();
        assert_eq!(request.headers, [("Content-Type".to_owned(), "text/csv".to_owned())]);
        assert!(call("orders", "", "").request().unwrap().headers.is_empty());
    }

    #[test]
    fn a_file_goes_before_a_typed_body() {
        let png = ("image/png".to_owned(), Bytes::from_static(b"\x89PNG"));
        let call = TestCall { file: Some(png), ..call("thumbnail", "", "typed") };
        let request = call.request().unwrap();
        assert_eq!(request.headers, [("content-type".to_owned(), "image/png".to_owned())]);
        assert_eq!(request.body_base64, "iVBORw==");
    }

    #[test]
    fn what_is_missing_is_said() {
        let error = call("orders/{id}/items", "", "").request().unwrap_err();
        assert_eq!(error, "Put a value in the place of {id} in the path.");
        let error = call("orders", "accept", "").request().unwrap_err();
        assert_eq!(error, "The header line “accept” has no colon.");
    }
}
