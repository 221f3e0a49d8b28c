//! Interfaces that are proposals for WASI and that workers give to components: their exact names. No two versions of
//! a proposal are promised to be alike, so here are those that toolchains use, and a worker links these and no others.

/// The settings.
pub const CONFIG: [&str; 3] = [
    "wasi:config/store@0.2.0-rc.1",
    "wasi:config/store@0.2.0-draft",
    "wasi:config/runtime@0.2.0-draft",
];

/// The function's log; toolchains leave the version away as often as not.
pub const LOGGING: [&str; 2] = ["wasi:logging/logging@0.1.0-draft", "wasi:logging/logging"];

/// The names of one draft of the key-value interfaces.
#[derive(Clone, Copy, Debug)]
pub struct KeyValue {
    /// One entry at a time.
    pub store: &'static str,
    /// Increments, and in later drafts compare-and-set.
    pub atomics: &'static str,
    /// Many entries in one call.
    pub batch: &'static str,
}

/// The draft that most toolchains and hosts have.
pub const KEYVALUE: KeyValue = KeyValue {
    store: "wasi:keyvalue/store@0.2.0-draft",
    atomics: "wasi:keyvalue/atomics@0.2.0-draft",
    batch: "wasi:keyvalue/batch@0.2.0-draft",
};

/// The one after it.
pub const KEYVALUE_2: KeyValue = KeyValue {
    store: "wasi:keyvalue/store@0.2.0-draft2",
    atomics: "wasi:keyvalue/atomics@0.2.0-draft2",
    batch: "wasi:keyvalue/batch@0.2.0-draft2",
};

/// All that workers provide.
pub fn all() -> impl Iterator<Item = &'static str> {
    let names = |draft: KeyValue| [draft.store, draft.atomics, draft.batch];
    CONFIG.into_iter().chain(LOGGING).chain(names(KEYVALUE)).chain(names(KEYVALUE_2))
}

/// Whether workers provide this import, which has its version in it, if any.
pub(crate) fn is_provided(import: &str) -> bool {
    all().any(|name| name == import)
}
