//! The JSON API under `/api/v1`, one file per resource, and the OpenAPI document that describes it.
//! The document is made from the same declarations as the router, so neither has a route that the
//! other lacks.

mod apps;
mod extract;
mod functions;
mod invoke;
mod modules;
mod placements;
mod rollout;
mod routes;
mod rules;
mod scale;
mod settings;
mod status;
mod tokens;
mod urls;
mod versions;
mod worker_kv;
mod worker_side;
mod workers;

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::routing::get;
use steading_protocol::problem::ErrorBody;
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use apps::{app_of, make_default, remove as remove_app};
pub(crate) use extract::Path;
pub(crate) use functions::{functions_of, with_urls};
pub(crate) use invoke::{CALL_TIME_MAX, invoke};
pub(crate) use rollout::{end as end_rollout, roll_back, roll_out};
pub(crate) use rules::RULES;
pub(crate) use settings::{list as setting_list, set as set_setting, unset as unset_setting};
pub(crate) use tokens::{issue as issue_token, make as make_token, revoke as revoke_token};

use crate::state::Shared;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Steading manager",
        description = "Publish apps, look at workers, call functions."
    ),
    components(schemas(ErrorBody))
)]
struct Document;

/// The routes below `/api/v1`, and their description at `/api/v1/openapi.json`.
pub(crate) fn router() -> Router<Arc<Shared>> {
    let (router, mut document) = OpenApiRouter::with_openapi(Document::openapi())
        .nest("/api/v1", resources())
        .split_for_parts();
    add_security(&mut document);
    let document = Arc::new(document);
    router.route(
        "/api/v1/openapi.json",
        get(move || {
            let document = Arc::clone(&document);
            async move { Json((*document).clone()) }
        }),
    )
}

fn resources() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new()
        .routes(routes!(status::live))
        .routes(routes!(status::status))
        .routes(routes!(apps::app_list))
        .routes(routes!(apps::app_get, apps::app_delete))
        .routes(routes!(apps::app_default))
        .routes(routes!(rollout::rollout_put, rollout::rollout_delete))
        .routes(routes!(rollout::rollback))
        .routes(routes!(versions::version_list, versions::version_publish))
        .routes(routes!(settings::setting_list))
        .routes(routes!(settings::setting_put, settings::setting_delete))
        .routes(routes!(functions::function_list))
        .routes(routes!(invoke::function_invoke))
        .routes(routes!(placements::placement_list))
        .routes(routes!(tokens::token_list, tokens::token_create))
        .routes(routes!(tokens::token_delete))
        .routes(routes!(workers::worker_list))
        .routes(routes!(worker_side::worker_join))
        .routes(routes!(worker_side::worker_heartbeat))
        .routes(routes!(worker_side::worker_desired))
        .routes(routes!(worker_side::worker_placements))
        .routes(routes!(worker_side::worker_leave))
        .routes(routes!(worker_kv::worker_kv))
        .routes(routes!(modules::module_get))
        .routes(routes!(routes::routes_get))
        .routes(routes!(scale::scale_get))
}

fn add_security(document: &mut utoipa::openapi::OpenApi) {
    let components = document.components.get_or_insert_default();
    for (name, scheme) in [
        ("token", HttpAuthScheme::Bearer),
        ("worker", HttpAuthScheme::Bearer),
        ("join", HttpAuthScheme::Bearer),
        ("password", HttpAuthScheme::Basic),
    ] {
        components.add_security_scheme(name, SecurityScheme::Http(Http::new(scheme)));
    }
}
