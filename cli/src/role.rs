//! The three roles by name, and where each usually tells how it is.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use clap::ValueEnum;

/// What a process of this program can be for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    // No doc comments: they would turn every command's help into its long form.
    Manager,
    Worker,
    Gateway,
}

impl Role {
    /// All, those first that are most likely to be asked how they are.
    pub(crate) const ALL: [Self; 3] = [Self::Worker, Self::Gateway, Self::Manager];

    /// Its name, which is also that of its command.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Manager => "manager",
            Self::Worker => "worker",
            Self::Gateway => "gateway",
        }
    }

    /// Where it answers `/live` and `/ready` unless it is configured otherwise.
    pub(crate) fn usual_control(self) -> SocketAddr {
        match self {
            Self::Manager => steading_manager::Config::default().listen,
            Self::Worker => steading_host::Config::default().control,
            Self::Gateway => steading_gateway::Config::default().control,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An address as seen from this machine: one that means "every interface" is reached over loopback.
pub(crate) fn near(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => {
            (Ipv4Addr::LOCALHOST, address.port()).into()
        }
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => {
            (std::net::Ipv6Addr::LOCALHOST, address.port()).into()
        }
        _ => address,
    }
}
