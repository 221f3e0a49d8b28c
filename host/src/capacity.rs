//! What a worker can carry, as it tells its manager.

use serde::Deserialize;
use steading_protocol::Capacity;
use sysinfo::System;

use crate::{EngineConfig, caps};

/// The `[capacity]` table: what the manager may place here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CapacityConfig {
    /// Memory that instances may have together, MiB; all that the machine or its container has, when it
    /// is not set.
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

    /// What the manager is told.
    pub(crate) fn told(&self, engine: EngineConfig) -> Capacity {
        let memory_bytes = match self.memory_mib {
            Some(mib) => u64::from(mib) << 20,
            None => memory_of_the_machine(),
        };
        let instances = self.instances.unwrap_or(engine.instances_max).min(engine.instances_max);
        Capacity { memory_bytes, instances }
    }
}

/// What the container may use, or else what the machine has, bytes; 0 where nobody can tell.
fn memory_of_the_machine() -> u64 {
    let Ok(mut system) = System::new() else { return 0 };
    system.refresh_memory();
    let machine = system.total_memory().min(caps::memory_bytes_max().unwrap_or(u64::MAX));
    let container = system.cgroup_limits().map(|limits| limits.total_memory);
    container.filter(|bytes| *bytes > 0).map_or(machine, |bytes| bytes.min(machine))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_set_is_what_there_is() {
        let engine = EngineConfig { instances_max: 7, ..EngineConfig::default() };
        let told = CapacityConfig::default().told(engine);
        assert_eq!(told.instances, 7);
        assert!((64 << 20..1 << 50).contains(&told.memory_bytes), "{told:?}");
        let config = CapacityConfig { memory_mib: Some(512), instances: Some(3) };
        assert_eq!(config.told(engine), Capacity { memory_bytes: 512 << 20, instances: 3 });
        let more = CapacityConfig { instances: Some(8), ..config };
        assert_eq!(more.told(engine).instances, 7, "no more than the pool has");
    }

    #[test]
    fn a_capacity_of_nothing_is_refused_by_its_key() {
        let config = CapacityConfig { memory_mib: Some(0), instances: None };
        assert_eq!(config.fault(), Some("capacity.memory_mib"));
    }
}
