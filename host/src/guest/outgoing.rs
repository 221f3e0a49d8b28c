//! The outgoing requests of one invocation, whatever kind of guest sends them: made possible when the first is
//! sent, and told to the function's log when they come to nothing. The guest hears little of why, its operator
//! all of it.

use std::sync::{Arc, OnceLock};

use http::{Request, Response, Uri};

use super::Conduit;
use super::log::Level;
use crate::capability::{
    Capabilities, Driver, Errand, Outbound, OutboundError, Patience, RequestBody, ResponseBody,
};

/// The outgoing requests of one invocation.
pub(super) struct Outgoing {
    outbound: Option<Arc<Outbound>>,
    errand: OnceLock<Errand>,
    conduit: Arc<Conduit>,
}

impl Outgoing {
    pub(super) fn new(capabilities: &Capabilities, conduit: Arc<Conduit>) -> Self {
        Self { outbound: capabilities.outbound.clone(), errand: OnceLock::new(), conduit }
    }

    /// Sends a request, as [`Errand::send`] does.
    pub(super) async fn send(
        &self,
        request: Request<RequestBody>,
        patience: Patience,
    ) -> Result<(Response<ResponseBody>, Driver), OutboundError> {
        let to = origin(request.uri());
        let sent = match &self.outbound {
            None => Err(OutboundError::Denied("functions here send no requests".to_owned())),
            Some(outbound) => {
                self.errand.get_or_init(|| outbound.errand()).send(request, patience).await
            }
        };
        if let Err(error) = &sent {
            let became = match error {
                OutboundError::Denied(_) | OutboundError::AddressProhibited(_) => "refused",
                _ => "failed",
            };
            let text = format!("outgoing request to {to} {became}: {}", error.text());
            self.conduit.log.record(Level::Warn, text.as_bytes());
        }
        sent
    }

    /// The body of a response broke off.
    pub(super) fn broken(&self, error: &OutboundError) {
        let text = format!("a response broke off: {}", error.text());
        self.conduit.log.record(Level::Warn, text.as_bytes());
    }
}

/// Scheme and host of a URL as the guest wrote them, without what may be secret: its user, path and query.
fn origin(uri: &Uri) -> String {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{}://{host}", uri.scheme_str().unwrap_or("?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_told_the_host_and_no_secret() {
        let uri = "https://user:pass@a.example:8443/path?token=x".parse().unwrap();
        assert_eq!(origin(&uri), "https://a.example:8443");
        assert_eq!(origin(&"/x".parse().unwrap()), "?://");
    }
}
