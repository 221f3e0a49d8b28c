//! What gateways are told: who may ask, what is in it, and when a waiting one hears of a change.

use std::time::{Duration, Instant};

use http::Method;
use steading_protocol::routes::Routes;

use crate::guest::{module, module_like};
use crate::harness::{Double, Steading, send};

/// The routes other than those of a revision, or nothing when the wait ends first.
async fn routes(manager: &Steading, after: &str, wait_ms: u64) -> Option<Routes> {
    let path = format!("/api/v1/routes?after={after}&wait_ms={wait_ms}");
    let answer = send(manager.bare(Method::GET, &path).bearer_auth(&manager.join_token)).await;
    match answer.status.as_u16() {
        200 => Some(serde_json::from_slice(&answer.bytes).unwrap()),
        204 => None,
        _ => panic!("{}", answer.text()),
    }
}

/// Per version of the only app: its number, its part, and how many workers have it.
fn versions(routes: &Routes) -> Vec<(u32, u8, usize)> {
    let [app] = &routes.apps[..] else { panic!("{routes:?}") };
    app.versions.iter().map(|v| (v.version.0, v.percent, v.workers.len())).collect()
}

#[tokio::test]
async fn routes_are_for_the_machines_of_the_installation_and_for_operators() {
    let manager = Steading::start().await;
    let worker = Double::join(&manager, "one").await;
    for (token, status) in [
        (manager.join_token.as_str(), 200),
        (manager.token.as_str(), 200),
        (worker.token.as_str(), 401),
        ("", 401),
    ] {
        let asked = manager.bare(Method::GET, "/api/v1/routes").bearer_auth(token);
        assert_eq!(send(asked).await.status, status);
    }
    assert_eq!(send(manager.bare(Method::GET, "/api/v1/routes")).await.status, 401);
}

/// The next routes after `known`, while `change` happens; it must be heard of well before the wait ends.
async fn next(manager: &Steading, known: &Routes, change: impl Future) -> Routes {
    let begun = Instant::now();
    let changed = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        change.await;
    };
    let (found, ()) = tokio::join!(routes(manager, &known.revision, 15_000), changed);
    assert!(begun.elapsed() < Duration::from_secs(10));
    found.expect("a change is told")
}

#[tokio::test]
async fn a_waiting_gateway_hears_of_every_change_and_of_nothing_else() {
    let manager = Steading::with(|config| config.lost_after_ms = 4000).await;
    let (one, two) = (Double::join(&manager, "one").await, Double::join(&manager, "two").await);
    manager.published("shop", module()).await;
    let known = routes(&manager, "", 0).await.unwrap();
    assert_eq!(versions(&known), [(1, 100, 0)]);
    assert_eq!(known.apps[0].versions[0].functions[0].route.as_str(), "f");
    // neither a heartbeat nor a report of what is not ready changes anything
    one.heartbeat().await;
    one.report(2, &[("shop", 1, "loading")]).await;
    let begun = Instant::now();
    assert!(routes(&manager, &known.revision, 300).await.is_none());
    assert!(begun.elapsed() >= Duration::from_millis(300));

    let known = next(&manager, &known, one.report(2, &[("shop", 1, "ready")])).await;
    assert_eq!(versions(&known), [(1, 100, 1)]);
    let known = next(&manager, &known, two.report(2, &[("shop", 1, "ready")])).await;
    assert_eq!(versions(&known), [(1, 100, 2)]);
    // a new version that nobody has yet takes nothing away
    manager.published("shop", module_like(b"2")).await;
    assert!(routes(&manager, &known.revision, 0).await.is_none());
    let both = [("shop", 1, "ready"), ("shop", 2, "ready")];
    one.report(3, &both).await;
    assert!(routes(&manager, &known.revision, 300).await.is_none());
    // the last worker has it: now it is in service
    let known = next(&manager, &known, two.report(3, &both)).await;
    assert_eq!(versions(&known), [(2, 100, 2)]);
    let known = next(&manager, &known, send(two.call(Method::POST, "leave"))).await;
    assert_eq!((versions(&known), known.workers.len()), (vec![(2, 100, 1)], 1));
    // the other one falls silent
    let known = next(&manager, &known, async {}).await;
    assert_eq!((versions(&known), known.workers.len()), (vec![(2, 100, 0)], 0));
    next(&manager, &known, send(manager.api(Method::DELETE, "/apps/shop"))).await;
}
