//! Plain data that crosses a process boundary: what the manager, its workers, the command line and
//! the guests' custom sections say to each other.
//!
//! Nothing here does I/O, opens a socket, or knows how a module runs; parsing a text into one of
//! these types is as far as it goes. One invariant: a value of a validated type ([`AppName`],
//! [`RouteTemplate`], [`Digest`] …) cannot be built from text that breaks its rule, also not by
//! deserialising it.

#![deny(missing_docs)]

pub mod abi;
pub mod api;
mod command;
mod component;
pub mod desired;
mod digest;
mod function;
mod function_file;
mod grants;
pub mod kv;
mod limits;
mod manifest;
mod names;
mod placing;
mod portable_path;
pub mod problem;
pub mod proposal;
mod route;
pub mod routes;
mod secret;
mod setting;

pub use command::{CommandFault, Program, command_functions};
pub use component::{HttpWorld, is_provided_to_components};
pub use digest::{Digest, InvalidDigest};
pub use function::{
    AuthLevel, FunctionRecord, FunctionSpec, HttpTrigger, InvalidSection, Method, Trigger,
};
pub use grants::{
    FileGrant, FileSource, Grants, HostPattern, InvalidOutbound, OutboundRule, Reuse, Scheme,
};
pub use limits::{AppLimits, Limits, LimitsOverride};
pub use manifest::{AppSection, BuildSection, FunctionSection, Manifest, ManifestError};
pub use names::{
    AppName, FunctionName, Generation, InvalidName, KvKey, KvStore, SettingName, VersionNumber,
    WorkerId,
};
pub use placing::{
    Availability, AvailabilityState, Capacity, Labels, PlacementRules, Replicas, label_fault,
};
pub use portable_path::{InvalidPath, PathFault, PortablePath};
pub use route::{InvalidRoute, RouteConflict, RouteTemplate, Segment, check_routes};
pub use secret::Secret;
pub use setting::{SETTING_BYTES_MAX, SettingValue};
