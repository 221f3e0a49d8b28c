//! The way from a call of the trait to the database: a connection from the pool, a transaction with
//! the lock it needs, a deadline, and another attempt where that is safe. Knows no tables.
//!
//! One lane for writers, as in the embedded store: every transaction that runs a plan or changes what
//! a plan reads holds the lock of that name alone, whichever manager it is of. So a plan sees
//! everything that was committed before it, and no generation can miss a change, without a word about
//! isolation levels or lock hints. Reads of several statements that have to agree share the lock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use deadpool::managed::{Pool, PoolError};

use super::connector::Connector;
use super::fault::Fault;
use super::target::Target;
use super::tx::Tx;
use crate::store::{Result, StoreError};

/// Connections of one manager. A plan holds one for some milliseconds; 200 workers with a heartbeat
/// every two seconds keep less than one busy.
const CONNECTIONS_MAX: usize = 16;

/// Those for what functions ask of key-value stores, apart from the others, so that no sign of life and no
/// lease waits behind them.
const CONNECTIONS_OF_FUNCTIONS_MAX: usize = 8;

/// How long a call may take, with waiting, repeating and all.
const CALL_TIME_MAX: Duration = Duration::from_secs(30);

/// How long one attempt waits for the writer lane.
const LANE_TIME_MAX: Duration = Duration::from_secs(10);

/// Attempts after the first, with pauses that double from the first to the last of these.
const REPEATS_MAX: usize = 4;
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// What a call needs of the writer lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// Nothing: statements that stand for themselves, each of which may happen twice.
    Nothing,
    /// A transaction, whose work takes what locks it needs.
    Own,
    /// That nobody writes meanwhile: several reads that have to agree.
    Shared,
    /// All of it.
    Alone,
}

/// Whether a transaction may happen twice with the same answer and the same end, when it is not
/// known whether it happened once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// It may.
    Safe,
    /// It may not.
    Never,
}

/// The limits of a call; tests have shorter ones.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) call: Duration,
    pub(super) lane: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { call: CALL_TIME_MAX, lane: LANE_TIME_MAX }
    }
}

/// Connections of this manager.
#[derive(Clone)]
pub(super) struct Lanes {
    pool: Pool<Connector>,
    limits: Limits,
}

impl Lanes {
    pub(super) fn new(target: Arc<Target>, limits: Limits) -> Self {
        Self::of(target, limits, CONNECTIONS_MAX)
    }

    /// The lanes of functions.
    pub(super) fn of_functions(target: Arc<Target>, limits: Limits) -> Self {
        Self::of(target, limits, CONNECTIONS_OF_FUNCTIONS_MAX)
    }

    fn of(target: Arc<Target>, limits: Limits, connections_max: usize) -> Self {
        let builder = Pool::builder(Connector::new(target)).max_size(connections_max);
        Self { pool: builder.build().expect("a pool without timeouts needs no runtime"), limits }
    }

    /// What holds for a call.
    pub(super) fn limits(&self) -> Limits {
        self.limits
    }

    /// A call that begins now.
    pub(super) fn call(&self, operation: &'static str, hold: Hold, again: Again) -> Call<'_> {
        let pauses = ExponentialBuilder::new()
            .with_min_delay(PAUSE_MIN)
            .with_max_delay(PAUSE_MAX)
            .with_max_times(REPEATS_MAX)
            .with_jitter()
            .build();
        Call { lanes: self, operation, hold, again, pauses, began: Instant::now() }
    }
}

/// One call of the trait; [`transact`] drives it.
pub(super) struct Call<'a> {
    lanes: &'a Lanes,
    operation: &'static str,
    hold: Hold,
    again: Again,
    pauses: ExponentialBackoff,
    began: Instant,
}

impl Call<'_> {
    /// A connection with the transaction that the call needs.
    pub(super) async fn begin(&self) -> std::result::Result<Tx, Fault> {
        let connection = self.lanes.pool.get().await.map_err(|error| match error {
            PoolError::Backend(fault) => fault,
            other => Fault::Told(other.to_string()),
        })?;
        let wait_ms = u64::try_from(self.lanes.limits.lane.as_millis()).unwrap_or(u64::MAX);
        Tx::begin(connection, self.hold, wait_ms).await
    }

    /// An attempt, ended when the time of the call is over.
    pub(super) async fn in_time<T>(
        &self,
        attempt: impl Future<Output = std::result::Result<T, Fault>>,
    ) -> std::result::Result<T, Fault> {
        let limit = self.lanes.limits.call;
        let left = limit.saturating_sub(self.began.elapsed());
        tokio::time::timeout(left, attempt).await.unwrap_or(Err(Fault::Late(limit)))
    }

    /// What an attempt means for the call: its end, or nothing after the pause before another.
    pub(super) async fn ended<T>(
        &mut self,
        outcome: std::result::Result<T, Fault>,
    ) -> Option<Result<T>> {
        let fault = match outcome {
            Ok(value) => return Some(Ok(value)),
            Err(fault) => fault,
        };
        let unsure = matches!(fault, Fault::Unsure(_)) && self.again == Again::Safe;
        let left = self.lanes.limits.call.saturating_sub(self.began.elapsed());
        let pause = if fault.is_passing() || unsure { self.pauses.next() } else { None };
        match pause.filter(|pause| *pause < left) {
            None => Some(Err(fault.into_error(self.operation))),
            Some(pause) => {
                let error = told(&fault);
                tracing::debug!(operation = self.operation, error, "the store is asked again");
                tokio::time::sleep(pause).await;
                None
            }
        }
    }
}

fn told(fault: &Fault) -> String {
    let cause = std::error::Error::source(fault).map(|cause| format!(": {cause}"));
    format!("{fault}{}", cause.unwrap_or_default())
}

/// Runs work in a transaction of a call, again where that is safe.
macro_rules! transact {
    ($lanes:expr, $operation:expr, $hold:expr, $again:expr, |$tx:ident| $work:expr) => {{
        let mut call = $lanes.call($operation, $hold, $again);
        loop {
            let attempt = call.in_time(Box::pin(async {
                let mut begun = call.begin().await?;
                let $tx = &mut begun;
                let value = $work.await?;
                begun.commit().await?;
                Ok(value)
            }));
            let outcome = attempt.await;
            if let Some(result) = call.ended(outcome).await {
                break result;
            }
        }
    }};
}
pub(super) use transact;

/// The error of something that is not a call of the trait.
pub(super) fn failed(operation: &'static str) -> impl Fn(Fault) -> StoreError {
    move |fault| fault.into_error(operation)
}
