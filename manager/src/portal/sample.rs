//! Values for tests that render pages: one app, one worker, and strings as hostile as names can be.

use jiff::Timestamp;
use steading_protocol::api::{App, Function, Placement, Version, Worker, WorkerState};
use steading_protocol::desired::{PlacementState, WorkerLoad};
use steading_protocol::{
    AppLimits, AppName, AuthLevel, Availability, AvailabilityState, Capacity, Digest, FunctionSpec,
    Generation, Grants, HttpTrigger, Labels, Limits, PlacementRules, Trigger, VersionNumber,
};

use super::view::{Frame, Section};

/// Breaks out of an element and of an attribute, wherever it is not escaped.
pub(crate) const HOSTILE: &str = "\"'><script>alert(1)</script>";

/// Fails when [`HOSTILE`] got through, or when a page breaks the content security policy or names an
/// asset that is not there.
pub(crate) fn check(html: &str) {
    assert!(!html.contains("<script>"), "{html}");
    assert!(!html.contains("alert(1)<"), "{html}");
    for forbidden in [" style=", " onclick=", "<style", "?v=\""] {
        assert!(!html.contains(forbidden), "{forbidden} in {html}");
    }
}

pub(crate) fn frame() -> Frame {
    Frame { csrf: "csrf-of-the-session".into(), section: Section::Apps }
}

pub(crate) fn now() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

pub(crate) fn name() -> AppName {
    "orders".parse().unwrap()
}

pub(crate) fn app() -> App {
    App {
        app: name(),
        version: VersionNumber(2),
        rollout: None,
        placement: PlacementRules::default(),
        limits: AppLimits::default(),
        grants: grants(),
        default: true,
        hosts: vec![HOSTILE.into()],
        created_at: now(),
    }
}

pub(crate) fn function() -> Function {
    let spec = FunctionSpec {
        name: "place".parse().unwrap(),
        module: Digest::from_bytes([1; 32]),
        export: "steading.http.place".into(),
        trigger: Trigger::Http(HttpTrigger {
            route: "orders/{id}/items/{item?}".parse().unwrap(),
            methods: vec![],
            auth: AuthLevel::Anonymous,
        }),
        limits: Limits::default(),
    };
    Function { spec, urls: vec!["http://10.0.0.7:7071/api/orders/{id}".into(), HOSTILE.into()] }
}

pub(crate) fn version(number: u32) -> Version {
    Version {
        app: name(),
        version: VersionNumber(number),
        package: Digest::from_bytes([2; 32]),
        size_bytes: 48_300,
        published_at: now(),
        functions: vec![function().spec],
        grants: grants(),
    }
}

pub(crate) fn grants() -> Grants {
    Grants {
        kv: vec!["default".parse().unwrap()],
        settings: vec!["API_KEY".parse().unwrap()],
        ..Grants::default()
    }
}

pub(crate) fn placement(version: u32, state: PlacementState) -> Placement {
    Placement {
        app: name(),
        version: VersionNumber(version),
        worker: "w-1".parse().unwrap(),
        worker_name: HOSTILE.into(),
        state,
        percent: Some(100),
        detail: (state == PlacementState::Failed).then(|| HOSTILE.into()),
        created_at: now(),
        changed_at: now(),
    }
}

pub(crate) fn worker() -> Worker {
    Worker {
        worker: "w-1".parse().unwrap(),
        name: HOSTILE.into(),
        url: HOSTILE.into(),
        release: HOSTILE.into(),
        platform: HOSTILE.into(),
        state: WorkerState::Live,
        load: WorkerLoad {
            in_flight: 3,
            in_flight_max: 1000,
            invocations: 1_204_331,
            failures: 12,
            resident_bytes: 84 << 20,
            ..WorkerLoad::default()
        },
        versions: vec![],
        labels: Labels::from([(HOSTILE.into(), HOSTILE.into())]),
        capacity: Capacity { memory_bytes: 4 << 30, instances: 1000 },
        availability: Availability {
            state: AvailabilityState::Available,
            detail: Some(HOSTILE.into()),
        },
        generation: Generation(7),
        applied: Generation(7),
        joined_at: now(),
        seen_at: now(),
    }
}
