//! Requests over real sockets on loopback, with names that lead where the test says.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::{BodyExt as _, Empty, Full};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::resolve::Lookup;
use super::*;

/// A resolver whose names lead to the public internet at the first look and to this machine from then on.
#[derive(Default)]
struct Rebinding(AtomicUsize);

impl Resolve for Rebinding {
    fn addresses<'a>(&'a self, _name: &'a str) -> Lookup<'a> {
        let looks = self.0.fetch_add(1, Ordering::Relaxed);
        // of a network for documentation, so that nobody is bothered; it is refused as private
        let first = [IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), IpAddr::V4(Ipv4Addr::LOCALHOST)];
        Box::pin(async move { Ok(vec![first[looks.min(1)]]) })
    }
}

/// Serves one connection after the other: reads a head, writes the text, and closes when it is told to.
async fn serving(answer: Vec<u8>) -> (u16, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = vec![];
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(&answer).await.ok();
        // until the other side closes
        let mut rest = [0; 1024];
        while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {}
        String::from_utf8_lossy(&head).lines().map(str::to_owned).collect()
    });
    (port, task)
}

fn outbound(rules: &[serde_json::Value], config: &OutboundConfig) -> (Arc<Outbound>, Arc<Metrics>) {
    let metrics = Metrics::new();
    let exit = Exit::with(config, Box::new(Rebinding::default()), &metrics).unwrap();
    let rules = rules.iter().map(|rule| serde_json::from_value(rule.clone()).unwrap()).collect();
    (Outbound::new(rules, &exit), metrics)
}

fn get(url: &str) -> Request<RequestBody> {
    let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
    Request::get(url).header("host", "evil.example").body(body).unwrap()
}

async fn body(errand: &Errand, request: Request<RequestBody>) -> Result<Bytes, OutboundError> {
    let (response, driver) = errand.send(request, Patience::default()).await?;
    let driver = tokio::spawn(driver);
    let collected = response.into_body().collect().await;
    driver.abort();
    Ok(collected?.to_bytes())
}

const HELLO: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

#[tokio::test]
async fn a_named_address_is_answered_and_hears_its_own_host() {
    let (port, server) = serving(HELLO.to_vec()).await;
    let url = format!("http://127.0.0.1:{port}");
    let (outbound, metrics) = outbound(&[url.clone().into()], &OutboundConfig::default());
    assert_eq!(body(&outbound.errand(), get(&format!("{url}/a?b"))).await.unwrap(), "hello");
    let heard = server.await.unwrap();
    assert_eq!(heard[..2], ["GET /a?b HTTP/1.1".to_owned(), format!("host: 127.0.0.1:{port}")]);
    let page = metrics.encode();
    assert!(page.contains("steading_outbound_requests_total{outcome=\"ok\"} 1"), "{page}");
    assert!(page.contains("steading_outbound_connections 0"), "{page}");
}

#[tokio::test]
async fn a_name_is_looked_up_once_and_what_it_leads_to_is_judged() {
    let (port, server) = serving(HELLO.to_vec()).await;
    let url = format!("http://api.example:{port}");
    let (outbound, _) = outbound(&[url.clone().into()], &OutboundConfig::default());
    let errand = outbound.errand();
    for address in ["192.0.2.1", "127.0.0.1"] {
        let error = body(&errand, get(&url)).await.unwrap_err();
        let OutboundError::AddressProhibited(text) = &error else { panic!("{error:?}") };
        assert!(text.contains(address) && text.contains("private"), "{text}");
    }
    assert!(!server.is_finished(), "nobody has connected");
}

#[tokio::test]
async fn a_grant_for_private_addresses_reaches_them_by_name() {
    let (port, _server) = serving(HELLO.to_vec()).await;
    let url = format!("http://api.example:{port}");
    let rule = serde_json::json!({ "url": url, "private": true });
    let config = OutboundConfig { connect_ms_max: 300, ..OutboundConfig::default() };
    let (outbound, _) = outbound(&[rule], &config);
    let errand = outbound.errand();
    // the address for documentation answers nobody
    let unreachable = body(&errand, get(&url)).await.unwrap_err();
    assert!(
        matches!(unreachable, OutboundError::TimedOut(_) | OutboundError::Unreachable(_)),
        "{unreachable:?}"
    );
    assert_eq!(body(&errand, get(&url)).await.unwrap(), "hello");
}

