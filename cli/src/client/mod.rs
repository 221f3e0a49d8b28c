//! The manager's API as typed calls. Not a place for retries, progress or printing; the commands
//! decide about those.
//!
//! Invariant: whatever the manager or the network does becomes a value or a [`ClientError`] that
//! tells apart "cannot be reached", "said no" and "said something that is not our API".

mod error;
mod settings;

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use steading_protocol::api::{
    App, Function, InvokeReply, InvokeRequest, List, PublishReply, RollbackRequest, RolloutRequest,
    Status, TokenReply, TokenRequest,
};
use steading_protocol::{AppName, FunctionName, Secret, VersionNumber};
use url::Url;

pub(crate) use error::ClientError;

/// The name under which the one administrator signs in.
const ADMIN_USER: &str = "admin";
/// A manager that is up accepts at once; longer means a host that drops packets.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Plain calls read a few tables.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// A publish sends and checks up to a hundred megabytes, perhaps over a slow line.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(600);
/// The longest deadline that a manifest can set (an hour), and a minute for the way there and back.
const INVOKE_TIMEOUT: Duration = Duration::from_secs(3660);

/// What a publish asks for beside the package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct PublishWish {
    /// Whether the app becomes the default one.
    pub(crate) default: bool,
    /// The share of calls that the version is rolled out to, percent.
    pub(crate) percent: u8,
    /// Whether it may reach more than the version before.
    pub(crate) allow_new_grants: bool,
}

/// A manager and what it is shown.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    manager: Url,
    token: Option<Secret>,
}

