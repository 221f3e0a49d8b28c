//! A host that functions send requests to, in the test's own process, in clear text or over TLS. It counts who
//! comes and who goes away.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Query, State as Held};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::serve::Listener;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use serde::Deserialize;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How many authorities there are.
static AUTHORITIES: AtomicUsize = AtomicUsize::new(0);

/// A host; closes when dropped.
#[derive(Debug)]
pub struct Host {
    port: u16,
    counts: Arc<Counts>,
    task: JoinHandle<()>,
    authority: Option<String>,
}

#[derive(Debug, Default)]
struct Counts {
    requests: AtomicUsize,
    waiting: AtomicUsize,
}

#[derive(Deserialize)]
struct Wish {
    #[serde(default)]
    to: String,
    #[serde(default)]
    bytes: usize,
}

/// A request that is not answered; gone when its caller is.
struct Waiting(Arc<Counts>);

struct Tls {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Host {
    /// A host in clear text on `127.0.0.1`.
    pub async fn open() -> Self {
        let listener = bound().await;
        let port = port(&listener);
        let (counts, router) = routes();
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("the host stays open");
        });
        Self { port, counts, task, authority: None }
    }

    /// A host of TLS on `127.0.0.1`, whose certificate has this name and an authority of its own.
    pub async fn tls(name: &str) -> Self {
        let (authority, acceptor) = certified(name);
        let listener = bound().await;
        let port = port(&listener);
        let (counts, router) = routes();
        let task = tokio::spawn(async move {
            let listener = Tls { listener, acceptor };
            axum::serve(listener, router).await.expect("the host stays open");
        });
        Self { port, counts, task, authority: Some(authority) }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate of the authority, in PEM.
    pub fn authority(&self) -> &str {
        self.authority.as_deref().expect("it has TLS")
    }

    /// How many requests it was sent.
    pub fn requests(&self) -> usize {
        self.counts.requests.load(Ordering::Relaxed)
    }

    /// How many of them it has not answered, and are still waited for.
    pub fn waiting(&self) -> usize {
        self.counts.waiting.load(Ordering::Relaxed)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Waiting {
    fn begin(counts: Arc<Counts>) -> Self {
        counts.waiting.fetch_add(1, Ordering::Relaxed);
        Self(counts)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            let (stream, address) = self.listener.accept().await.expect("loopback accepts");
            // a caller that does not trust the certificate goes away
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

async fn bound() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port")
}

fn port(listener: &TcpListener) -> u16 {
    listener.local_addr().expect("it is bound").port()
}

fn routes() -> (Arc<Counts>, axum::Router) {
    let counts = Arc::new(Counts::default());
    let router = axum::Router::new()
        .route("/v1/hello", get(hello))
        .route("/v1/echo", any(async |body: Body| body))
        .route("/v1/redirect", get(redirect))
        .route("/v1/long", get(long))
        .route("/v1/slow", get(slow))
        .route("/v1/stock/mug-blue.json", get(async || "{\"count\":7}"))
        .route("/v1/prices/mug-blue.json", get(async || "{\"cents\":1250}"))
        .fallback(hello)
        .layer(axum::middleware::map_request_with_state(Arc::clone(&counts), counted))
        .with_state(Arc::clone(&counts));
    (counts, router)
}

async fn counted(
    Held(counts): Held<Arc<Counts>>,
    request: axum::extract::Request,
) -> axum::extract::Request {
    counts.requests.fetch_add(1, Ordering::Relaxed);
    request
}

async fn hello(headers: HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    format!("hello from {}", host.unwrap_or("nobody"))
}

async fn redirect(Query(wish): Query<Wish>) -> Response {
    (StatusCode::FOUND, [(header::LOCATION, wish.to)]).into_response()
}

async fn long(Query(wish): Query<Wish>) -> Vec<u8> {
    vec![b'x'; wish.bytes]
}

async fn slow(Held(counts): Held<Arc<Counts>>) -> &'static str {
    let _waiting = Waiting::begin(counts);
    tokio::time::sleep(Duration::from_secs(600)).await;
    "at last"
}

/// An authority's certificate in PEM, and a server's with this name, signed by it.
fn certified(name: &str) -> (String, TlsAcceptor) {
    let key = || KeyPair::generate().expect("a key can be made");
    let mut params = CertificateParams::new(vec![]).expect("no name is a good one");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // two of the same name would be taken for one that signs badly
    let number = AUTHORITIES.fetch_add(1, Ordering::Relaxed);
    params.distinguished_name.push(DnType::CommonName, format!("authority {number}"));
    let authority = CertifiedIssuer::self_signed(params, key()).expect("it signs itself");
    let own = key();
    let params = CertificateParams::new(vec![name.to_owned()]).expect("the name is a good one");
    let certificate = params.signed_by(&own, &authority).expect("the authority signs");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has the usual versions")
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(own.serialize_der()).expect("it is a key"),
        )
        .expect("key and certificate belong together");
    (authority.pem(), TlsAcceptor::from(Arc::new(config)))
}