#[tokio::test]
async fn what_no_rule_allows_is_denied_with_the_rules() {
    let (outbound, metrics) =
        outbound(&["https://api.example/v1".into()], &OutboundConfig::default());
    let errand = outbound.errand();
    for url in ["https://evil.example/", "http://api.example/v1", "https://api.example/v2"] {
        let error = body(&errand, get(url)).await.unwrap_err();
        let OutboundError::Denied(text) = &error else { panic!("{error:?}") };
        assert!(text.ends_with("https://api.example/v1"), "{text}");
    }
    assert!(metrics.encode().contains("outcome=\"denied\"} 3"));
}

#[tokio::test]
async fn an_invocation_that_has_ended_leaves_no_connection() {
    let (port, server) =
        serving(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello".to_vec()).await;
    let url = format!("http://127.0.0.1:{port}");
    let (outbound, metrics) = outbound(&[url.clone().into()], &OutboundConfig::default());
    let errand = outbound.errand();
    let (response, driver) = errand.send(get(&url), Patience::default()).await.unwrap();
    let driver = tokio::spawn(driver);
    assert!(metrics.encode().contains("steading_outbound_connections 1"));
    drop(errand);
    // the server sees the end, though response and driver are still held
    server.await.unwrap();
    driver.await.unwrap().unwrap();
    assert!(response.into_body().collect().await.is_err());
    assert!(metrics.encode().contains("steading_outbound_connections 0"));
}

#[tokio::test]
async fn connections_and_bytes_are_limited() {
    let long = [b"HTTP/1.1 200 OK\r\ncontent-length: 9000000\r\n\r\n", &vec![b'x'; 9_000_000][..]];
    let (port, _server) = serving(long.concat()).await;
    let url = format!("http://127.0.0.1:{port}");
    let config = OutboundConfig {
        invocation_mib_max: 1,
        invocation_connections_max: 1,
        ..OutboundConfig::default()
    };
    let (outbound, _) = outbound(&[url.clone().into()], &config);
    let errand = outbound.errand();
    let (response, driver) = errand.send(get(&url), Patience::default()).await.unwrap();
    let driver = tokio::spawn(driver);
    let error = body(&errand, get(&url)).await.unwrap_err();
    assert!(matches!(error, OutboundError::LimitReached(Limit::Connections(_))), "{error:?}");
    let error = response.into_body().collect().await.unwrap_err();
    assert!(matches!(error, OutboundError::LimitReached(Limit::Bytes(_))), "{error:?}");
    assert!(error.to_string().contains("1 MiB"), "{error}");
    driver.abort();
}

#[tokio::test]
async fn who_is_slow_is_not_waited_for_longer_than_the_guest_wants() {
    let (port, _server) =
        serving(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello".to_vec()).await;
    let (silent, _other) = serving(vec![]).await;
    let rules = [port, silent].map(|port| format!("http://127.0.0.1:{port}").into());
    let (outbound, _) = outbound(&rules, &OutboundConfig::default());
    let errand = outbound.errand();
    let short = Some(Duration::from_millis(50));
    let patience = Patience { body: short, ..Patience::default() };
    let url = format!("http://127.0.0.1:{port}");
    let (response, driver) = errand.send(get(&url), patience).await.unwrap();
    let driver = tokio::spawn(driver);
    let error = response.into_body().collect().await.unwrap_err();
    assert!(matches!(error, OutboundError::TimedOut(Awaited::Body)), "{error:?}");
    driver.abort();
    let patience = Patience { response: short, ..Patience::default() };
    let url = format!("http://127.0.0.1:{silent}");
    let error = errand.send(get(&url), patience).await.map(drop).unwrap_err();
    assert!(matches!(error, OutboundError::TimedOut(Awaited::Response)), "{error:?}");
}

#[tokio::test]
async fn a_host_without_a_known_certificate_is_not_spoken_to() {
    let (port, _server) = serving(vec![]).await;
    let url = format!("https://127.0.0.1:{port}");
    let config = OutboundConfig { connect_ms_max: 1000, ..OutboundConfig::default() };
    let (outbound, _) = outbound(&[url.clone().into()], &config);
    let full = Full::from("secret").map_err(|never| match never {}).boxed_unsync();
    let request = Request::post(&url).body(full).unwrap();
    let error = body(&outbound.errand(), request).await.unwrap_err();
    assert!(matches!(error, OutboundError::Tls(_) | OutboundError::TimedOut(_)), "{error:?}");
}

#[test]
fn a_file_of_authorities_that_is_none_is_told_at_once() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let config = OutboundConfig { ca_file: Some(file.path().into()), ..OutboundConfig::default() };
    let error = Exit::new(&config, &Metrics::new()).map(drop).unwrap_err();
    assert!(error.to_string().contains("no certificate"), "{error}");
}
