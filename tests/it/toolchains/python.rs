//! Python with componentize-py: a component of `wasi:http` 0.2 with CPython inside.

use serde_json::{Value, json};
use steading_tests::toolchain::COMPONENTIZE_PY;
use steading_tests::{http, run};

use super::serving;

#[test]
fn summary_tells_of_each_column() {
    run(async {
        let Some(cluster) = serving(&COMPONENTIZE_PY, "summary").await else { return };
        let url = format!("{}/api/summary", cluster.worker(0));
        let table = "city,people\nBerlin,4\nHamburg,2\n\"Frankfurt, Main\",1\nBerlin,\n";
        let reply = http::post(&url, table).await;
        assert_eq!(reply.header("content-type"), "application/json", "{}", reply.text());
        let people =
            json!({"values": 3, "smallest": 1.0, "largest": 4.0, "mean": 7.0 / 3.0, "median": 2.0});
        let columns = json!({"city": {"values": 4, "different": 3}, "people": people});
        assert_eq!(reply.json::<Value>(), json!({"rows": 4, "columns": columns}));
        let long = format!("n\n{}", "1\n".repeat(50_000));
        assert_eq!(http::post(&url, long).await.json::<Value>()["columns"]["n"]["mean"], 1.0);
        for (body, named) in [("a,b\n1\n", "a row has not as many"), ("a\n\"x", "this is no CSV")] {
            let refused = http::post(&url, body).await;
            assert_eq!(refused.status, 400, "{}", refused.text());
            assert!(refused.text().contains(named), "{}", refused.text());
        }
        assert_eq!(http::get(&url).await.status, 405);
    });
}
