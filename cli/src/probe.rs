//! Asks a role how it is: `/live` or `/ready` at its control address. Judges nothing.

use std::time::Duration;

use anyhow::Context as _;
use url::Url;

/// How long a role may take to answer. One that is asked by a container platform every few seconds must not
/// have several probes waiting.
pub(crate) const ANSWER_TIME_MAX: Duration = Duration::from_secs(2);

/// What a role says of itself is a line; of anything else that answers, no more is shown.
const TEXT_BYTES_MAX: usize = 200;

/// What came back.
#[derive(Debug)]
pub(crate) enum Answer {
    /// An HTTP answer.
    Told(Told),
    /// Nobody listens there.
    Nobody,
    /// Whoever listens did not answer as HTTP, or not in time; says what went wrong.
    Silent(String),
}

/// An HTTP answer.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) status: u16,
    /// The beginning of the body, one line.
    pub(crate) text: String,
    /// The `Date` header.
    pub(crate) date: Option<String>,
}

/// A client that asks what it is told to ask, whatever proxies are configured for the user.
pub(crate) fn client() -> anyhow::Result<reqwest::Client> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(ANSWER_TIME_MAX)
        .build();
    client.context("cannot make an HTTP client")
}

/// Asks for a path at the root of a control address.
pub(crate) async fn ask(client: &reqwest::Client, control: &Url, path: &str) -> Answer {
    let mut url = control.clone();
    url.set_path(path);
    match client.get(url).send().await {
        Ok(response) => Answer::Told(told(response).await),
        Err(error) if error.is_timeout() => {
            Answer::Silent(format!("no answer within {} s", ANSWER_TIME_MAX.as_secs()))
        }
        Err(error) => match cause(&error) {
            Some(io) if io.kind() == std::io::ErrorKind::ConnectionRefused => Answer::Nobody,
            _ => Answer::Silent(format!("{:#}", anyhow::Error::from(error.without_url()))),
        },
    }
}

async fn told(mut response: reqwest::Response) -> Told {
    let status = response.status().as_u16();
    let date = response.headers().get("date").and_then(|date| date.to_str().ok()).map(Into::into);
    let mut bytes = vec![];
    while bytes.len() < TEXT_BYTES_MAX
        && let Ok(Some(more)) = response.chunk().await
    {
        bytes.extend_from_slice(&more);
    }
    bytes.truncate(TEXT_BYTES_MAX);
    let text = String::from_utf8_lossy(&bytes);
    Told { status, text: text.lines().next().unwrap_or_default().trim().to_owned(), date }
}

/// The error of the system that is behind an error.
fn cause<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a std::io::Error> {
    std::iter::successors(Some(error), |error| error.source())
        .find_map(|error| error.downcast_ref::<std::io::Error>())
}
