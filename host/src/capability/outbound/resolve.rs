//! From a destination to the addresses that may be connected to. Whoever connects, connects to one of these and
//! looks up nothing again, so that a name which changes between two looks (DNS rebinding) changes nothing.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::Arc;

use steading_protocol::{HostPattern, OutboundRule};
use tokio::sync::Semaphore;

use super::error::OutboundError;
use super::policy::{Destination, Host};
use super::reach::Reach;

/// Names looked up at once. The system's resolver cannot be called off, so each takes a thread for as long as
/// it wants, whatever has become of who asked.
const LOOKUPS_MAX: usize = 64;

/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 8;

/// A way to look names up; another one in tests.
pub(super) trait Resolve: Send + Sync {
    fn addresses<'a>(&'a self, name: &'a str) -> Lookup<'a>;
}

pub(super) type Lookup<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// The system's resolver, as every other program of the machine uses it.
pub(super) struct System(Arc<Semaphore>);

impl System {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(LOOKUPS_MAX)))
    }
}

impl Resolve for System {
    fn addresses<'a>(&'a self, name: &'a str) -> Lookup<'a> {
        Box::pin(async move {
            let turn = Arc::clone(&self.0).acquire_owned().await.map_err(io::Error::other)?;
            let name = name.to_owned();
            let looked_up = tokio::task::spawn_blocking(move || {
                let found = (name.as_str(), 0).to_socket_addrs();
                drop(turn);
                Ok(found?.map(|address| address.ip()).collect())
            });
            looked_up.await.map_err(io::Error::other)?
        })
    }
}

/// The addresses of a destination that its rule lets through.
pub(super) async fn resolved(
    resolver: &dyn Resolve,
    to: &Destination,
    rule: &OutboundRule,
) -> Result<Vec<SocketAddr>, OutboundError> {
    let mut found = match &to.host {
        Host::Address(address) => vec![*address],
        Host::Name(name) => {
            let found = resolver.addresses(name).await;
            let found = found.map_err(OutboundError::NameUnresolved)?;
            found.into_iter().map(|address| address.to_canonical()).collect()
        }
    };
    found.dedup();
    let Some(first) = found.first().copied() else {
        let none = io::Error::new(io::ErrorKind::NotFound, "it has no address");
        return Err(OutboundError::NameUnresolved(none));
    };
    let reach_max = match (&rule.host, rule.private) {
        (HostPattern::Address(_), _) => Reach::Named,
        (_, true) => Reach::Private,
        (_, false) => Reach::Public,
    };
    found.retain(|address| Reach::of(*address) <= reach_max);
    if found.is_empty() {
        return Err(prohibited(to, rule, first));
    }
    found.truncate(ADDRESSES_MAX);
    Ok(found.into_iter().map(|address| SocketAddr::new(address, to.port)).collect())
}

fn prohibited(to: &Destination, rule: &OutboundRule, address: IpAddr) -> OutboundError {
    let reach = Reach::of(address);
    let remedy = match reach {
        Reach::Private => "; a rule that names the address or has `private = true` would allow it",
        Reach::Named => "; a rule that names the address would allow it",
        Reach::Public | Reach::Never => "",
    };
    let word = reach.word();
    OutboundError::AddressProhibited(format!(
        "the rule `{rule}` allows {to}, but not its address {address}, which is {word}{remedy}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names that lead to what the test says.
    struct Names(&'static [&'static str]);

    impl Resolve for Names {
        fn addresses<'a>(&'a self, _name: &'a str) -> Lookup<'a> {
            let addresses = self.0.iter().map(|text| text.parse().unwrap()).collect();
            Box::pin(async move { Ok(addresses) })
        }
    }

    async fn of(
        rule: &str,
        private: bool,
        found: &'static [&'static str],
    ) -> Result<String, String> {
        let url = serde_json::json!({ "url": rule, "private": private });
        let rule: OutboundRule = serde_json::from_value(url).unwrap();
        let host = rule.host.to_string().replace('*', "x");
        let url = format!("{}://{host}:{}/", rule.scheme.as_str(), rule.port);
        let to = Destination::of(&url.parse().unwrap()).unwrap();
        let addresses = resolved(&Names(found), &to, &rule).await.map_err(|e| e.to_string())?;
        Ok(addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
    }

    #[tokio::test]
    async fn a_name_leads_to_public_addresses_only() {
        let rule = "http://*.corp.local:8080";
        assert_eq!(of(rule, false, &["1.1.1.1", "::1"]).await.unwrap(), "1.1.1.1:8080");
        for private in
            ["10.0.0.5", "127.0.0.1", "::1", "::ffff:192.168.0.1", "fd00::1", "64:ff9b::a00:1"]
        {
            let error = of(rule, false, Box::leak(Box::new([private]))).await.unwrap_err();
            assert!(error.contains(rule) && error.contains("`private = true`"), "{error}");
        }
        assert!(of(rule, false, &[]).await.unwrap_err().contains("cannot be resolved"));
    }

    #[tokio::test]
    async fn who_may_reach_private_networks_still_reaches_no_metadata_by_name() {
        let rule = "http://*.corp.local";
        assert_eq!(of(rule, true, &["10.0.0.5"]).await.unwrap(), "10.0.0.5:80");
        for forbidden in ["169.254.169.254", "0.0.0.0", "::", "224.0.0.1", "::ffff:169.254.169.254"]
        {
            let error = of(rule, true, Box::leak(Box::new([forbidden]))).await.unwrap_err();
            assert!(error.contains("but not its address"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_named_address_is_reached_and_no_machine_is_not() {
        assert_eq!(of("http://127.0.0.1:81", false, &[]).await.unwrap(), "127.0.0.1:81");
        assert_eq!(of("http://[::1]", false, &[]).await.unwrap(), "[::1]:80");
        assert_eq!(of("http://169.254.169.254", false, &[]).await.unwrap(), "169.254.169.254:80");
        assert!(of("http://0.0.0.0", false, &[]).await.is_err());
    }
}
