//! How much memory this process holds, as the manager and the portal show it. Not what is done about it.

/// Resident memory, bytes; 0 where the system does not tell.
#[cfg(not(windows))]
pub(crate) fn resident_bytes() -> u64 {
    const PAGE_BYTES: u64 = 4096;
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * PAGE_BYTES
}

/// The working set, bytes; 0 where the system does not tell.
#[cfg(windows)]
pub(crate) fn resident_bytes() -> u64 {
    use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System};

    let Ok(own) = sysinfo::get_current_pid() else { return 0 };
    let Ok(mut system) = System::new() else { return 0 };
    let memory = ProcessRefreshKind::nothing().with_memory().without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[own]), false, memory);
    system.process(own).map_or(0, sysinfo::Process::memory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_process_holds_some_memory() {
        assert!((1 << 20..1 << 40).contains(&resident_bytes()), "{}", resident_bytes());
    }
}
