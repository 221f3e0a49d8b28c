//! When the applier has to look after something again without being called for.

use std::time::Duration;

use tokio::time::Instant;

use super::Pauses;

/// While many modules arrive, what they make is put in service this often: building the table anew for
/// each of 1,000 would take longer than compiling them.
const PUBLISH_EVERY: Duration = Duration::from_millis(50);

/// How soon the end of a draining version is seen.
const DRAINED_EVERY: Duration = Duration::from_millis(250);

/// How often the cache is looked through for what nobody wants any more, and what could not be held is
/// tried again.
const TIDY_EVERY: Duration = Duration::from_secs(60);

/// What is due when.
pub(super) struct Agenda {
    published_at: Option<Instant>,
    publish_at: Option<Instant>,
    retry_at: Option<Instant>,
    pauses: Pauses,
    tidy_at: Instant,
}

impl Agenda {
    pub(super) fn new() -> Self {
        let tidy_at = Instant::now() + TIDY_EVERY;
        Self {
            published_at: None,
            publish_at: None,
            retry_at: None,
            pauses: Pauses::new(),
            tidy_at,
        }
    }

    /// When the next thing is due.
    pub(super) fn next(&self, is_draining: bool) -> Instant {
        let drained = is_draining.then(|| Instant::now() + DRAINED_EVERY);
        let sooner = [self.publish_at, self.retry_at, drained].into_iter().flatten();
        sooner.fold(self.tidy_at, Instant::min)
    }

    /// Notes that everything there is has been put in service.
    pub(super) fn published(&mut self) {
        self.published_at = Some(Instant::now());
        self.publish_at = None;
    }

    /// There is more to put in service. Says whether it is time for it.
    pub(super) fn publish(&mut self) -> bool {
        let due = self.published_at.map_or_else(Instant::now, |last| last + PUBLISH_EVERY);
        self.publish_at = Some(due);
        due <= Instant::now()
    }

    /// Something could not be loaded and might be later, or (`false`) there is nothing such any more.
    pub(super) fn retry(&mut self, is_wanted: bool) {
        if !is_wanted {
            (self.retry_at, self.pauses) = (None, Pauses::new());
        } else if self.retry_at.is_none() {
            self.retry_at = Some(Instant::now() + self.pauses.next());
        }
    }

    /// Whether something is to be put in service now.
    pub(super) fn is_publish_due(&self) -> bool {
        self.publish_at.is_some_and(|due| due <= Instant::now())
    }

    /// Whether what could not be loaded is to be tried again now; asked once.
    pub(super) fn take_retry(&mut self) -> bool {
        self.retry_at.take_if(|due| *due <= Instant::now()).is_some()
    }

    /// Whether the cache is to be looked through now; asked once.
    pub(super) fn take_tidy(&mut self) -> bool {
        let due = self.tidy_at <= Instant::now();
        if due {
            self.tidy_at = Instant::now() + TIDY_EVERY;
        }
        due
    }
}
