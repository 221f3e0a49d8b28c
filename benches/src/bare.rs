//! The yardstick: hyper answering hello world and doing nothing else, on the same runtime and with the
//! same socket settings as the worker.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A running bare server; stops when dropped.
pub struct BareServer {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl BareServer {
    /// Starts it on a free port of loopback.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        Ok(Self { address, task: tokio::spawn(accept(listener)) })
    }

    /// The URL that answers hello world.
    pub fn url(&self) -> String {
        format!("http://{}/api/hello", self.address)
    }
}

impl Drop for BareServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener) {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new());
    let builder = std::sync::Arc::new(builder);
    while let Ok((stream, _peer)) = listener.accept().await {
        if stream.set_nodelay(true).is_err() {
            continue;
        }
        let builder = std::sync::Arc::clone(&builder);
        tokio::spawn(async move {
            let hello = service_fn(|_request| async {
                let body = Full::new(Bytes::from_static(b"Hello, world!\n"));
                let response =
                    Response::builder().header("content-type", "text/plain; charset=utf-8");
                Ok::<_, Infallible>(response.body(body).expect("a fixed response is valid"))
            });
            // a load generator breaks its connections off at the end
            let _ = builder.serve_connection(TokioIo::new(stream), hello).await;
        });
    }
}
