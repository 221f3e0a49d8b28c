//! What a configuration comes to on this machine, for people who ask before they start a worker.

use super::{Memory, Room};
use crate::engine::Engine;
use crate::{Config, ConfigError, EngineError};

/// The pool that a worker would have here.
#[derive(Clone, Copy, Debug)]
pub struct Sizing {
    /// What there is.
    pub memory: Memory,
    /// Invocations at once.
    pub instances_max: u32,
    /// The most that a function may ask for, MiB.
    pub memory_mib_max: u32,
    /// What the pool may keep resident between calls, bytes.
    pub kept_bytes: u64,
    /// How many functions fit at once that each take all that is allowed by default.
    pub at_their_limits: u64,
}

impl Sizing {
    /// Looks at the memory; an error says what does not fit.
    pub fn look(config: &Config) -> Result<Self, ConfigError> {
        let memory = config.memory();
        let engine = config.fitted(memory)?;
        let room = Room::of(memory, config.capacity.memory_mib);
        Ok(Self {
            memory,
            instances_max: engine.instances(),
            memory_mib_max: engine.memory_mib(),
            kept_bytes: engine.kept_bytes(),
            at_their_limits: room.at_their_limits(engine.memory_mib()),
        })
    }
}

/// Reserves the address space of the pool as a worker does, and gives it back. Not for a process that has
/// an engine already.
pub fn try_pool(config: &Config) -> Result<(), EngineError> {
    let engine = config.fitted(config.memory()).map_or(config.engine, |fitted| fitted);
    Engine::new(engine).map(drop)
}
