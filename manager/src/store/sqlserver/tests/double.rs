//! What a healthy server never does, played by one that follows a script: connections cut in the middle
//! of a reply or of a commit, deadlocks, a refused login, a reply that comes too late.

use std::error::Error as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use steading_protocol::{Generation, Secret, WorkerId};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};

use super::super::lanes::Limits;
use super::super::{SqlServer, Target};
use super::tds;
use crate::store::{Store, StoreError, contract};

/// What the server does with a message.
pub(super) enum Act {
    /// It replies with these tokens.
    Reply(Vec<u8>),
    /// It sends half of a reply and closes the connection.
    Cut(Vec<u8>),
    /// It never replies.
    Silence,
}

/// What it does with the message that has this text, which is the nth that has it.
pub(super) type Script = fn(text: &str, nth: usize) -> Option<Act>;

/// A server on loopback.
pub(super) struct Double {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Double {
    /// Plays a script; messages that it does not mention get what a healthy server would say.
    pub(super) async fn play(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(vec![]));
        let double = Self { port, heard: Arc::clone(&heard) };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, script, Arc::clone(&heard)));
            }
        });
        double
    }

    fn target(&self) -> Target {
        let text = format!(
            "Server=tcp:127.0.0.1,{};Database=st;User Id=joe;Password=hunter2;\
             Encrypt=DANGER_PLAINTEXT",
            self.port
        );
        Target::parse(&Secret::new(text), None).unwrap()
    }

    pub(super) fn store(&self, call: Duration) -> SqlServer {
        let limits = Limits { call, lane: Duration::from_secs(1) };
        SqlServer::on(Arc::new(self.target()), limits)
    }

    /// How many messages had this text.
    pub(super) fn times(&self, text: &str) -> usize {
        self.heard.lock().unwrap().iter().filter(|heard| heard.contains(text)).count()
    }
}

async fn serve(mut client: TcpStream, script: Script, heard: Arc<Mutex<Vec<String>>>) {
    while let Some((kind, text)) = tds::receive(&mut client).await {
        let text = if kind == tds::LOGIN { "LOGIN".to_owned() } else { text };
        let nth = {
            let mut heard = heard.lock().unwrap();
            heard.push(text.clone());
            heard.iter().filter(|earlier| **earlier == text).count()
        };
        let act = if kind == tds::PRELOGIN { Some(tds::prelogin()) } else { None };
        match act.map(Act::Reply).or_else(|| script(&text, nth)).unwrap_or_else(|| healthy(&text)) {
            Act::Reply(tokens) => tds::send(&mut client, &tokens).await,
            Act::Cut(tokens) => {
                let packet = tds::packet(&tokens);
                client.write_all(&packet[..packet.len() / 2]).await.ok();
                return;
            }
            Act::Silence => {}
        }
    }
}

fn healthy(text: &str) -> Act {
    Act::Reply(match text {
        "LOGIN" => tds::login_ack(),
        _ if text.contains("sp_getapplock") => tds::int(0),
        _ if text.contains("SELECT generation") => tds::bigint(7),
        _ => tds::touched(1),
    })
}

pub(super) const LONG: Duration = Duration::from_secs(20);

fn worker() -> WorkerId {
    "w-1".parse().unwrap()
}

async fn generation(store: &SqlServer) -> Result<Option<Generation>, StoreError> {
    store.desired_generation(&worker()).await
}

#[tokio::test]
async fn a_read_that_was_cut_off_is_repeated_on_another_connection() {
    let double = Double::play(|text, nth| {
        let first = text.contains("SELECT generation") && nth == 1;
        first.then(|| Act::Cut(tds::bigint(7)))
    })
    .await;
    assert_eq!(generation(&double.store(LONG)).await.unwrap(), Some(Generation(7)));
    let times = ["LOGIN", "SET XACT_ABORT ON; SET NOCOUNT OFF", "SELECT generation"];
    assert_eq!(times.map(|text| double.times(text)), [2, 2, 2]);
}

#[tokio::test]
async fn connections_that_the_network_has_forgotten_are_given_up_within_seconds() {
    const MANY: usize = 8;
    let double = Double::play(|text, _| text.ends_with("SELECT 1").then_some(Act::Silence)).await;
    let store = double.store(LONG);
    let many = contract::futures_in_order((0..MANY).map(|_| generation(&store))).await;
    assert!(many.iter().all(Result::is_ok) && double.times("LOGIN") == MANY);
    // longer than a connection is trusted without a question
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let began = Instant::now();
    assert_eq!(generation(&store).await.unwrap(), Some(Generation(7)));
    assert!(began.elapsed() < LONG / 2, "{:?}", began.elapsed());
    assert_eq!(["LOGIN", "SELECT 1"].map(|text| double.times(text)), [MANY + 1, 1]);
}

