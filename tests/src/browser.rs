//! Headless Chromium over WebDriver, with a profile of its own in a temporary folder.
//!
//! The browser is told to speak to its driver through a pipe: it ends when the driver does, and the
//! driver ends with the test run (see [`Process`]).

use std::any::Any;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::elements::Element;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpSocket;

use crate::process::bound_command;
use crate::{Process, eventually, scratch};

/// Where Debian's packages `chromium` and `chromium-driver` put their programs.
const CHROMIUM: &str = "/usr/bin/chromium";
const DRIVER: &str = "/usr/bin/chromedriver";

/// Set to `1` where a missing browser is a failure, as in CI.
const REQUIRE: &str = "STEADING_REQUIRE_BROWSER";

/// How often a driver is started that finds its port taken.
const DRIVER_TRIES: usize = 10;

/// A page reacts within this, publishing and compiling included.
const SHOWN_WITHIN: Duration = Duration::from_secs(60);

/// A window of a headless browser.
#[derive(Debug)]
pub struct Browser {
    client: Client,
}

/// Whether there is a browser to test with. Says `SKIPPED: why` when there is none, and panics where
/// the environment promises one.
pub fn browser_wanted() -> bool {
    let Some(missing) = [CHROMIUM, DRIVER].into_iter().find(|path| !Path::new(path).exists())
    else {
        return true;
    };
    let required = std::env::var(REQUIRE).is_ok_and(|value| value == "1");
    assert!(!required, "{REQUIRE} is set and there is no {missing}");
    println!("SKIPPED: there is no {missing}; install chromium and chromium-driver to run this");
    false
}

/// A driver and its port. Left to itself it takes a free port of IPv6 and wants the same one of IPv4,
/// which the connections of other tests may hold; so it is given one that is free in both, and
/// started again when it is too late.
async fn driver(profile: &Path) -> (Process, u16) {
    let mut tries = 1;
    loop {
        let mut command = bound_command(DRIVER);
        // crash dumps and settings go there as well, not into the home of whoever runs the tests
        command.arg(format!("--port={}", free_port())).env("TMPDIR", profile).env("HOME", profile);
        let mut driver = Process::start("chromedriver", command).await;
        match driver.try_line("its port", driver_port).await {
            Ok(port) => return (driver, port),
            Err(ended) if tries < DRIVER_TRIES && ended.contains("Address already in use") => {
                tries += 1;
            }
            Err(ended) => panic!("{ended}"),
        }
    }
}

/// A port that nobody holds on loopback, in either family; also not a connection that has just ended.
fn free_port() -> u16 {
    let bound = |address: SocketAddr| {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        };
        let socket = socket.ok()?;
        socket.bind(address).ok()?;
        Some(socket)
    };
    for _ in 0..100 {
        let Some(four) = bound((Ipv4Addr::LOCALHOST, 0).into()) else { continue };
        let port = four.local_addr().map_or(0, |address| address.port());
        // a machine without IPv6 has nobody there either
        let six =
            TcpSocket::new_v6().is_err() || bound((Ipv6Addr::LOCALHOST, port).into()).is_some();
        if port != 0 && six {
            return port;
        }
    }
    panic!("no port is free on loopback");
}

impl Browser {
    /// Runs a test with a browser, and closes it whatever the outcome.
    pub async fn with(test: impl AsyncFnOnce(&Browser)) {
        let profile = scratch();
        let (_driver, port) = driver(profile.path()).await;
        let browser = Self { client: connect(port, &profile).await };
        let outcome = caught(test(&browser)).await;
        let closed = browser.client.close().await;
        if let Err(panic) = outcome {
            resume_unwind(panic);
        }
        closed.expect("the browser can be closed");
    }

    /// Opens a page.
    pub async fn open(&self, url: &str) {
        self.client.goto(url).await.unwrap_or_else(|error| panic!("cannot open {url}: {error}"));
    }

    /// The URL of the page shown.
    pub async fn url(&self) -> String {
        self.client.current_url().await.map(String::from).unwrap_or_default()
    }

