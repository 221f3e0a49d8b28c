//! Whether the pool fits the memory that there is, and what would. Pure.
//!
//! What must fit is what is certain to be taken: the worker itself, what every slot of the pool keeps
//! resident between two calls, and the largest single function. That all functions at once take all that
//! their limits allow is not provided for: limits are there for those that go wrong, and a machine that
//! were sized for all of them doing so would stand empty. What an operator has set is taken or refused by
//! name, never changed; what nobody has set follows the memory.

use std::fmt;

use steading_protocol::Limits;

use super::Memory;

/// The most instances that a pool has of itself: wasmtime's own default.
pub(crate) const INSTANCES_MAX: u32 = 1000;

/// The most memory that a function may ask for unless an operator says more: one careless manifest
/// cannot take a small machine down.
pub(crate) const MEMORY_MIB_MAX: u32 = 1024;

/// What the worker itself takes: measured at rest below 40 MiB, and some for connections and for
/// compiling. Ten thousand open connections take more, some 20 KiB each.
const WORKER_BYTES: u64 = 48 << 20;

const MIB: u64 = 1 << 20;

/// The memory that instances may have together, and why it is that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    bytes: u64,
    why: Why,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// Nobody knows what there is.
    Unknown,
    /// `capacity.memory_mib`.
    Configured,
    /// What is left beside the worker itself.
    Left(Memory),
}

/// What an operator has set, and what each instance keeps resident between calls.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) instances_max: Option<u32>,
    pub(crate) memory_mib_max: Option<u32>,
    pub(crate) kept_bytes: u64,
}

/// A pool that fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fit {
    pub(crate) instances_max: u32,
    pub(crate) memory_mib_max: u32,
}

/// What was set does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FitError {
    /// There is hardly room for the worker itself.
    #[error("{room}; that is too little for any function: give it {least_mib} MiB or more")]
    Nothing {
        /// What there is.
        room: String,
        /// The least that would do.
        least_mib: u64,
    },
    /// One function may take more than there is.
    #[error(
        "engine.memory_mib_max = {set} lets one function take {set} MiB; {room}; {fits} would fit"
    )]
    Memory {
        /// What was set.
        set: u32,
        /// What there is.
        room: String,
        /// The most that fits.
        fits: u64,
    },
    /// The pool keeps more than there is beside the largest function.
    #[error(
        "engine.instances_max = {set} keeps up to {kept_mib} MiB resident between calls; {room}, \
         and the largest function may take {largest_mib}; {fits} would fit"
    )]
    Instances {
        /// What was set.
        set: u32,
        /// What so many keep.
        kept_mib: u64,
        /// What there is.
        room: String,
        /// What one function may take.
        largest_mib: u64,
        /// The most that fit.
        fits: u64,
    },
}

impl Room {
    /// What `capacity.memory_mib` leaves to instances, but no more than there is.
    pub(crate) fn of(memory: Memory, configured_mib: Option<u32>) -> Self {
        let left = match memory.bytes {
            0 => Self { bytes: u64::MAX, why: Why::Unknown },
            bytes => Self { bytes: bytes.saturating_sub(WORKER_BYTES), why: Why::Left(memory) },
        };
        match configured_mib.map(|mib| u64::from(mib) * MIB) {
            Some(bytes) if bytes < left.bytes => Self { bytes, why: Why::Configured },
            _ => left,
        }
    }

    /// Whether so many bytes are known to be no more than a quarter of it.
    pub(crate) fn has_plenty_for(self, bytes: u64) -> bool {
        self.why != Why::Unknown && bytes <= self.bytes / 4
    }

    /// What would do for a few small functions.
    fn least_mib(self) -> u64 {
        const FUNCTIONS_MIB: u64 = 16;
        match self.why {
            Why::Configured => FUNCTIONS_MIB,
            Why::Unknown | Why::Left(_) => FUNCTIONS_MIB + WORKER_BYTES / MIB,
        }
    }

    /// How many instances fit at once that take all they may by default.
    pub(crate) fn at_their_limits(self, memory_mib_max: u32) -> u64 {
        let limit = Limits::default().memory_bytes_max.min(u64::from(memory_mib_max) * MIB);
        self.bytes / limit.max(1)
    }
}

impl Wanted {
    /// The pool that fits, or why what was set does not.
    pub(crate) fn fit(self, room: Room) -> Result<Fit, FitError> {
        let each = self.kept_bytes.max(1);
        if room.bytes < MIB + each {
            return Err(FitError::Nothing { room: room.to_string(), least_mib: room.least_mib() });
        }
        let largest = self.largest(room)?;
        let fits = (room.bytes - largest) / each;
        let instances_max = match self.instances_max {
            Some(set) if u64::from(set) > fits => {
                return Err(FitError::Instances {
                    set,
                    kept_mib: (u64::from(set) * each).div_ceil(MIB),
                    room: room.to_string(),
                    largest_mib: largest / MIB,
                    fits,
                });
            }
            Some(set) => set,
            None => fits.min(INSTANCES_MAX.into()) as u32,
        };
        let memory_mib_max = self.memory_mib_max.unwrap_or_else(|| {
            let left = (room.bytes - u64::from(instances_max) * each) / MIB;
            left.min(MEMORY_MIB_MAX.into()) as u32
        });
        Ok(Fit { instances_max, memory_mib_max })
    }

