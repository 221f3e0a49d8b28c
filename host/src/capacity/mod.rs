//! What a worker can carry: what it tells its manager ([`CapacityConfig::told`]), how much memory there is
//! ([`memory`]), the pool that fits it ([`fit`]), and what that comes to on this machine ([`sizing`]).

mod fit;
mod memory;
mod sizing;

use serde::Deserialize;
use steading_protocol::Capacity;

pub use self::fit::FitError;
pub(crate) use self::fit::{INSTANCES_MAX, MEMORY_MIB_MAX, Room, Wanted};
pub use self::memory::{Bound, Memory};
pub use self::sizing::{Sizing, try_pool};
use crate::EngineConfig;

/// The `[capacity]` table: what the manager may place here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CapacityConfig {
    /// Memory that instances may have together, MiB; when it is not set, all that the container or machine
    /// has beside the worker itself.
    pub memory_mib: Option<u32>,
    /// Invocations at once; `engine.instances_max` when it is not set.
    pub instances: Option<u32>,
}

impl CapacityConfig {
    /// The key of a capacity of nothing.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let zeroes =
            [("capacity.memory_mib", self.memory_mib), ("capacity.instances", self.instances)];
        zeroes.into_iter().find(|(_, value)| *value == Some(0)).map(|(key, _)| key)
    }

    /// What the manager is told of a pool that fits.
    pub(crate) fn told(&self, engine: EngineConfig, memory: Memory) -> Capacity {
        let memory_bytes = self.memory_mib.map_or(memory.bytes, |mib| u64::from(mib) << 20);
        let instances = self.instances.unwrap_or(engine.instances()).min(engine.instances());
        Capacity { memory_bytes, instances }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_set_is_what_there_is() {
        let engine = EngineConfig { instances_max: Some(7), ..EngineConfig::default() };
        let memory = Memory { bytes: 1 << 30, of: Bound::Machine };
        let told = CapacityConfig::default().told(engine, memory);
        assert_eq!(told, Capacity { memory_bytes: 1 << 30, instances: 7 });
        let config = CapacityConfig { memory_mib: Some(512), instances: Some(3) };
        let told = config.told(engine, memory);
        assert_eq!(told, Capacity { memory_bytes: 512 << 20, instances: 3 });
        let more = CapacityConfig { instances: Some(8), ..config };
        assert_eq!(more.told(engine, memory).instances, 7, "no more than the pool has");
    }

    #[test]
    fn a_capacity_of_nothing_is_refused_by_its_key() {
        let config = CapacityConfig { memory_mib: Some(0), instances: None };
        assert_eq!(config.fault(), Some("capacity.memory_mib"));
    }
}
