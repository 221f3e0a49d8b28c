//! The other two roles for Windows: a manager with its portal, API and store, and a gateway.

use reqwest::StatusCode;
use steading_tests::{Builder, Gateway, http, run};

use super::{SMALL_POOL, wine};
use crate::setup::built;

#[test]
fn a_windows_manager_worker_and_gateway_serve_an_app_together() {
    run(async {
        let wine = wine!();
        let steading = wine.steading();
        let cluster = Builder::new(&steading).workers(1).worker_tables(SMALL_POOL).start().await;
        let portal = http::get(&format!("{}/", cluster.manager())).await;
        assert!(portal.status.is_success() || portal.status.is_redirection(), "{}", portal.text());
        cluster.api().publish_ready("hello", &built("examples/hello").await, 1).await;
        assert_eq!(cluster.api().status().await.apps.len(), 1);

        let gateway = Gateway::start(&steading, cluster.manager(), "").await;
        let hello = http::get(&format!("{}/functions/hello/api/hello", gateway.url())).await;
        assert_eq!(hello.status, StatusCode::OK, "{}", hello.text());
    });
}
