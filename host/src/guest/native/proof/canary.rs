//! Guests that look whether anything of an earlier instance is left, and then leave something of
//! their own wherever a guest can leave anything: memory (begin, end, data segments, grown pages), globals
//! of every type, the table, dropped segments, WASI's descriptors.
//!
//! What they export says how they end. A guest that finds something returns its number:
//! see [`FOUND`].

/// What each number that a canary guest returns was found in.
pub(super) const FOUND: [(i32, &str); 9] = [
    (1, "memory"),
    (2, "a data segment"),
    (3, "the size of memory"),
    (4, "grown memory"),
    (5, "a global"),
    (6, "the table"),
    (7, "a grown table"),
    (8, "a dropped segment"),
    (9, "WASI"),
];

/// How a canary guest can end, as the names of its exports, and after which it is cleaned up.
pub(super) const ENDS: [&str; 8] =
    ["run", "trap", "spin", "sleep", "panic", "overflow", "exit", "starve"];

/// Exports of a canary guest with a data segment that leave one thing and then look, and the number that
/// they must return. `control_dropped` is not among them: it traps.
pub(super) const CONTROLS: [(&str, i32); 8] = [
    ("control_memory", 1),
    ("control_data", 2),
    ("control_size", 3),
    ("control_grown", 4),
    ("control_global", 5),
    ("control_table", 6),
    ("control_grown_table", 7),
    ("control_wasi", 9),
];

/// The shape of one canary guest. Two of different shapes share slots and nothing else.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// Pages of memory at the start.
    pub(super) pages: u32,
    /// Pages that it grows by.
    pub(super) grown: u32,
    /// Where its data segment lies; none when `None`, so that memory has no image.
    pub(super) data: Option<u32>,
    /// What it leaves everywhere.
    pub(super) canary: u8,
}

/// Shapes below, at and beyond what stays mapped (128 KiB), with an image in each part and without.
pub(super) const SHAPES: [Shape; 5] = [
    Shape { pages: 1, grown: 1, data: None, canary: 0xa1 },
    Shape { pages: 2, grown: 4, data: Some(4096), canary: 0xb2 },
    Shape { pages: 4, grown: 2, data: Some(200_000), canary: 0xc3 },
    Shape { pages: 4, grown: 8, data: None, canary: 0xd4 },
    Shape { pages: 3, grown: 3, data: Some(65_528), canary: 0xe5 },
];

impl Shape {
    /// The guest in text format.
    pub(super) fn wat(&self) -> String {
        let Self { pages, grown, data, canary } = *self;
        let segment =
            data.map_or(String::new(), |at| format!("(data (i32.const {at}) \"steading\")"));
        // where there is no segment, an empty one at the very end
        let data = data.map_or(pages << 16, |at| at);
        let segment_end = data + if segment.is_empty() { 0 } else { 8 };
        let segment_check = if segment.is_empty() { "" } else { SEGMENT_CHECK };
        TEMPLATE
            .replace("$(SEGMENT_CHECK)", segment_check)
            .replace("$(SEGMENT)", &segment)
            .replace("$(DATA)", &data.to_string())
            .replace("$(DATA_END)", &segment_end.to_string())
            .replace("$(PAGES)", &pages.to_string())
            .replace("$(LAST)", &((pages << 16) - 1).to_string())
            .replace("$(BYTES)", &(pages << 16).to_string())
            .replace("$(GROWN)", &grown.to_string())
            .replace("$(CANARY)", &canary.to_string())
    }
}

const SEGMENT_CHECK: &str = "(if (i64.ne (i64.load (i32.const $(DATA))) (global.get $steading)) (then (return (i32.const 2))))";

const TEMPLATE: &str = include_str!("canary.wat");
