//! Writes to the key-value stores of one app happen one after the other. Those of this manager wait for
//! their turn here, in the order in which they came and without a connection, so that an app with many of
//! them takes one connection from the others; the lock in the database is for those of other managers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use steading_protocol::AppName;
use tokio::sync::OwnedMutexGuard;

/// Held while a write is on its way.
pub(super) type Turn = OwnedMutexGuard<()>;

/// The apps that are written to now.
#[derive(Default)]
pub(super) struct Turns(Mutex<HashMap<AppName, Arc<tokio::sync::Mutex<()>>>>);

impl Turns {
    /// Waits for a turn.
    pub(super) async fn take(&self, app: &AppName) -> Turn {
        self.of(app).lock_owned().await
    }

    fn of(&self, app: &AppName) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // what only this map still has, nobody waits for
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(turns.entry(app.clone()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn an_app_waits_for_itself_alone_and_is_forgotten_afterwards() {
        let (turns, [one, two]) = (Turns::default(), ["one", "two"].map(|a| a.parse().unwrap()));
        let first = turns.take(&one).await;
        let again = tokio::time::timeout(Duration::from_millis(20), turns.take(&one)).await;
        assert!(again.is_err(), "two have the turn of one app");
        let other = turns.take(&two).await;
        drop(first);
        turns.take(&one).await;
        drop(other);
        turns.take(&two).await;
        assert_eq!(turns.0.lock().unwrap().len(), 1, "only the last one that was asked for");
    }
}