    /// Sets the size of the page's view, as a phone or a desktop has it.
    pub async fn resize(&self, width: u32, height: u32) {
        // A window's size has its frame in it, and a desktop window has a least width; the size of an
        // emulated device is exactly the page's.
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": true });
        let command = json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": metrics });
        let outcome = self.client.issue_cmd(DevTools(command)).await;
        outcome.expect("the size of the view can be set");
    }

    /// The element that a CSS selector finds, once it is there.
    pub async fn find(&self, selector: &str) -> Element {
        let what = format!("`{selector}` on the page");
        eventually(&what, SHOWN_WITHIN, || async {
            match self.client.find(Locator::Css(selector)).await {
                Ok(element) => Ok(element),
                Err(error) => Err(format!("{error} at {}", self.url().await)),
            }
        })
        .await
    }

    /// How many elements a CSS selector finds now.
    pub async fn count(&self, selector: &str) -> usize {
        self.client.find_all(Locator::Css(selector)).await.map_or(0, |found| found.len())
    }

    /// Clicks on an element.
    pub async fn click(&self, selector: &str) {
        let clicked = self.find(selector).await.click().await;
        clicked.unwrap_or_else(|error| panic!("cannot click on `{selector}`: {error}"));
    }

    /// Types into a field, or chooses a file by its path.
    pub async fn type_into(&self, selector: &str, text: &str) {
        let typed = self.find(selector).await.send_keys(text).await;
        typed.unwrap_or_else(|error| panic!("cannot type into `{selector}`: {error}"));
    }

    /// The text of an element as a reader sees it, once `wanted` is in it.
    pub async fn text_with(&self, selector: &str, wanted: &str) -> String {
        let what = format!("`{wanted}` in `{selector}`");
        eventually(&what, SHOWN_WITHIN, || async {
            let text = self.find(selector).await.text().await.map_err(|error| error.to_string())?;
            if text.contains(wanted) { Ok(text) } else { Err(format!("`{text}`")) }
        })
        .await
    }

    /// The value of a script's `return`.
    pub async fn script(&self, script: &str) -> Value {
        let value = self.client.execute(script, vec![]).await;
        value.unwrap_or_else(|error| panic!("cannot run `{script}`: {error}"))
    }

    /// Presses a key, which goes to whatever has the focus.
    pub async fn press(&self, key: char) {
        let strokes = KeyActions::new("keyboard".to_owned())
            .then(KeyAction::Down { value: key })
            .then(KeyAction::Up { value: key });
        self.client.perform_actions(strokes).await.expect("a key can be pressed");
    }
}

/// Chromium's own command under its driver's vendor path.
#[derive(Debug)]
struct DevTools(Value);

impl fantoccini::wd::WebDriverCompatibleCommand for DevTools {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.0.to_string()))
    }
}

/// The port in the line by which the driver says that it has started.
fn driver_port(line: &str) -> Option<u16> {
    line.split_once("started successfully on port ")?.1.trim_end_matches('.').parse().ok()
}

async fn connect(port: u16, profile: &TempDir) -> Client {
    let options = json!({
        "binary": CHROMIUM,
        "args": [
            "--headless=new",
            "--remote-debugging-pipe",
            // CI runs as root in a container, where Chromium's own sandbox cannot be set up
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--window-size=1200,900",
            format!("--user-data-dir={}", profile.path().display()),
        ],
    });
    let Value::Object(capabilities) = json!({ "goog:chromeOptions": options }) else {
        unreachable!("an object was written")
    };
    ClientBuilder::new(HttpConnector::new())
        .capabilities(capabilities)
        .connect(&format!("http://127.0.0.1:{port}"))
        .await
        .expect("the driver starts the browser")
}

/// The outcome of a future, or the panic that ended it.
async fn caught<T>(future: impl Future<Output = T>) -> Result<T, Box<dyn Any + Send>> {
    let mut future = pin!(future);
    std::future::poll_fn(move |context| {
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    })
    .await
}
