//! What is looked at whatever the role: the machine, and the pool that a worker would have on it.

use steading_host::{Config, Sizing, try_pool};

use super::{Finding, judge, probe};

/// Processor, system and swap.
pub(crate) fn machine() -> Vec<Finding> {
    let (system, name, version) = probe::system();
    vec![
        judge::system::processor(std::env::consts::ARCH, &probe::processor()),
        judge::system::kernel(system, &name, &version),
        judge::system::swap(system, probe::swap_bytes()),
    ]
}

/// Whether a worker's pool fits memory and address space.
pub(crate) fn pool(config: &Config) -> Vec<Finding> {
    let sizing = Sizing::look(config);
    let mut findings = vec![judge::memory::pool(&sizing)];
    if let Ok(sizing) = &sizing {
        findings.push(judge::memory::overcommit(sizing));
        let refused =
            try_pool(config).err().map(|error| format!("{:#}", anyhow::Error::from(error)));
        let seen = probe::address_space();
        findings.push(judge::memory::address_space(sizing.instances_max, refused, seen));
    }
    findings
}
