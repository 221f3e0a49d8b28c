//! `steading invoke`: calls a function through the manager, as the portal's test pane does, so that
//! it works where workers cannot be reached directly.

use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use clap::Args;
use steading_protocol::api::{Function, InvokeReply, InvokeRequest};
use steading_protocol::{
    AppName, FunctionName, HttpTrigger, Method, RouteTemplate, Segment, Trigger, WorkerId,
};

use crate::client::Client;
use crate::exit::{Exit, Failure, OrExit as _};
use crate::session::ManagerArgs;
use crate::terminal;

const EXAMPLES: &str = "\
Examples:
  steading invoke hello hello
  steading invoke orders orders -d @examples/orders/sample.json
  steading invoke orders orders --path 'orders/7?full=1' -i

The exit code is 1 when the function answers with a status of 400 or more; its body is printed \
all the same.";

/// Call a function through the manager and print what it answers
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct InvokeArgs {
    /// The app
    app: AppName,
    /// The function
    function: FunctionName,
    /// The method [default: POST with --data, else GET, as far as the function answers them]
    #[arg(short = 'X', long, value_name = "METHOD")]
    method: Option<String>,
    /// The path below /api/ and the query [default: the function's route]
    #[arg(long)]
    path: Option<String>,
    /// The body; @FILE reads a file, @- stdin. JSON is sent as application/json unless -H says otherwise
    #[arg(short, long, value_name = "DATA|@FILE")]
    data: Option<String>,
    /// A header to send; may be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = parse_header)]
    headers: Vec<(String, String)>,
    /// The worker to call, by name or id [default: any that has the function ready]
    #[arg(long, value_name = "WORKER")]
    worker: Option<String>,
    /// Print the status and the headers before the body
    #[arg(short, long)]
    include: bool,
    /// Print the whole answer as JSON, the body in base64
    #[arg(long, conflicts_with = "include")]
    json: bool,
    #[command(flatten)]
    manager: ManagerArgs,
}

/// Runs the command.
pub(crate) async fn run(args: InvokeArgs) -> Result<(), Failure> {
    let client = args.manager.connect()?;
    let body = args.data.as_deref().map(read_data).transpose()?;
    let functions = client.functions(&args.app).await?;
    let function = functions.iter().find(|function| function.spec.name == args.function);
    let function = function.ok_or_else(|| unknown(&args, &functions))?;
    let request = request(&args, function, body.as_deref(), worker(&client, &args).await?)?;
    let reply = client.invoke(&args.app, &args.function, &request).await?;
    show(&reply, &args)?;
    if reply.status >= 400 {
        let message =
            format!("{}/{} answered {}", args.app, args.function, status_text(reply.status));
        return Err(Failure::new(Exit::Other, message));
    }
    Ok(())
}

fn unknown(args: &InvokeArgs, functions: &[Function]) -> Failure {
    let names: Vec<_> = functions.iter().map(|function| function.spec.name.as_str()).collect();
    let (app, function, names) = (&args.app, &args.function, names.join(", "));
    Failure::new(Exit::Data, format!("app `{app}` has no function `{function}`; it has: {names}"))
}

fn request(
    args: &InvokeArgs,
    function: &Function,
    body: Option<&[u8]>,
    worker: Option<WorkerId>,
) -> Result<InvokeRequest, Failure> {
    let Trigger::Http(http) = &function.spec.trigger;
    let path = match &args.path {
        Some(path) => path.strip_prefix("/api").unwrap_or(path).trim_start_matches('/').to_owned(),
        None => path_of_route(&http.route).ok_or_else(|| path_needed(args, http))?,
    };
    let mut headers = args.headers.clone();
    let typed = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    if !typed && body.is_some_and(is_json) {
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
    }
    Ok(InvokeRequest {
        worker,
        method: args.method.clone().unwrap_or_else(|| method(http, body.is_some()).to_owned()),
        path,
        headers,
        body_base64: BASE64_STANDARD.encode(body.unwrap_or_default()),
    })
}

fn path_needed(args: &InvokeArgs, http: &HttpTrigger) -> Failure {
    let message = format!(
        "function `{}` answers on `{}`; fill in the parameters with --path",
        args.function, http.route
    );
    Failure::new(Exit::Usage, message)
}

