//! A store without room: what does not fit is refused as a whole, and the rest goes on.

use serde_json::json;

use crate::guest::{module, module_like};
use crate::harness::{Double, Steading};

#[tokio::test]
async fn a_publish_that_does_not_fit_answers_507_and_changes_nothing() {
    let manager = Steading::with(|config| config.store_bytes_max = Some(1 << 20)).await;
    let worker = Double::join(&manager, "one").await;
    manager.published("shop", module()).await;
    let before = worker.desired(0, 0).await.unwrap();
    let answer = manager.publish("shop", module_like(&vec![7; 4 << 20])).await;
    assert_eq!((answer.status.as_u16(), &*answer.code()), (507, "store_full"));
    assert!(!answer.text().contains("sqlite"), "{}", answer.text());
    assert_eq!(worker.desired(0, 0).await.unwrap(), before);
    assert_eq!(manager.get("/apps/shop").await["version"], json!(1));
    assert_eq!(manager.published("shop", module_like(b"small")).await["version"], json!(2));
    assert_eq!(worker.heartbeat().await.status, 200);
}
