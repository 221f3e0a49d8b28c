//! A connection in the hands of the test: bytes as they are, for requests that no client would send.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// Longer than any answer here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// One TCP connection.
#[derive(Debug)]
pub struct Raw(TcpStream);

/// Raises the limit on open files, for this process and those that it starts from now on; panics when
/// the system does not allow so many.
pub fn allow_open_files(count: u64) {
    let allowed = rlimit::increase_nofile_limit(count).expect("the limit can be read");
    assert!(allowed >= count, "the system allows {allowed} open files; {count} are needed");
}

impl Raw {
    /// Connects to the address of a URL such as `http://127.0.0.1:1`.
    pub async fn connect(url: &str) -> Self {
        Self::connect_from(url, Ipv4Addr::LOCALHOST).await
    }

    /// As [`Raw::connect`], from one of the many addresses of loopback.
    pub async fn connect_from(url: &str, from: Ipv4Addr) -> Self {
        let address = url.trim_start_matches("http://").parse().expect("an address and a port");
        let socket = TcpSocket::new_v4().expect("the system has a socket");
        socket.bind(SocketAddr::from((from, 0))).expect("loopback has this address");
        let stream = socket.connect(address).await.expect("a connection is taken");
        stream.set_nodelay(true).expect("a socket has this option");
        Self(stream)
    }

    /// A connection that somebody made to us.
    pub fn over(stream: TcpStream) -> Self {
        Self(stream)
    }

    /// Sends bytes; false when the other side has closed.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.0.write_all(bytes.as_ref()).await.is_ok()
    }

    /// Everything that comes until the other side closes; panics when it does not.
    pub async fn until_closed(&mut self) -> String {
        let mut seen = vec![];
        let mut buffer = [0; 4096];
        loop {
            let read = timeout(PATIENCE, self.0.read(&mut buffer)).await;
            match read.unwrap_or_else(|_| panic!("not closed; came: {}", text(&seen))) {
                Ok(0) | Err(_) => return text(&seen),
                Ok(count) => seen.extend_from_slice(&buffer[..count]),
            }
        }
    }

    /// What comes until a text is in it.
    pub async fn until(&mut self, end: &str) -> String {
        let mut seen = vec![];
        while !text(&seen).contains(end) {
            let byte = timeout(PATIENCE, self.0.read_u8()).await;
            match byte {
                Ok(Ok(byte)) => seen.push(byte),
                ended => panic!("no `{end}` ({ended:?}); came: {}", text(&seen)),
            }
        }
        text(&seen)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
