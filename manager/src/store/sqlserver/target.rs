//! Where to connect, as whom, and how the server proves who it is: a connection string made into the
//! driver's configuration. Its `Debug` and its errors never show the password.

use std::path::{Path, PathBuf};
use std::time::Duration;

use steading_protocol::Secret;
use tiberius::error::Error;
use tiberius::{Client, Config, SqlBrowser as _};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt as _};

use super::ado::Pairs;
use super::fault::Fault;

/// What connecting may take, with name resolution, TLS and login; a server that has just started
/// answers within a few seconds.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);

/// How often a server may point elsewhere, as gateways do, before that is a circle.
const ROUTES_MAX: usize = 3;

/// What Microsoft's own clients ask for; larger ones are refused with TLS by some servers.
const PACKET_BYTES: u32 = 8000;

/// A connection, logged in.
pub(super) type Link = Client<Compat<TcpStream>>;

/// A server, a database in it, and a login.
#[derive(Clone)]
pub(crate) struct Target {
    config: Config,
    /// Whether any certificate is taken.
    pub(super) trusting: bool,
    /// Host and port.
    pub(super) server: String,
    /// The database.
    pub(super) database: String,
    /// Who logs in.
    pub(super) login: String,
}

/// A connection string, or what belongs to it, that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TargetError {
    /// The driver cannot read it.
    #[error("the connection string cannot be read")]
    Malformed(#[source] Error),
    /// Something has to be in it and is not.
    #[error("the connection string has no `{0}`")]
    Missing(&'static str),
    /// Windows authentication elsewhere.
    #[error("integrated authentication needs a manager on Windows; give `User Id` and `Password`")]
    Integrated,
    /// The file with the CA's certificate.
    #[error("cannot read the CA file {}", .0.display())]
    CaFile(PathBuf, #[source] std::io::Error),
    /// A CA, and the wish not to look at it.
    #[error("a CA file and `TrustServerCertificate=true` exclude each other")]
    CaUnused,
}

impl Target {
    /// Reads a connection string; the file holds certificates that may sign the server's.
    pub(crate) fn parse(text: &Secret, ca_file: Option<&Path>) -> Result<Self, TargetError> {
        let text = text.expose();
        let mut config = Config::from_ado_string(text).map_err(TargetError::Malformed)?;
        let pairs = Pairs::read(text);
        pairs.get(&["server", "data source"]).ok_or(TargetError::Missing("Server"))?;
        let database = pairs.get(&["database", "initial catalog", "databasename"]);
        let database = database.ok_or(TargetError::Missing("Database"))?.to_owned();
        let user = pairs.get(&["uid", "username", "user", "user id"]);
        let login = if pairs.is_on(&["integratedsecurity", "integrated security"]) {
            if cfg!(not(windows)) {
                return Err(TargetError::Integrated);
            }
            user.unwrap_or("the account of this process").to_owned()
        } else {
            user.ok_or(TargetError::Missing("User Id"))?.to_owned()
        };
        let trusting = pairs.is_on(&["trustservercertificate"]);
        if let Some(path) = ca_file {
            if trusting {
                return Err(TargetError::CaUnused);
            }
            let failed = |error| TargetError::CaFile(path.to_owned(), error);
            config.trust_cert_ca_bundle(std::fs::read(path).map_err(failed)?);
        }
        if pairs.get(&["application name", "applicationname"]).is_none() {
            config.application_name("steading");
        }
        config.packet_size(PACKET_BYTES);
        // Each call has a deadline of its own; waiting for a lock may take longer than the driver's.
        config.command_timeout(None);
        Ok(Self { server: config.get_addr(), config, trusting, database, login })
    }

    /// The same server and login with another database.
    pub(super) fn with_database(&self, database: &str) -> Self {
        let mut other = Self { database: database.to_owned(), ..self.clone() };
        other.config.database(database);
        other
    }

    /// Connects and logs in.
    pub(super) async fn connect(&self) -> Result<Link, Fault> {
        let late = || Error::Io {
            kind: std::io::ErrorKind::TimedOut,
            message: format!("no answer within {CONNECT_TIME_MAX:?}"),
        };
        let linked = tokio::time::timeout(CONNECT_TIME_MAX, self.follow());
        linked.await.unwrap_or_else(|_| Err(late())).map_err(|source| Fault::Connect {
            place: format!("{} as {}", self.server, self.login),
            source: advised(source),
        })
    }

    async fn follow(&self) -> tiberius::Result<Link> {
        let mut config = self.config.clone();
        let mut left = ROUTES_MAX;
        loop {
            let socket = TcpStream::connect_named(&config).await?;
            socket.set_nodelay(true)?;
            // On the heap: with TLS and login in it, this is the largest future of the driver.
            match Box::pin(Client::connect(config.clone(), socket.compat_write())).await {
                Err(Error::Routing { host, port }) if left > 0 => {
                    left -= 1;
                    config.host(host);
                    config.port(port);
                }
                linked => return linked,
            }
        }
    }
}

/// A refused certificate with advice for operators instead of the driver's, which is for programmers.
fn advised(error: Error) -> Error {
    const DRIVERS: &str = " To connect anyway";
    match error {
        Error::Tls(text) if text.contains(DRIVERS) => {
            let told = text.split(DRIVERS).next().unwrap_or_default();
            Error::Tls(format!("{told} {}", remedy(told)))
        }
        other => other,
    }
}

/// What helps against the reason for which a certificate was refused, in the words of rustls.
fn remedy(told: &str) -> &'static str {
    const REMEDIES: [(&str, &str); 4] = [
        (
            "not valid for name",
            "`Server` or `HostNameInCertificate` in the connection string has to be a name that it \
             is for",
        ),
        (
            "CaUsedAsEndEntity",
            "The server shows the certificate of an authority (CA:TRUE); it needs one of its own, \
             which that authority has signed",
        ),
        ("certificate expired", "The server needs a new one, unless this machine's clock is wrong"),
        ("certificate not valid yet", "Look at this machine's clock, and at the server's"),
    ];
    let fitting = REMEDIES.iter().find(|(reason, _)| told.contains(reason));
    fitting.map_or("Name the certificate that signed it as `store_ca_file`", |(_, remedy)| remedy)
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} in {} as {}", self.database, self.server, self.login)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, ca_file: Option<&str>) -> Result<Target, TargetError> {
        Target::parse(&Secret::new(text), ca_file.map(Path::new))
    }

    #[test]
    fn a_target_shows_everything_but_the_password() {
        let target =
            parse("Server=tcp:db.example,1444;Database=st;User Id=joe;Password=hunter2", None);
        assert_eq!(format!("{:?}", target.unwrap()), "st in db.example:1444 as joe");
    }

    #[test]
    fn a_refused_certificate_is_told_with_what_helps() {
        use rustls::CertificateError::{
            ExpiredContext, NotValidForNameContext, NotValidYetContext, UnknownIssuer,
        };
        let time = rustls::pki_types::UnixTime::since_unix_epoch(Duration::from_secs(9));
        let expected = "db.example".try_into().unwrap();
        let told = |reason: String| {
            let driver =
                format!("the certificate was rejected: {reason}. To connect anyway you can");
            advised(Error::Tls(driver)).to_string()
        };
        for (reason, remedy) in [
            (UnknownIssuer.to_string(), "`store_ca_file`"),
            (NotValidForNameContext { expected, presented: vec![] }.to_string(), "`HostNameIn"),
            (ExpiredContext { time, not_after: time }.to_string(), "needs a new one"),
            (NotValidYetContext { time, not_before: time }.to_string(), "the server's"),
            // rustls passes it on as webpki's
            ("Other(OtherError(CaUsedAsEndEntity))".to_owned(), "one of its own"),
        ] {
            let told = told(reason);
            assert!(told.contains(remedy) && !told.contains("anyway"), "{told}");
        }
    }

    #[test]
    fn what_is_missing_or_contradicts_itself_is_named() {
        let told = |text: &str, ca: Option<&str>| parse(text, ca).unwrap_err().to_string();
        assert!(told("Database=x;User Id=y", None).contains("`Server`"));
        assert!(told("Server=x;User Id=y", None).contains("`Database`"));
        assert!(told("Server=x;Database=y;Password=z", None).contains("`User Id`"));
        let full = "Server=x;Database=y;User Id=z;Password=hunter2";
        assert!(told(full, Some("/does/not/exist")).contains("/does/not/exist"));
        let trusting = format!("{full};TrustServerCertificate=true");
        assert!(told(&trusting, Some("/does/not/exist")).contains("exclude each other"));
        let error = parse(&format!("{full};Encrypt=perhaps"), None).unwrap_err();
        assert!(matches!(error, TargetError::Malformed(_)));
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        if cfg!(not(windows)) {
            let text = "Server=x;Database=y;Integrated Security=SSPI";
            assert!(told(text, None).contains("Windows"));
        }
    }
}
