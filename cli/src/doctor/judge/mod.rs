//! The judgements. Pure: what was seen goes in, a finding comes out. [`system`] judges the machine,
//! [`memory`] the pool on it, [`place`] folders, [`network`] ports and the manager.

pub(super) mod memory;
pub(super) mod network;
pub(super) mod place;
pub(super) mod system;

/// An amount for people, in MiB, or in GiB where that is shorter.
fn amount(bytes: u64) -> String {
    match bytes >> 20 {
        mib if mib >= 10 << 10 => format!("{} GiB", mib >> 10),
        mib => format!("{mib} MiB"),
    }
}
