//! Makes connections for a pool, and judges those that were idle: networks forget connections and tell
//! nobody, so one may look whole that leads nowhere.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};

use super::fault::Fault;
use super::target::{Link, Target};

/// A connection that was idle for longer is asked whether it still stands before it is used.
const IDLE_TRUSTED: Duration = Duration::from_secs(1);

/// How long that question may take.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(2);

/// One that was idle for longer is given up without asking: firewalls forget after some minutes.
const IDLE_MAX: Duration = Duration::from_secs(180);

/// Makes connections for the pool.
pub(super) struct Connector {
    target: Arc<Target>,
    /// When the last question was asked that nobody answered.
    silence: Mutex<Option<Instant>>,
}

/// A connection of the pool.
pub(super) struct Connection {
    pub(super) link: Link,
    used_at: Instant,
}

impl Connector {
    pub(super) fn new(target: Arc<Target>) -> Self {
        Self { target, silence: Mutex::default() }
    }

    /// Whether a connection that was last used then was idle when another one gave no answer. Whatever
    /// took that one took it, too, most likely, and a call cannot ask one after the other.
    fn is_suspect(&self, used_at: Instant) -> bool {
        let silence = self.silence.lock().unwrap_or_else(PoisonError::into_inner);
        silence.is_some_and(|asked_at| used_at < asked_at)
    }
}

impl Manager for Connector {
    type Type = Connection;
    type Error = Fault;

    async fn create(&self) -> Result<Connection, Fault> {
        let mut link = self.target.connect().await?;
        // An error in a statement ends its whole transaction, not the statement alone. And a statement
        // says how many rows it touched, also where an administrator has told the server otherwise.
        link.simple_query("SET XACT_ABORT ON; SET NOCOUNT OFF").await?.into_results().await?;
        Ok(Connection { link, used_at: Instant::now() })
    }

    async fn recycle(&self, connection: &mut Connection, _: &Metrics) -> RecycleResult<Fault> {
        let idle = connection.used_at.elapsed();
        if idle > IDLE_MAX || self.is_suspect(connection.used_at) {
            return Err(RecycleError::message("it may be forgotten"));
        }
        let asked_at = Instant::now();
        if idle > IDLE_TRUSTED {
            let asked =
                async { connection.link.simple_query("SELECT 1").await?.into_results().await };
            let Ok(answer) = tokio::time::timeout(ANSWER_TIME_MAX, asked).await else {
                *self.silence.lock().unwrap_or_else(PoisonError::into_inner) = Some(asked_at);
                return Err(Fault::Late(ANSWER_TIME_MAX).into());
            };
            answer.map_err(Fault::from)?;
        }
        connection.used_at = Instant::now();
        Ok(())
    }
}
