//! TLS to the hosts that functions send to: the authorities that the system trusts, and those of the operator's
//! file. No certificate of the worker's own is shown to anyone.

use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::count::Counted;
use super::policy::Host;

/// The settings of TLS, made when they are first needed: many a container has no certificates and no function
/// that would miss them.
pub(super) struct Tls {
    authorities: Vec<CertificateDer<'static>>,
    connector: OnceLock<Result<TlsConnector, String>>,
}

impl Tls {
    /// Reads the operator's file, if there is one.
    pub(super) fn new(ca_file: Option<&Path>) -> io::Result<Self> {
        let authorities = ca_file.map_or_else(|| Ok(vec![]), read)?;
        let tls = Self { authorities, connector: OnceLock::new() };
        if ca_file.is_some() {
            // an operator who names a file hears of a bad one at once
            tls.connector().map_err(invalid)?;
        }
        Ok(tls)
    }

    /// Makes a connection one of TLS, with the host that the rule was matched with.
    pub(super) async fn connect(
        &self,
        host: &Host,
        stream: Counted<TcpStream>,
    ) -> io::Result<TlsStream<Counted<TcpStream>>> {
        let connector = self.connector().map_err(io::Error::other)?;
        let name = match host {
            Host::Name(name) => ServerName::try_from(name.clone()).map_err(invalid)?,
            Host::Address(address) => ServerName::from(*address),
        };
        connector.connect(name, stream).await
    }

    fn connector(&self) -> Result<&TlsConnector, String> {
        let made = self.connector.get_or_init(|| self.made().map_err(|error| error.to_string()));
        made.as_ref().map_err(Clone::clone)
    }

    fn made(&self) -> Result<TlsConnector, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let authorities = self.authorities.iter().cloned();
        let verifier = Verifier::new_with_extra_roots(authorities, Arc::clone(&provider))?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(TlsConnector::from(Arc::new(config)))
    }
}

fn read(file: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let text = std::fs::read(file)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(invalid)?;
    if found.is_empty() {
        return Err(invalid("it has no certificate in PEM"));
    }
    Ok(found)
}

fn invalid(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
