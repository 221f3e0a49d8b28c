//! Judges ports, the way to the manager, its clock, and the token that joins.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::doctor::Finding;
use crate::probe::{Answer, Told};

/// What happened when a port was opened for a try.
#[derive(Debug)]
pub(in crate::doctor) enum Port {
    /// It was free.
    Free,
    /// Somebody has it who answers `/live` as our roles do.
    Ours,
    /// It could not be opened.
    Refused(io::Error),
}

/// Whether somebody knows this role already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::doctor) enum Known {
    /// It has never run here.
    No,
    /// It can start from what it knows.
    Yes,
}

/// `Date` has whole seconds, and the answer was some time on its way.
const SKEW_UNSEEN: Duration = Duration::from_secs(2);
/// Beyond this certificates and open hours are judged wrongly, and logs cannot be put side by side.
const SKEW_MAX: Duration = Duration::from_secs(300);

pub(in crate::doctor) fn port(key: &'static str, address: SocketAddr, port: &Port) -> Finding {
    let error = match port {
        Port::Free => return Finding::ok(key, format!("{address} is free")),
        Port::Ours => {
            let found = format!("{address} is in use by a role of Steading");
            return Finding::warn(key, found, "nothing, if it is this one that runs already");
        }
        Port::Refused(error) => error,
    };
    let (found, advice) = match error.kind() {
        io::ErrorKind::AddrInUse => (
            format!("{address} is in use"),
            format!("choose another address, or end who has it: {}", who(address.port())),
        ),
        io::ErrorKind::PermissionDenied => {
            (format!("{address} may not be opened: {error}"), reserved(address.port()))
        }
        io::ErrorKind::AddrNotAvailable => (
            format!("{address} is no address of this machine"),
            "take one of its own, or 0.0.0.0 for all".to_owned(),
        ),
        _ => (format!("{address} cannot be opened: {error}"), "choose another address".to_owned()),
    };
    Finding::fail(key, found, advice)
}

fn who(port: u16) -> String {
    match cfg!(windows) {
        true => format!("`netstat -ano | findstr :{port}` names its process"),
        false => format!("`ss -ltnp 'sport = :{port}'` names it"),
    }
}

fn reserved(port: u16) -> String {
    match cfg!(windows) {
        true => "Windows has reserved it, as `netsh interface ipv4 show excludedportrange protocol=tcp` \
                 shows; choose another, or take it out of the range as an administrator"
            .to_owned(),
        false if port < 1024 => "choose one from 1024, or give the role CAP_NET_BIND_SERVICE".to_owned(),
        false => "a security module forbids it; its log says which".to_owned(),
    }
}

pub(in crate::doctor) fn manager(at: &url::Url, answer: &Answer, known: Known) -> Finding {
    const CHECK: &str = "manager";
    let (found, advice) = match answer {
        Answer::Told(Told { status: 200, .. }) => {
            return Finding::ok(CHECK, format!("{at} is ready"));
        }
        Answer::Told(Told { status: 503, text, .. }) => (
            format!("{at} is not ready: {text}"),
            "look after the manager: `steading doctor manager` on its machine",
        ),
        Answer::Told(told) => (
            format!("{at} answers {} to /ready", told.status),
            "check that this is the manager's own URL, and what the proxy in front of it lets through",
        ),
        Answer::Nobody => (
            format!("nobody listens at {at}"),
            "start the manager, or correct `manager`; its `listen` must not be a loopback address when others \
             are to reach it",
        ),
        Answer::Silent(why) => (
            format!("{at} cannot be reached: {why}"),
            "check name resolution, routes and firewalls from this machine to there",
        ),
    };
    match known {
        Known::Yes => {
            Finding::warn(CHECK, found, format!("{advice}. It starts with what it last knew"))
        }
        Known::No => Finding::fail(CHECK, found, advice),
    }
}

