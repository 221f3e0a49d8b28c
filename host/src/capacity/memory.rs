//! How much memory this process may use, and what says so. Looks, and decides nothing.
//!
//! A container's limit is that of the process's own control group and all above it, of version 1 or 2; on
//! Windows it is that of the job that a container, a service or the worker itself is in.

use std::fmt;

use sysinfo::System;

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
}

impl Memory {
    /// What this process may use.
    pub fn look() -> Self {
        let Ok(mut system) = System::new() else { return Self { bytes: 0, of: Bound::Machine } };
        system.refresh_memory();
        Self::of(system.total_memory(), limit(&mut system))
    }

    /// A limit counts where it is below what the machine has.
    fn of(machine: u64, limit: Option<u64>) -> Self {
        match limit.filter(|bytes| *bytes > 0 && (machine == 0 || *bytes < machine)) {
            Some(bytes) => Self { bytes, of: Bound::Container },
            None => Self { bytes: machine, of: Bound::Machine },
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Machine => "this machine",
            Self::Container => "this container",
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

/// The limits of the job that this process is in: that of all its processes, and that of each.
#[cfg(windows)]
fn limit(_system: &mut System) -> Option<u64> {
    use windows_sys::Win32::System::JobObjects::{
        JOB_OBJECT_LIMIT_JOB_MEMORY, JOB_OBJECT_LIMIT_PROCESS_MEMORY,
        JOBOBJECT_EXTENDED_LIMIT_INFORMATION, JobObjectExtendedLimitInformation,
        QueryInformationJobObject,
    };
    let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
    let size = u32::try_from(size_of_val(&limits)).ok()?;
    // SAFETY: the pointer is to a value of the kind that the class asks for, with its size; no job is
    // named, which means the one of the calling process; the length is not asked back.
    #[allow(unsafe_code)]
    let told = unsafe {
        QueryInformationJobObject(
            std::ptr::null_mut(),
            JobObjectExtendedLimitInformation,
            std::ptr::from_mut(&mut limits).cast(),
            size,
            std::ptr::null_mut(),
        )
    };
    let flags = limits.BasicLimitInformation.LimitFlags;
    let set = |flag, bytes: usize| (told != 0 && flags & flag != 0).then_some(bytes as u64);
    let job = set(JOB_OBJECT_LIMIT_JOB_MEMORY, limits.JobMemoryLimit);
    let process = set(JOB_OBJECT_LIMIT_PROCESS_MEMORY, limits.ProcessMemoryLimit);
    [job, process].into_iter().flatten().min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_counts_where_it_is_below_what_the_machine_has() {
        let machine = Memory { bytes: 100, of: Bound::Machine };
        for limit in [None, Some(0), Some(100), Some(u64::MAX)] {
            assert_eq!(Memory::of(100, limit), machine, "{limit:?}");
        }
        let container = |bytes| Memory { bytes, of: Bound::Container };
        assert_eq!(Memory::of(100, Some(99)), container(99));
        assert_eq!(Memory::of(0, Some(7)), container(7), "nobody knows what the machine has");
    }

    #[test]
    fn there_is_some() {
        let memory = Memory::look();
        assert!((64 << 20..1 << 50).contains(&memory.bytes), "{memory:?}");
    }
}
