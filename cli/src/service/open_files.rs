//! How many files a role may have open with all connections that its configuration allows: what its unit
//! asks for, and what `steading doctor` compares with. Pure.

/// Beside connections: mapped code, the store, the log, sockets to the manager.
const OTHERS: u64 = 1024;

/// The manager's connections are not configured; with its 4096 and twice as many again there is room.
const MANAGER: u64 = 8192;

/// Of a manager.
pub(crate) fn manager() -> u64 {
    MANAGER
}

/// Of a worker.
pub(crate) fn worker(config: &steading_host::Config) -> u64 {
    u64::from(config.server.connections_max) + OTHERS
}

/// Of a gateway: for every caller one of its own to a worker.
pub(crate) fn gateway(config: &steading_gateway::Config) -> u64 {
    2 * u64::from(config.server.connections_max) + OTHERS
}