#[tokio::test]
async fn a_deadlock_repeats_the_whole_transaction() {
    let double = Double::play(|text, nth| {
        let victim = text.contains("UPDATE worker") && nth == 1;
        victim.then(|| Act::Reply(tds::error(1205, "chosen as the deadlock victim")))
    })
    .await;
    double.store(LONG).desired_raise(&worker(), Generation(9)).await.unwrap();
    let times = ["BEGIN TRANSACTION", "sp_getapplock", "UPDATE worker", "COMMIT"];
    assert_eq!(times.map(|text| double.times(text)), [2, 2, 2, 1]);
}

#[tokio::test]
async fn a_deadlock_without_end_is_given_up() {
    let double = Double::play(|text, _| {
        let victim = text.contains("UPDATE worker");
        victim.then(|| Act::Reply(tds::error(1205, "chosen as the deadlock victim")))
    })
    .await;
    let error = double.store(LONG).desired_raise(&worker(), Generation(9)).await.unwrap_err();
    assert!(
        matches!(error, StoreError::Unreachable { operation: "desired_raise", .. }),
        "{error:?}"
    );
    assert_eq!((double.times("UPDATE worker"), double.times("COMMIT")), (5, 0));
}

#[tokio::test]
async fn a_refused_login_names_server_and_login_and_no_password() {
    let double = Double::play(|text, _| {
        (text == "LOGIN").then(|| Act::Reply(tds::error(18456, "Login failed for user 'joe'.")))
    })
    .await;
    let error = SqlServer::open(double.target()).await.err().unwrap();
    let fault = error.source().unwrap();
    assert_eq!(fault.to_string(), format!("cannot connect to 127.0.0.1:{} as joe", double.port));
    assert!(fault.source().unwrap().to_string().contains("Login failed"), "{fault:?}");
    assert!(!format!("{error:?} {error}").contains("hunter2"), "{error:?}");
    assert_eq!(double.times("LOGIN"), 1, "a wrong password is not tried again and again");
}

#[tokio::test]
async fn a_reply_that_comes_too_late_ends_the_call_and_not_the_store() {
    let double = Double::play(|text, nth| {
        (text.contains("SELECT generation") && nth == 1).then_some(Act::Silence)
    })
    .await;
    let limit = Duration::from_millis(400);
    let store = double.store(limit);
    let began = Instant::now();
    let error = generation(&store).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
    assert!(began.elapsed() >= limit && began.elapsed() < LONG, "{:?}", began.elapsed());
    assert_eq!(generation(&store).await.unwrap(), Some(Generation(7)));
    assert_eq!(double.times("LOGIN"), 2, "the connection of the late reply is not used again");
}

#[tokio::test]
async fn a_commit_without_an_answer_is_repeated_only_where_that_is_safe() {
    let script: Script =
        |text, nth| (text.contains("COMMIT") && nth == 1).then(|| Act::Cut(tds::touched(0)));
    let double = Double::play(script).await;
    double.store(LONG).desired_raise(&worker(), Generation(9)).await.unwrap();
    assert_eq!((double.times("UPDATE worker"), double.times("COMMIT")), (2, 2));

    let double = Double::play(script).await;
    let error = double.store(LONG).token_delete("t").await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
    assert_eq!((double.times("DELETE FROM token"), double.times("COMMIT")), (1, 1));
}

#[tokio::test]
async fn any_negative_answer_of_the_lock_means_that_it_is_not_ours() {
    let double = Double::play(|text, nth| {
        let refused = [-1, -3, -999].get(nth - 1).filter(|_| text.contains("sp_getapplock"));
        refused.map(|answer| Act::Reply(tds::int(*answer)))
    })
    .await;
    double.store(LONG).desired_raise(&worker(), Generation(9)).await.unwrap();
    let times = ["sp_getapplock", "UPDATE worker", "COMMIT"].map(|text| double.times(text));
    assert_eq!(times, [4, 1, 1]);
}

#[tokio::test]
async fn nobody_at_the_address_is_told_as_unreachable() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let nobody = Double { port, heard: Arc::default() };
    let error = generation(&nobody.store(LONG)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
    assert!(error.source().unwrap().to_string().starts_with("cannot connect to 127.0.0.1:"));
}

#[tokio::test]
async fn a_full_database_is_told_as_full() {
    let double = Double::play(|text, _| {
        let full = text.contains("UPDATE worker");
        full.then(|| Act::Reply(tds::error(1105, "Could not allocate space")))
    })
    .await;
    let error = double.store(LONG).desired_raise(&worker(), Generation(9)).await.unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
    assert_eq!(double.times("UPDATE worker"), 1);
}
