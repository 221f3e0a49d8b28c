//! What a gateway has to know: which requests lead to which app, and which workers have it ready.
//!
//! A gateway pulls it whole, as workers pull their desired state, so a late, lost or repeated answer is
//! harmless. What is in here is only what is called now; a version that is kept for a way back is not.

use serde::{Deserialize, Serialize};

use crate::{AppName, HttpTrigger, VersionNumber, WorkerId};

/// `GET /api/v1/routes`: everything that can be called.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Routes {
    /// Another text whenever anything else in here is different, and the same from every manager of an
    /// installation. Says nothing of order.
    pub revision: String,
    /// The live workers that have anything ready.
    pub workers: Vec<RouteWorker>,
    /// The apps, in the order in which a request to `/api/…` without a telling host tries them.
    pub apps: Vec<RouteApp>,
}

/// A worker that can be called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RouteWorker {
    /// Its identity.
    pub worker: WorkerId,
    /// Where it answers function calls.
    pub url: String,
}

/// One app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RouteApp {
    /// The app.
    pub app: AppName,
    /// Host names that lead to this app alone.
    pub hosts: Vec<String>,
    /// The versions that are called, newest first; their parts make 100 percent together.
    pub versions: Vec<RouteVersion>,
}

/// One version of an app that is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RouteVersion {
    /// The version.
    pub version: VersionNumber,
    /// Its part of the app's requests, percent.
    pub percent: u8,
    /// What its functions answer.
    pub functions: Vec<HttpTrigger>,
    /// The workers on which it is ready, as positions in [`Routes::workers`].
    pub workers: Vec<usize>,
}