/// The path that a route matches without anything being filled in; none when it needs a parameter.
fn path_of_route(route: &RouteTemplate) -> Option<String> {
    let parts = route.segments().iter().filter_map(|segment| match segment {
        Segment::Literal(text) => Some(Some(text.as_str())),
        Segment::Optional(_) | Segment::CatchAll(_) => None,
        Segment::Parameter(_) => Some(None),
    });
    Some(parts.collect::<Option<Vec<_>>>()?.join("/"))
}

/// The method to call with when none is named.
fn method(http: &HttpTrigger, with_body: bool) -> &'static str {
    let wanted = if with_body { Method::Post } else { Method::Get };
    match http.methods.first() {
        Some(first) if !http.methods.contains(&wanted) => first.as_str(),
        _ => wanted.as_str(),
    }
}

fn is_json(body: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok()
}

fn read_data(data: &str) -> Result<Vec<u8>, Failure> {
    let Some(path) = data.strip_prefix('@') else {
        return Ok(data.as_bytes().to_vec());
    };
    if path == "-" {
        let mut body = vec![];
        std::io::stdin().lock().read_to_end(&mut body).context("cannot read stdin")?;
        return Ok(body);
    }
    std::fs::read(Path::new(path))
        .with_context(|| format!("cannot read {path}"))
        .or_exit(Exit::Data)
}

fn parse_header(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        }
        _ => Err("write it as `name: value`".to_owned()),
    }
}

/// The worker that is meant, looked up because people know names and the API takes ids.
async fn worker(client: &Client, args: &InvokeArgs) -> Result<Option<WorkerId>, Failure> {
    let Some(wanted) = &args.worker else { return Ok(None) };
    let workers = client.status().await?.workers;
    let found = workers.iter().find(|w| w.worker.as_str() == wanted || w.name == *wanted);
    match found {
        Some(worker) => Ok(Some(worker.worker.clone())),
        None => Err(Failure::new(Exit::Data, format!("there is no worker `{wanted}`"))),
    }
}

fn show(reply: &InvokeReply, args: &InvokeArgs) -> anyhow::Result<()> {
    if args.json {
        return terminal::json(reply);
    }
    if args.include {
        let mut head = format!("{}\n", status_text(reply.status));
        for (name, value) in &reply.headers {
            head += &format!("{name}: {value}\n");
        }
        terminal::line(head)?;
    }
    let body = BASE64_STANDARD.decode(&reply.body_base64);
    terminal::print(body.context("the manager's answer holds a body that is not base64")?)
}

fn status_text(status: u16) -> String {
    reqwest::StatusCode::from_u16(status).map_or(status.to_string(), |status| status.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_without_required_parameters_is_a_path() {
        let path = |route: &str| path_of_route(&route.parse().unwrap());
        assert_eq!(path("orders/{id?}").as_deref(), Some("orders"));
        assert_eq!(path("").as_deref(), Some(""));
        assert_eq!(path("a/B/c").as_deref(), Some("a/B/c"));
        assert_eq!(path("orders/{id}"), None);
        assert_eq!(path("files/{*rest}").as_deref(), Some("files"));
    }

    #[test]
    fn the_method_is_one_that_the_function_answers() {
        let http = |methods: &str| -> HttpTrigger {
            let json = format!(r#"{{"route":"a","methods":{methods},"auth":"anonymous"}}"#);
            serde_json::from_str(&json).unwrap()
        };
        assert_eq!(method(&http("[]"), false), "GET");
        assert_eq!(method(&http("[]"), true), "POST");
        assert_eq!(method(&http(r#"["POST","GET"]"#), false), "GET");
        assert_eq!(method(&http(r#"["PUT"]"#), true), "PUT");
    }

    #[test]
    fn headers_are_written_as_name_and_value() {
        assert_eq!(parse_header("X-A:  b: c ").unwrap(), ("x-a".into(), "b: c".into()));
        assert!(parse_header("no colon").is_err() && parse_header(": x").is_err());
    }

    #[test]
    fn data_is_text_or_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("body");
        std::fs::write(&path, [0, 255]).unwrap();
        assert_eq!(read_data("{}").unwrap(), b"{}");
        assert_eq!(read_data(&format!("@{}", path.display())).unwrap(), [0, 255]);
        assert_eq!(read_data("@/does/not/exist").unwrap_err().code(), 65);
        assert!(is_json(b"{\"a\": 1}") && !is_json(b"plain text"));
    }
}
