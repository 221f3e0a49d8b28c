//! The memory limit of one invocation, and whether it was hit.

use wasmtime::ResourceLimiter;

/// Refuses growth past a number of bytes, of all memories together: a component may have several. The guest sees its `memory.grow` fail, which most
/// languages answer with an abort; [`MemoryLimit::was_hit`] then tells the abort's reason.
#[derive(Debug)]
pub(crate) struct MemoryLimit {
    bytes_max: usize,
    used_bytes: usize,
    hit: bool,
}

impl MemoryLimit {
    pub(crate) fn new(bytes_max: u64) -> Self {
        Self {
            bytes_max: usize::try_from(bytes_max).unwrap_or(usize::MAX),
            used_bytes: 0,
            hit: false,
        }
    }

    pub(crate) fn was_hit(&self) -> bool {
        self.hit
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let used = self.used_bytes.saturating_add(desired.saturating_sub(current));
        let allowed = used <= self.bytes_max && maximum.is_none_or(|max| desired <= max);
        self.hit |= !allowed;
        if allowed {
            self.used_bytes = used;
        }
        Ok(allowed)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // the pool's table size is the limit; a growth beyond the module's own maximum is refused here
        Ok(maximum.is_none_or(|max| desired <= max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_past_the_limit_is_refused_and_remembered() {
        let mut limit = MemoryLimit::new(2 << 16);
        assert!(limit.memory_growing(0, 2 << 16, None).unwrap());
        assert!(!limit.was_hit());
        assert!(!limit.memory_growing(2 << 16, 3 << 16, None).unwrap());
        assert!(limit.was_hit());
    }

    #[test]
    fn memories_count_together() {
        let mut limit = MemoryLimit::new(3 << 16);
        assert!(limit.memory_growing(0, 1 << 16, None).unwrap());
        assert!(limit.memory_growing(0, 1 << 16, None).unwrap());
        assert!(limit.memory_growing(1 << 16, 2 << 16, None).unwrap());
        assert!(!limit.memory_growing(1 << 16, 2 << 16, None).unwrap());
        assert!(limit.was_hit());
    }
}
