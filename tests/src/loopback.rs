//! Addresses of loopback for the servers of a test, each its own. A server that was killed comes back to the port it had,
//! and callers go on calling it meanwhile; on `127.0.0.1` another process may have been given that port by then.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::atomic::{AtomicU32, Ordering};

/// An address that no other server of this run listens on, nor one of a run at the same time, with any free port.
pub fn own_address() -> SocketAddrV4 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let (run, server) = (std::process::id() % 2048, NEXT.fetch_add(1, Ordering::Relaxed) % 4096);
    let first = Ipv4Addr::new(127, 128, 0, 0).to_bits();
    SocketAddrV4::new(Ipv4Addr::from_bits(first + (run << 12) + server), 0)
}
