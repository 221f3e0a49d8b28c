//! Opens the port that a role listens on, for this process alone, and says what to do when it cannot.
//!
//! On Windows a port is nobody's own unless it is asked for: another process that sets `SO_REUSEADDR` may
//! bind the same one and take its connections. `SO_EXCLUSIVEADDRUSE` forbids that. On Unix a port has one
//! owner in any case, and `SO_REUSEADDR` there only lets a role that has just ended start again at once.
//!
//! Invariant: every listener of every role is opened here.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that the system takes while we are not looking. Windows refuses what comes beyond, Linux
/// lets it try again; either lowers the number to a limit of its own.
const BACKLOG: i32 = 1024;

/// A port that could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}{}", advice(source))]
pub struct BindError {
    /// The address and port asked for.
    pub address: SocketAddr,
    /// What the system says.
    pub source: io::Error,
}

/// Opens the port that calls come to.
pub async fn bind(address: SocketAddr) -> Result<tokio::net::TcpListener, BindError> {
    let opened = open(address).and_then(tokio::net::TcpListener::from_std);
    opened.map_err(|source| BindError { address, source })
}

/// A listening socket that does not block.
pub(crate) fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    claim(&socket)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

#[cfg(unix)]
fn claim(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_address(true)
}

#[cfg(windows)]
fn claim(socket: &Socket) -> io::Result<()> {
    use std::os::windows::io::AsRawSocket;
    use windows_sys::Win32::Networking::WinSock;

    let on = 1_i32;
    let socket = usize::try_from(socket.as_raw_socket()).map_err(io::Error::other)?;
    // SAFETY: the socket is open for as long as it is borrowed, and the option's value is a `BOOL` that
    // lives until the call returns, with its length.
    #[allow(unsafe_code)]
    let set = unsafe {
        WinSock::setsockopt(
            socket,
            WinSock::SOL_SOCKET,
            WinSock::SO_EXCLUSIVEADDRUSE,
            (&raw const on).cast(),
            size_of::<i32>() as i32,
        )
    };
    if set == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// What Windows says of a port that it keeps for itself, or that another process has for itself. No other
/// system has an error of this number.
const WSAEACCES: i32 = 10013;

/// What whoever reads the error can do about it.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        _ if error.raw_os_error() == Some(WSAEACCES) => {
            ": another process has this port for itself, or Windows keeps it (`netsh interface ipv4 show \
             excludedportrange protocol=tcp` lists those); choose another port"
        }
        ErrorKind::AddrInUse => ": another process listens there; stop it or choose another port",
        ErrorKind::AddrNotAvailable => ": this machine has no such address",
        ErrorKind::PermissionDenied => {
            ": ports below 1024 need a right, which CAP_NET_BIND_SERVICE gives; or choose another port"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(source: io::Error) -> String {
        BindError { address: "127.0.0.1:7071".parse().unwrap(), source }.to_string()
    }

    #[test]
    fn a_port_in_use_is_refused_and_free_again_at_once() {
        let first = open("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = first.local_addr().unwrap();
        let source = open(address).unwrap_err();
        let error = BindError { address, source }.to_string();
        assert!(
            error.contains(&address.to_string()) && error.contains("another process"),
            "{error}"
        );
        let caller = std::net::TcpStream::connect(address).unwrap();
        // accepted and closed by us first, which leaves the port in TIME_WAIT
        first.set_nonblocking(false).unwrap();
        drop(first.accept().unwrap());
        drop((first, caller));
        assert!(open(address).is_ok());
    }

    #[test]
    fn each_refusal_says_what_to_do() {
        let reserved = said(io::Error::from_raw_os_error(WSAEACCES));
        assert!(reserved.contains("excludedportrange"), "{reserved}");
        assert!(said(ErrorKind::AddrNotAvailable.into()).contains("no such address"));
        assert!(said(ErrorKind::PermissionDenied.into()).contains("CAP_NET_BIND_SERVICE"));
        assert_eq!(said(io::Error::other("?")), "cannot listen on 127.0.0.1:7071");
    }
}
