//! What the worker's whole process may take of its machine, as a cap that the process puts on itself before
//! it does anything else. Not the limits of one function: those are the manifest's.
//!
//! On Windows a job object does it. On Linux whoever starts a process caps it, with a control group that
//! the process itself has no right to make; there the keys are refused, with the name of what does it.
//!
//! Invariant: a cap that was asked for holds, or the worker does not start.

#[cfg(windows)]
mod job;

use std::io;

use serde::Deserialize;

/// The `[caps]` table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CapsConfig {
    /// Memory that the process may have promised to it (committed), MiB.
    pub memory_mib: Option<u32>,
    /// The share of all processors together, percent.
    pub cpu_percent: Option<u32>,
}

/// A cap that makes no sense, or not here.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CapsConfigError {
    /// A number out of its range.
    #[error("caps.{key} = {value} is not within {min} to {max}")]
    Range {
        /// The key.
        key: &'static str,
        /// What it was set to.
        value: u32,
        /// The least.
        min: u32,
        /// The most.
        max: u32,
    },
    /// A system where a process does not cap itself.
    #[error("caps.{key} is for Windows; here give {instead}")]
    Elsewhere {
        /// The key.
        key: &'static str,
        /// What does it here.
        instead: &'static str,
    },
}

/// A cap that could not be put on.
#[derive(Debug, thiserror::Error)]
#[error("cannot cap the {what} of this process with a job object")]
pub struct CapError {
    what: &'static str,
    source: io::Error,
}

/// Whether a process caps itself here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Platform {
    Windows,
    Other,
}

const HERE: Platform = if cfg!(windows) { Platform::Windows } else { Platform::Other };

/// The engine, the runtime and their threads take some 40 MiB before there is any function.
const MEMORY_MIB_MIN: u32 = 128;

impl CapsConfig {
    pub(crate) fn check(self) -> Result<(), CapsConfigError> {
        self.check_on(HERE)
    }

    fn check_on(self, platform: Platform) -> Result<(), CapsConfigError> {
        const MEMORY: &str = "the unit `MemoryMax=` or the container a memory limit";
        const CPU: &str = "the unit `CPUQuota=` or the container a processor limit";
        let keys = [
            ("memory_mib", self.memory_mib, MEMORY_MIB_MIN, u32::MAX, MEMORY),
            ("cpu_percent", self.cpu_percent, 1, 100, CPU),
        ];
        for (key, value, min, max, instead) in keys {
            let Some(value) = value else { continue };
            if platform == Platform::Other {
                return Err(CapsConfigError::Elsewhere { key, instead });
            }
            if !(min..=max).contains(&value) {
                return Err(CapsConfigError::Range { key, value, min, max });
            }
        }
        Ok(())
    }

    /// Caps this process for the rest of its life. On Windows it may start no other process from then on,
    /// whatever is configured, because a worker never does. Does nothing elsewhere.
    pub fn put_on_this_process(self) -> Result<(), CapError> {
        #[cfg(windows)]
        job::put_on_this_process(self)?;
        Ok(())
    }
}

/// The most memory that this process may have promised to it by the job it is in, bytes; a Windows container
/// is one.
#[cfg(windows)]
pub(crate) fn memory_bytes_max() -> Option<u64> {
    job::memory_bytes_max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caps_are_taken_within_their_ranges_and_on_windows_alone() {
        let caps = |memory_mib, cpu_percent| CapsConfig { memory_mib, cpu_percent };
        assert_eq!(caps(None, None).check_on(Platform::Other), Ok(()));
        assert_eq!(caps(Some(4096), Some(50)).check_on(Platform::Windows), Ok(()));
        for (config, platform, text) in [
            (caps(Some(4096), None), Platform::Other, "caps.memory_mib is for Windows"),
            (caps(Some(4096), None), Platform::Other, "`MemoryMax=`"),
            (caps(None, Some(50)), Platform::Other, "`CPUQuota=`"),
            (caps(Some(64), None), Platform::Windows, "caps.memory_mib = 64 is not within 128"),
            (caps(None, Some(0)), Platform::Windows, "caps.cpu_percent = 0"),
            (caps(None, Some(101)), Platform::Windows, "1 to 100"),
        ] {
            let error = config.check_on(platform).unwrap_err().to_string();
            assert!(error.contains(text), "{error}");
        }
    }
}