impl Client {
    /// A client of the manager at this URL. Proxies of the environment are not asked for a manager
    /// on this very machine.
    pub(crate) fn new(manager: Url, token: Option<Secret>) -> anyhow::Result<Self> {
        let agent = concat!("steading/", env!("CARGO_PKG_VERSION"));
        let builder = reqwest::Client::builder()
            .user_agent(agent)
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none());
        let builder = if is_loopback(&manager) { builder.no_proxy() } else { builder };
        Ok(Self { http: builder.build()?, manager, token })
    }

    /// The manager's URL.
    pub(crate) fn manager(&self) -> &Url {
        &self.manager
    }

    /// `GET /status`.
    pub(crate) async fn status(&self) -> Result<Status, ClientError> {
        self.fetch(self.request(Method::GET, &["status"])).await
    }

    /// `GET /apps/{app}/functions`.
    pub(crate) async fn functions(&self, app: &AppName) -> Result<Vec<Function>, ClientError> {
        let request = self.request(Method::GET, &["apps", app.as_str(), "functions"]);
        Ok(self.fetch::<List<Function>>(request).await?.items)
    }

    /// `POST /apps/{app}/versions`: publishes a package of this length.
    pub(crate) async fn publish(
        &self,
        app: &AppName,
        package: impl Into<reqwest::Body>,
        length: usize,
        wish: PublishWish,
    ) -> Result<PublishReply, ClientError> {
        let request = self
            .request(Method::POST, &["apps", app.as_str(), "versions"])
            .query(&wish)
            .header(reqwest::header::CONTENT_TYPE, "application/octet-stream")
            .header(reqwest::header::CONTENT_LENGTH, length)
            .body(package)
            .timeout(PUBLISH_TIMEOUT);
        self.fetch(request).await
    }

    /// `PUT /apps/{app}/rollout`.
    pub(crate) async fn rollout(
        &self,
        app: &AppName,
        wish: RolloutRequest,
    ) -> Result<App, ClientError> {
        let path = ["apps", app.as_str(), "rollout"];
        self.fetch(self.request(Method::PUT, &path).json(&wish)).await
    }

    /// `DELETE /apps/{app}/rollout`.
    pub(crate) async fn rollout_end(&self, app: &AppName) -> Result<(), ClientError> {
        let path = ["apps", app.as_str(), "rollout"];
        self.answer(self.request(Method::DELETE, &path)).await.map(drop)
    }

    /// `POST /apps/{app}/rollback`.
    pub(crate) async fn rollback(
        &self,
        app: &AppName,
        version: Option<VersionNumber>,
    ) -> Result<App, ClientError> {
        let path = ["apps", app.as_str(), "rollback"];
        self.fetch(self.request(Method::POST, &path).json(&RollbackRequest { version })).await
    }

    /// `POST /apps/{app}/functions/{function}/invoke`.
    pub(crate) async fn invoke(
        &self,
        app: &AppName,
        function: &FunctionName,
        invocation: &InvokeRequest,
    ) -> Result<InvokeReply, ClientError> {
        let path = ["apps", app.as_str(), "functions", function.as_str(), "invoke"];
        let request = self.request(Method::POST, &path).json(invocation).timeout(INVOKE_TIMEOUT);
        self.fetch(request).await
    }

    /// `POST /tokens` with the administrator's password.
    pub(crate) async fn token_create(
        &self,
        password: &Secret,
        name: &str,
    ) -> Result<TokenReply, ClientError> {
        let request = self
            .request(Method::POST, &["tokens"])
            .basic_auth(ADMIN_USER, Some(password.expose()))
            .json(&TokenRequest { name: name.to_owned() });
        self.fetch(request).await
    }

    /// `DELETE /tokens/{id}`.
    pub(crate) async fn token_delete(&self, id: &str) -> Result<(), ClientError> {
        self.answer(self.request(Method::DELETE, &["tokens", id])).await.map(drop)
    }

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let mut url = self.manager.clone();
        url.path_segments_mut()
            .expect("a manager's URL is http or https")
            .pop_if_empty()
            .extend(["api", "v1"])
            .extend(path);
        let request = self.http.request(method, url).timeout(CALL_TIMEOUT);
        match &self.token {
            Some(token) => request.bearer_auth(token.expose()),
            None => request,
        }
    }

    async fn fetch<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ClientError> {
        let response = self.answer(request).await?;
        let status = response.status();
        let body = response.bytes().await.map_err(|cause| self.unreachable(cause))?;
        serde_json::from_slice(&body).map_err(|_| self.unclear(status))
    }

    /// The answer when it is a good one.
    async fn answer(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        let response = request.send().await.map_err(|cause| self.unreachable(cause))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = response.bytes().await.map_err(|cause| self.unreachable(cause))?;
        match serde_json::from_slice(&body) {
            Ok(body) => Err(ClientError::Refused { status: status.as_u16(), body }),
            Err(_) => Err(self.unclear(status)),
        }
    }

    fn unreachable(&self, cause: reqwest::Error) -> ClientError {
        ClientError::Unreachable { manager: self.manager.clone(), cause }
    }

    fn unclear(&self, status: StatusCode) -> ClientError {
        ClientError::Unclear { manager: self.manager.clone(), status: status.as_u16() }
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_go_below_the_path_of_the_managers_url() {
        rustls::crypto::ring::default_provider().install_default().ok();
        for (manager, url) in [
            ("http://127.0.0.1:7070", "http://127.0.0.1:7070/api/v1/apps/a/versions"),
            ("http://h/steading/", "http://h/steading/api/v1/apps/a/versions"),
        ] {
            let client = Client::new(manager.parse().unwrap(), None).unwrap();
            let request = client.request(Method::GET, &["apps", "a", "versions"]).build().unwrap();
            assert_eq!(request.url().as_str(), url);
        }
    }

    #[test]
    fn only_this_machine_is_loopback() {
        let loopback = |url: &str| is_loopback(&url.parse().unwrap());
        assert!(loopback("http://127.0.0.1:7070") && loopback("http://localhost:1"));
        assert!(loopback("http://[::1]:7070"));
        assert!(!loopback("https://localhost.example.org") && !loopback("http://10.0.0.1"));
    }
}
