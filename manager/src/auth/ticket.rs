//! One-time tickets: `dev` prints a link that signs the local browser in. In memory only, used once,
//! short-lived.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse, Response};
use http::header::SET_COOKIE;
use serde::Deserialize;
use steading_protocol::Secret;

use super::secret::{SecretHash, mint};
use super::session;
use crate::error::{ApiError, Code};
use crate::state::Shared;

/// Where a ticket is redeemed: `GET <path>?ticket=…`.
pub(crate) const TICKET_PATH: &str = "/sign-in/local";

/// How long a ticket waits for a browser: a morning at the terminal.
const AGE_MAX: Duration = Duration::from_secs(12 * 3600);

/// Tickets open at once; the process's own `dev` asks for one or two.
const TICKETS_MAX: usize = 16;

#[derive(Default)]
pub(super) struct Tickets {
    open: Mutex<HashMap<[u8; 32], Instant>>,
}

impl Tickets {
    pub(super) fn issue(&self) -> Secret {
        let ticket = mint("");
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, issued| issued.elapsed() < AGE_MAX);
        if open.len() >= TICKETS_MAX
            && let Some(oldest) = open.iter().min_by_key(|(_, issued)| **issued).map(|(t, _)| *t)
        {
            open.remove(&oldest);
        }
        open.insert(key(ticket.expose()), Instant::now());
        ticket
    }

    fn redeem(&self, ticket: &str) -> bool {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.remove(&key(ticket)).is_some_and(|issued| issued.elapsed() < AGE_MAX)
    }
}

fn key(ticket: &str) -> [u8; 32] {
    SecretHash::of(ticket).as_bytes().try_into().expect("a hash has 32 bytes")
}

#[derive(Deserialize)]
pub(crate) struct TicketQuery {
    ticket: String,
}

/// Signs the browser in and sends it to the portal. A page that moves on by itself instead of a
/// redirect: after a redirect from a link in another site's terminal, a `SameSite=Strict` cookie
/// would not be sent.
pub(crate) async fn open_ticket(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<TicketQuery>,
) -> Result<Response, ApiError> {
    if !shared.auth.tickets.redeem(&query.ticket) {
        return Err(ApiError::new(
            Code::Unauthorized,
            "this link has been used or is too old; sign in with the password",
        ));
    }
    let session = session::begin(&shared).await?;
    let page = "<!doctype html><meta http-equiv=\"refresh\" content=\"0;url=/\">\
                <title>Steading</title><a href=\"/\">Continue to the portal</a>";
    Ok(([(SET_COOKIE, session.cookie)], Html(page)).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_works_once() {
        let tickets = Tickets::default();
        let ticket = tickets.issue();
        assert!(tickets.redeem(ticket.expose()));
        assert!(!tickets.redeem(ticket.expose()));
        assert!(!tickets.redeem(""));
    }
}
