//! Back-off for guessing: how often one address may try a password or a set-up code. In memory only;
//! a restart forgets it, which costs a guesser more than it gives.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Wrong attempts that cost nothing, for people who mistype.
const FREE_ATTEMPTS: u32 = 5;

/// The longest wait between attempts. Long enough to make guessing hopeless, short enough that an
/// administrator who is locked out by a neighbour's typing waits it out.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Addresses remembered at once; beyond it the one that was quiet longest is forgotten.
const ADDRESSES_MAX: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Attempts {
    by_address: Mutex<HashMap<IpAddr, Count>>,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    attempts: u32,
    last: Instant,
}

impl Count {
    fn wait(self) -> Duration {
        match self.attempts.checked_sub(FREE_ATTEMPTS) {
            None => Duration::ZERO,
            Some(over) => Duration::from_secs(1 << over.min(6)).min(WAIT_MAX),
        }
    }
}

impl Attempts {
    /// Counts an attempt before it is made, so that many at once count as many. An address that has
    /// to wait gets the time that is left.
    pub(super) fn begin(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let mut counts = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&address) {
            let left = count.wait().saturating_sub(now.duration_since(count.last));
            if !left.is_zero() {
                return Err(left);
            }
            *count = Count { attempts: count.attempts.saturating_add(1), last: now };
            return Ok(());
        }
        if counts.len() >= ADDRESSES_MAX
            && let Some(oldest) = counts.iter().min_by_key(|(_, c)| c.last).map(|(a, _)| *a)
        {
            counts.remove(&oldest);
        }
        counts.insert(address, Count { attempts: 1, last: now });
        Ok(())
    }

    /// Forgets an address that got it right.
    pub(super) fn succeeded(&self, address: IpAddr) {
        self.by_address.lock().unwrap_or_else(PoisonError::into_inner).remove(&address);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn address(last: u8) -> IpAddr {
        Ipv4Addr::new(10, 0, 0, last).into()
    }

    #[test]
    fn after_five_attempts_each_one_waits_longer_and_others_do_not() {
        let attempts = Attempts::default();
        let mut now = Instant::now();
        for _ in 0..FREE_ATTEMPTS {
            attempts.begin(address(1), now).unwrap();
        }
        for wait_s in [1, 2, 4, 8, 16, 32, 60, 60] {
            let left = attempts.begin(address(1), now).unwrap_err();
            assert_eq!(left, Duration::from_secs(wait_s));
            attempts.begin(address(2), now).unwrap();
            attempts.succeeded(address(2));
            now += left;
            attempts.begin(address(1), now).unwrap();
        }
        attempts.succeeded(address(1));
        attempts.begin(address(1), now).unwrap();
    }

    #[test]
    fn memory_stays_bounded() {
        let attempts = Attempts::default();
        let now = Instant::now();
        for n in 0..2 * ADDRESSES_MAX as u32 {
            attempts.begin(Ipv4Addr::from(n).into(), now).unwrap();
        }
        assert!(attempts.by_address.lock().unwrap().len() <= ADDRESSES_MAX);
    }
}
