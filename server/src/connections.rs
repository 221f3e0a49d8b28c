//! How many connections there may be, of all callers and of one address, and what becomes of one too
//! many: it is answered with 503 and closed at once. Left in the kernel's backlog, as a server that
//! stops to accept does, honest callers would wait behind whoever holds the connections.
//!
//! An address's share is a part of the whole, so that no single machine can take every connection.
//! An IPv6 caller counts by its /64, which is what one customer gets.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use steading_protocol::problem::{Problem, REFUSED};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

/// Counts open connections.
#[derive(Debug)]
pub(crate) struct Connections {
    max: usize,
    per_address_max: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A connection that is counted; no longer when dropped.
#[derive(Debug)]
pub(crate) struct Counted {
    connections: Arc<Connections>,
    peer: IpAddr,
    address: IpAddr,
}

/// One connection too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Full {
    #[error("all connections of this server are taken")]
    All,
    #[error("this address has all the connections that one may have")]
    Address,
}

impl Connections {
    pub(crate) fn new(max: u32, per_address_max: u32) -> Arc<Self> {
        let (max, per_address_max) = (max as usize, per_address_max as usize);
        Arc::new(Self { max, per_address_max, open: Mutex::default() })
    }

    /// Counts one more, or says why there cannot be one.
    pub(crate) fn open(self: &Arc<Self>, peer: IpAddr) -> Result<Counted, Full> {
        let address = holder(peer);
        let mut open = self.lock();
        if open.all >= self.max {
            return Err(Full::All);
        }
        let of_address = open.by_address.entry(address).or_default();
        if *of_address >= self.per_address_max {
            return Err(Full::Address);
        }
        *of_address += 1;
        open.all += 1;
        Ok(Counted { connections: Arc::clone(self), peer, address })
    }

    /// How many are open.
    pub(crate) fn count(&self) -> usize {
        self.lock().all
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    /// The caller's address.
    pub(crate) fn peer(&self) -> IpAddr {
        self.peer
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut open = self.connections.lock();
        open.all -= 1;
        if let Some(count) = open.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.by_address.remove(&self.address);
            }
        }
    }
}

/// Whose share an address uses.
fn holder(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64)),
        ip => ip,
    }
}

/// Refused connections that are seen off at the same time; of further ones the answer may be lost.
static FAREWELLS: Semaphore = Semaphore::const_new(64);
/// How long one takes at most. A socket that is closed with bytes unread resets the connection, and
/// then the answer is gone; hence what the caller sends meanwhile is read.
const FAREWELL_MAX: Duration = Duration::from_millis(500);

impl Full {
    /// The name of the refusal.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::All => "connections_full",
            Self::Address => "address_connections_full",
        }
    }

    /// Answers and closes.
    pub(crate) fn answer(self, mut stream: TcpStream) {
        static ALL: LazyLock<Vec<u8>> = LazyLock::new(|| Full::All.response());
        static ADDRESS: LazyLock<Vec<u8>> = LazyLock::new(|| Full::Address.response());
        let response = if self == Self::All { &*ALL } else { &*ADDRESS };
        // into an empty send buffer it always fits
        let _ = stream.try_write(response);
        let Ok(permit) = FAREWELLS.try_acquire() else { return };
        tokio::spawn(async move {
            let farewell = async {
                let _ = stream.shutdown().await;
                while stream.read(&mut [0; 512]).await.is_ok_and(|count| count > 0) {}
            };
            let _ = tokio::time::timeout(FAREWELL_MAX, farewell).await;
            drop(permit);
        });
    }

    fn response(self) -> Vec<u8> {
        let (code, title) = (self.code().to_owned(), self.to_string());
        let problem = Problem { status: 503, code, title, invocation: None };
        let body = serde_json::to_string(&problem).expect("a problem is plain data");
        let length = body.len();
        format!(
            "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\n\
             content-length: {length}\r\n{REFUSED}: {code}\r\nretry-after: 1\r\nconnection: close\r\n\r\n{body}",
            code = self.code(),
        )
        .into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_its_share_and_leaves_the_rest_to_others() {
        let connections = Connections::new(3, 2);
        let [one, other] = ["10.0.0.1", "10.0.0.2"].map(|text| text.parse().unwrap());
        let held = [connections.open(one).unwrap(), connections.open(one).unwrap()];
        assert_eq!(connections.open(one).unwrap_err(), Full::Address);
        let _third = connections.open(other).unwrap();
        assert_eq!(connections.open(other).unwrap_err(), Full::All);
        drop(held);
        assert_eq!(connections.count(), 1);
        assert!(connections.open(one).is_ok());
    }

    #[test]
    fn an_ipv6_caller_counts_by_its_network_and_a_mapped_address_by_what_it_maps() {
        let holder = |text: &str| holder(text.parse().unwrap());
        assert_eq!(holder("2001:db8:1:2:3:4:5:6"), holder("2001:db8:1:2::1"));
        assert_ne!(holder("2001:db8:1:2::1"), holder("2001:db8:1:3::1"));
        assert_eq!(holder("::ffff:10.0.0.1"), holder("10.0.0.1"));
    }
}