/// How far the manager's clock is from this machine's.
pub(in crate::doctor) fn clock(ahead: Option<Duration>, behind: Option<Duration>) -> Finding {
    const CHECK: &str = "clock";
    let advice = "set both clocks by the same time server (chrony, systemd-timesyncd, w32time)";
    let (skew, which) = match (ahead, behind) {
        (Some(skew), _) => (skew, "ahead of"),
        (None, Some(skew)) => (skew, "behind"),
        (None, None) => return Finding::warn(CHECK, "the manager does not tell the time", advice),
    };
    let found = format!("the manager's is {} s {which} this one", skew.as_secs());
    match skew {
        skew if skew <= SKEW_UNSEEN => Finding::ok(CHECK, "as the manager's"),
        skew if skew <= SKEW_MAX => Finding::warn(CHECK, found, advice),
        _ => Finding::fail(CHECK, found, advice),
    }
}

/// `token` says whether the environment has one.
pub(in crate::doctor) fn token(token: bool, known: Known) -> Finding {
    const CHECK: &str = "join token";
    match (token, known) {
        (true, _) => Finding::ok(CHECK, "there"),
        (false, Known::Yes) => Finding::ok(CHECK, "none, and none is needed: it has joined before"),
        (false, Known::No) => Finding::fail(
            CHECK,
            "none",
            "set STEADING_JOIN_TOKEN_FILE to a file with the text of the manager's `join-token`",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    fn refused(kind: io::ErrorKind) -> Finding {
        let address = "127.0.0.1:80".parse().unwrap();
        port("listen", address, &Port::Refused(kind.into()))
    }

    #[test]
    fn a_port_in_use_fails_with_how_to_find_who_has_it() {
        let finding = refused(io::ErrorKind::AddrInUse);
        assert_eq!((finding.verdict, &*finding.found), (Verdict::Fail, "127.0.0.1:80 is in use"));
        assert!(finding.advice.unwrap().contains(":80"));
        assert!(refused(io::ErrorKind::AddrNotAvailable).found.contains("no address of this"));
        let ours = port("listen", "127.0.0.1:80".parse().unwrap(), &Port::Ours);
        assert_eq!(ours.verdict, Verdict::Warn);
    }

    #[test]
    fn a_port_that_may_not_be_opened_says_which_right_is_missing() {
        let advice = refused(io::ErrorKind::PermissionDenied).advice.unwrap();
        let right = if cfg!(windows) { "excludedportrange" } else { "CAP_NET_BIND_SERVICE" };
        assert!(advice.contains(right), "{advice}");
    }

    #[test]
    fn a_manager_that_is_away_fails_only_who_has_never_heard_of_it() {
        let at = "http://m:7070/".parse().unwrap();
        assert_eq!(manager(&at, &Answer::Nobody, Known::No).verdict, Verdict::Fail);
        assert_eq!(manager(&at, &Answer::Nobody, Known::Yes).verdict, Verdict::Warn);
        let told = |status| Told { status, text: "stopping".into(), date: None };
        assert_eq!(manager(&at, &Answer::Told(told(200)), Known::No).verdict, Verdict::Ok);
        let stopping = manager(&at, &Answer::Told(told(503)), Known::No);
        assert!(stopping.found.ends_with("not ready: stopping"), "{stopping:?}");
    }

    #[test]
    fn a_clock_is_judged_in_both_directions() {
        let seconds = |s| Some(Duration::from_secs(s));
        assert_eq!(clock(seconds(2), None).verdict, Verdict::Ok);
        assert_eq!(clock(None, seconds(3)).verdict, Verdict::Warn);
        let far = clock(None, seconds(301));
        assert_eq!(far.verdict, Verdict::Fail);
        assert_eq!(far.found, "the manager's is 301 s behind this one");
        assert_eq!(clock(None, None).verdict, Verdict::Warn);
    }

    #[test]
    fn a_token_is_needed_once() {
        assert_eq!(token(false, Known::No).verdict, Verdict::Fail);
        assert_eq!(token(false, Known::Yes).verdict, Verdict::Ok);
        assert_eq!(token(true, Known::No).verdict, Verdict::Ok);
    }
}
