//! The example `offers`, which puts together what two other services know.

use std::time::Duration;

use steading_tests::{Host, eventually, http, packages, run};

use super::url;
use crate::setup::{built, cluster};

#[test]
fn offers_are_put_together_and_a_service_that_is_away_is_left_out() {
    run(async {
        let (stock, prices) = (Host::open().await, Host::open().await);
        let cluster = cluster().workers(1).start().await;
        let rules = [&stock, &prices].map(|host| format!("'{}'", url(host, ""))).join(", ");
        let manifest =
            format!("[grants]\noutbound = [{rules}]\nsettings = [\"STOCK_URL\", \"PRICES_URL\"]\n");
        let module = packages::module_of(&built("examples/offers").await);
        let files = [("steading.toml", manifest.as_bytes()), ("offers.wasm", &module)];
        cluster.api().publish_ready("offers", &packages::zipped(&files), 1).await;
        let settings = [
            format!("STOCK_URL={}", url(&stock, "/v1/stock")),
            format!("PRICES_URL={}", url(&prices, "/v1/prices")),
        ];
        for setting in settings {
            let set = cluster.steading().args(["settings", "set", "offers", setting.as_str()]);
            set.ended().await.succeeded();
        }
        let offer = format!("{}/api/offers/mug-blue", cluster.worker(0));
        let becomes = async |what: &str, wanted: &str| {
            eventually(what, Duration::from_secs(30), || async {
                let text = http::get(&offer).await.text();
                if text == wanted { Ok(()) } else { Err(text) }
            })
            .await;
        };
        let whole = r#"{"article":"mug-blue","count":7,"cents":1250,"missing":[]}"#;
        becomes("the offer", whole).await;
        drop(stock);
        let partial = r#"{"article":"mug-blue","count":null,"cents":1250,"missing":["stock"]}"#;
        becomes("the offer without stock", partial).await;
    });
}
