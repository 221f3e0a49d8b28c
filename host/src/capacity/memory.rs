//! How much memory this process may use, and what says so. Looks, and decides nothing.
//!
//! A container's limit is that of the process's own control group and all above it, of version 1 or 2; on
//! Windows it is that of the job that a container, a service or the worker itself is in.

use std::fmt;

use sysinfo::System;

#[cfg(windows)]
use crate::caps;

/// What there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// How much; 0 where nobody can tell.
    pub bytes: u64,
    /// What sets it.
    pub of: Bound,
}

/// What sets how much memory there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The machine has no more.
    Machine,
    /// A control group, or a job of Windows.
    Container,
    /// The cap that a worker puts on itself.
    Caps,
}

impl Memory {
    /// What this process may use.
    pub fn look() -> Self {
        let Ok(mut system) = System::new() else { return Self { bytes: 0, of: Bound::Machine } };
        system.refresh_memory();
        let machine = Self { bytes: system.total_memory(), of: Bound::Machine };
        machine.within(limit(&mut system), Bound::Container)
    }

    /// With a limit, which counts where it is below what there is.
    pub(crate) fn within(self, limit: Option<u64>, of: Bound) -> Self {
        match limit.filter(|bytes| *bytes > 0 && (self.bytes == 0 || *bytes < self.bytes)) {
            Some(bytes) => Self { bytes, of },
            None => self,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Machine => "this machine",
            Self::Container => "this container",
            Self::Caps => "this worker, by caps.memory_mib,",
        })
    }
}

/// The tightest limit on this process that can be seen. The system's own root group is asked as well: a
/// container without a namespace for groups sees its limit there and not where its process is said to be.
#[cfg(not(windows))]
fn limit(system: &mut System) -> Option<u64> {
    use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate};
    let own = Pid::from_u32(std::process::id());
    let only = ProcessesToUpdate::Some(&[own]);
    system.refresh_processes_specifics(only, true, ProcessRefreshKind::nothing());
    let of_process = system.process(own).and_then(sysinfo::Process::cgroup_limits);
    let limits = [of_process, system.cgroup_limits()].into_iter().flatten();
    limits.map(|limits| limits.total_memory).min()
}

/// The limit of the job that this process is in: a Windows container is one, and the worker's own caps.
#[cfg(windows)]
fn limit(_system: &mut System) -> Option<u64> {
    caps::memory_bytes_max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_counts_where_it_is_below_what_the_machine_has() {
        let machine = Memory { bytes: 100, of: Bound::Machine };
        for limit in [None, Some(0), Some(100), Some(u64::MAX)] {
            assert_eq!(machine.within(limit, Bound::Container), machine, "{limit:?}");
        }
        let container = |bytes| Memory { bytes, of: Bound::Container };
        let limited = machine.within(Some(99), Bound::Container);
        assert_eq!(limited, container(99));
        assert_eq!(limited.within(Some(100), Bound::Caps), container(99));
        assert_eq!(limited.within(Some(50), Bound::Caps), Memory { bytes: 50, of: Bound::Caps });
        let unknown = Memory { bytes: 0, of: Bound::Machine };
        assert_eq!(unknown.within(Some(7), Bound::Container), container(7));
    }

    #[test]
    fn there_is_some() {
        let memory = Memory::look();
        assert!((64 << 20..1 << 50).contains(&memory.bytes), "{memory:?}");
    }
}
