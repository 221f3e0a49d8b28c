//! Who is calling: passwords, sessions, tokens, the join token, and the one-time ways in. What each
//! of them may do is the gate's business.
//!
//! One invariant: the store holds no secret, only argon2id hashes of passwords and SHA-256 hashes of
//! random tokens.

mod attempts;
mod caller;
mod csrf;
mod password;
mod secret;
mod session;
mod sign_in;
mod ticket;

use std::sync::atomic::{AtomicBool, Ordering};

use steading_protocol::Secret;

pub(crate) use caller::{AsWorker, Caller, ClientAddress, bearer, identify_operator};
pub(crate) use csrf::{CSRF_FIELD, CSRF_HEADER, check_origin, csrf_matches};
pub(crate) use password::{PASSWORD_CHARS_MIN, PasswordRefused, adopt_password, check_password};
pub(crate) use secret::{SecretHash, mint};
pub(crate) use session::{IDLE_MAX, Session, session_of};
pub(crate) use sign_in::{basic_password, needs_set_up, set_up, sign_in, sign_out};
pub(crate) use ticket::{TICKET_PATH, open_ticket};

/// The part of authentication that lives as long as the process.
pub(crate) struct Auth {
    /// The hash of the token with which workers join.
    pub(crate) join_token: SecretHash,
    /// Its text, for an administrator who asks the portal to show it.
    pub(crate) join_token_text: Secret,
    /// What the set-up page asks for while there is no password; made anew at each start.
    pub(crate) setup_code: Secret,
    set_up: AtomicBool,
    attempts: attempts::Attempts,
    tickets: ticket::Tickets,
    hashing: password::Hashing,
}

impl Auth {
    /// With a join token, and whether an administrator's password is set.
    pub(crate) fn new(join_token: &Secret, set_up: bool) -> Self {
        Self {
            join_token: SecretHash::of(join_token.expose()),
            join_token_text: join_token.clone(),
            setup_code: mint("setup-"),
            set_up: AtomicBool::new(set_up),
            attempts: attempts::Attempts::default(),
            tickets: ticket::Tickets::default(),
            hashing: password::Hashing::default(),
        }
    }

    /// The set-up code while it opens something.
    pub(crate) fn setup_code_if_open(&self) -> Option<&Secret> {
        (!self.set_up.load(Ordering::Relaxed)).then_some(&self.setup_code)
    }

    /// Notes that a password has been set. The store decides; this only stops showing the code.
    fn note_set_up(&self) {
        self.set_up.store(true, Ordering::Relaxed);
    }

    /// A one-time ticket that signs a browser in; see [`TICKET_PATH`].
    pub(crate) fn new_ticket(&self) -> Secret {
        self.tickets.issue()
    }
}
