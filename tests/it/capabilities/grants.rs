//! New grants need a yes, on the command line as well; the manager's own tests have the rest.

use steading_tests::run;

use crate::setup::cluster;

#[test]
fn a_version_that_asks_for_more_is_published_only_with_the_flag() {
    run(async {
        let cluster = cluster().workers(1).start().await;
        let publish = |more: &[&str]| {
            let folder = steading_tests::repository().join("examples/visits");
            let folder = folder.to_str().expect("the repository has a name in UTF-8").to_owned();
            let words = ["publish", &folder].into_iter().chain(more.iter().copied());
            cluster.steading().args(words.map(str::to_owned).collect::<Vec<_>>()).ended()
        };
        let refused = publish(&[]).await;
        let line = refused.failed(65);
        for part in ["key-value store `default`", "setting `RESET_KEY`", "--allow-new-grants"] {
            assert!(line.contains(part), "{part} in {line}");
        }
        assert!(cluster.api().status().await.apps.is_empty());
        publish(&["--allow-new-grants"]).await.succeeded();
        let again = publish(&[]).await.succeeded();
        assert!(again.stdout.contains("unchanged: visits 1"), "{again}");
    });
}