    /// What is kept free for one function: what an operator lets it have, or else what functions have by
    /// default, or half of a small room.
    fn largest(self, room: Room) -> Result<u64, FitError> {
        let beside_one = room.bytes - self.kept_bytes.max(1);
        let default = Limits::default().memory_bytes_max.min(room.bytes / 2).min(beside_one);
        let Some(set) = self.memory_mib_max else { return Ok(default.max(MIB)) };
        let fits = beside_one / MIB;
        match u64::from(set) > fits {
            true => Err(FitError::Memory { set, room: room.to_string(), fits }),
            false => Ok(u64::from(set) * MIB),
        }
    }
}

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.why {
            Why::Unknown => f.write_str("nobody knows how much memory there is"),
            Why::Configured => write!(f, "capacity.memory_mib = {}", self.bytes / MIB),
            Why::Left(Memory { bytes, of }) => write!(
                f,
                "{of} has {} MiB, of which the worker itself takes {}",
                bytes / MIB,
                WORKER_BYTES / MIB
            ),
        }
    }
}

/// The memory of this process by its size in MiB, for messages.
impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.bytes, self.of) {
            (0, _) => f.write_str("nobody knows how much memory there is"),
            (bytes, _) => {
                write!(f, "{} has {} MiB", self.of, bytes / MIB)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Bound;

    const KEPT: u64 = 176 << 10;

    fn container(mib: u64) -> Room {
        Room::of(Memory { bytes: mib * MIB, of: Bound::Container }, None)
    }

    fn wanted(instances_max: Option<u32>, memory_mib_max: Option<u32>) -> Wanted {
        Wanted { instances_max, memory_mib_max, kept_bytes: KEPT }
    }

    fn fit(instances_max: u32, memory_mib_max: u32) -> Fit {
        Fit { instances_max, memory_mib_max }
    }

    #[test]
    fn what_nobody_has_set_follows_the_memory() {
        let free = wanted(None, None);
        assert_eq!(free.fit(container(64 << 10)), Ok(fit(1000, 1024)), "never above the defaults");
        assert_eq!(free.fit(container(512)), Ok(fit(1000, 292)));
        assert_eq!(free.fit(container(128)), Ok(fit(232, 40)));
        assert_eq!(free.fit(container(64)), Ok(fit(46, 8)));
        let unknown = Room::of(Memory { bytes: 0, of: Bound::Machine }, None);
        assert_eq!(free.fit(unknown), Ok(fit(1000, 1024)));
    }

    #[test]
    fn a_configured_capacity_counts_where_it_is_less_than_there_is() {
        let memory = Memory { bytes: 512 * MIB, of: Bound::Container };
        let free = wanted(None, None);
        assert_eq!(free.fit(Room::of(memory, Some(80))), free.fit(container(128)));
        assert_eq!(Room::of(memory, Some(8192)), container(512));
    }

    #[test]
    fn a_pool_that_does_not_fit_is_refused_with_numbers_and_with_what_would() {
        let error = wanted(Some(1000), None).fit(container(128)).unwrap_err();
        let message = "engine.instances_max = 1000 keeps up to 172 MiB resident between calls; this container \
                       has 128 MiB, of which the worker itself takes 48, and the largest function may \
                       take 40; 232 would fit";
        assert_eq!(error.to_string(), message);
        assert_eq!(wanted(Some(232), None).fit(container(128)), Ok(fit(232, 40)));
        assert!(wanted(Some(233), None).fit(container(128)).is_err());
    }

    #[test]
    fn a_function_that_may_take_more_than_there_is_is_refused() {
        let error = wanted(None, Some(1024)).fit(container(256)).unwrap_err();
        let message = "engine.memory_mib_max = 1024 lets one function take 1024 MiB; this container has \
                       256 MiB, of which the worker itself takes 48; 207 would fit";
        assert_eq!(error.to_string(), message);
        assert_eq!(wanted(None, Some(207)).fit(container(256)), Ok(fit(5, 207)));
    }

    #[test]
    fn no_room_at_all_is_refused_with_what_would_do() {
        let error = wanted(None, None).fit(container(40)).unwrap_err().to_string();
        let message = "this container has 40 MiB, of which the worker itself takes 48; that is too little \
                       for any function: give it 64 MiB or more";
        assert_eq!(error, message);
        assert!(wanted(None, None).fit(container(64)).is_ok());
    }

    proptest! {
        #[test]
        fn what_fits_takes_no_more_than_there_is_and_what_is_said_to_fit_does(
            mib in 1_u64..4096, instances in 1_u32..32_000, memory in 1_u32..4096,
            set in 0..4_u8, kept_kib in 0_u64..20_000
        ) {
            let room = container(mib);
            let wanted = Wanted {
                instances_max: (set & 1 == 1).then_some(instances),
                memory_mib_max: (set & 2 == 2).then_some(memory),
                kept_bytes: kept_kib << 10,
            };
            match wanted.fit(room) {
                Ok(fit) => {
                    let kept = u64::from(fit.instances_max) * wanted.kept_bytes;
                    prop_assert!(kept + u64::from(fit.memory_mib_max) * MIB <= room.bytes);
                    prop_assert!(fit.instances_max > 0 && fit.memory_mib_max > 0);
                    prop_assert!(wanted.instances_max.is_none_or(|set| set == fit.instances_max));
                    prop_assert!(wanted.memory_mib_max.is_none_or(|set| set == fit.memory_mib_max));
                }
                Err(FitError::Instances { fits, .. }) if fits > 0 => {
                    let instances_max = Some(fits as u32);
                    let less = Wanted { instances_max, ..wanted };
                    prop_assert!(less.fit(room).is_ok());
                }
                Err(FitError::Memory { fits, .. }) if set == 2 => {
                    let memory_mib_max = Some(fits as u32);
                    let less = Wanted { memory_mib_max, ..wanted };
                    prop_assert!(less.fit(room).is_ok());
                }
                Err(_) => {}
            }
        }
    }
}
