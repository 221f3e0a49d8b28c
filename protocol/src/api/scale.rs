//! What an orchestrator is told that adds and removes workers. Numbers at the top of one flat object, as
//! scalers like to read them; whether to act on them, and how often, is the orchestrator's.

use serde::{Deserialize, Serialize};

use crate::AppName;

/// `GET /api/v1/scale/{app}`: how busy an app's workers are, as of their last heartbeats.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Scale {
    /// The app.
    pub app: AppName,
    /// Invocations of the app running now, on all live workers.
    pub in_flight: u64,
    /// Invocations of the app that the workers below can run at once.
    pub capacity: u64,
    /// Workers that have the app ready and take work.
    pub workers: u32,
    /// Invocations of all apps running now on these workers.
    pub in_flight_all: u64,
    /// Invocations of all apps that these workers can run at once.
    pub capacity_all: u64,
    /// How many workers would be as busy as they should be; never 0.
    pub suggested_workers: u32,
}
