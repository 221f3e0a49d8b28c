//! JavaScript with componentize-js: a component of `wasi:http` 0.2 with an engine inside.

use serde_json::{Value, json};
use steading_tests::toolchain::COMPONENTIZE_JS;
use steading_tests::{http, run};

use super::serving;

#[test]
fn mask_finds_what_points_to_a_person() {
    run(async {
        let Some(cluster) = serving(&COMPONENTIZE_JS, "mask").await else { return };
        let url = format!("{}/api/mask", cluster.worker(0));
        let text =
            "jo.doe@example.org, +49 30 1234567, 4111 1111 1111 1111, order 1234567890, größer";
        let reply = http::post(&url, text).await;
        assert_eq!(reply.header("content-type"), "application/json", "{}", reply.text());
        let masked = "[email], [phone], [card 1111], order 1234567890, größer";
        let found = json!({"emails": 1, "cards": 1, "phones": 1});
        assert_eq!(reply.json::<Value>(), json!({"text": masked, "found": found}));
        let long = http::post(&url, "jo@example.org ".repeat(20_000)).await.json::<Value>();
        assert_eq!(long["found"]["emails"], 20_000);
        let refused = http::get(&url).await;
        assert_eq!((refused.status.as_u16(), refused.header("allow")), (405, "POST"));
    });
}
