//! Requests over TLS: who is trusted, and who is not.

use steading_tests::{Host, Steading, run, scratch};

use super::{GUESTS, LIMITS, fetch, serving};
use crate::setup::binary;

#[test]
fn a_host_of_the_operators_authority_is_trusted_by_its_name_and_nobody_else_is() {
    run(async {
        let good = Host::tls("127.0.0.1").await;
        let (stranger, other) = (Host::tls("127.0.0.1").await, Host::tls("other.example").await);
        let folder = scratch();
        let file = folder.path().join("authorities.pem");
        // the authority of `other` is good, but that is not the name it was asked by
        std::fs::write(&file, [good.authority(), other.authority()].concat()).unwrap();
        let url = |host: &Host| format!("https://127.0.0.1:{}/v1/hello", host.port());
        let rules = [&good, &stranger, &other].map(|host| format!("'{}'", url(host)));
        let worker = format!("[outbound]\nca_file = {file:?}\n");
        let cluster = serving(LIMITS, &rules.join(", "), &worker).await;
        for guest in GUESTS {
            let text = fetch(&cluster, guest, &url(&good)).await;
            let expected = format!("200\nhello from 127.0.0.1:{}", good.port());
            assert!(text.starts_with(&expected), "{guest}: {text}");
            for bad in [&stranger, &other] {
                let text = fetch(&cluster, guest, &url(bad)).await;
                assert!(text.contains("Tls"), "{guest}: {text}");
            }
        }
        assert_eq!((stranger.requests(), other.requests()), (0, 0));
        let told = |what: &str| cluster.worker_lines(0).iter().any(|line| line.contains(what));
        assert!(told("UnknownIssuer") && told("other.example"), "{:#?}", cluster.worker_lines(0));
    });
}

#[test]
fn a_worker_with_unreadable_authorities_says_so_and_does_not_start() {
    run(async {
        let folder = scratch();
        let config = folder.path().join("worker.toml");
        let (missing, state) = (folder.path().join("missing.pem"), folder.path().join("state"));
        let text = format!(
            "listen = \"127.0.0.1:0\"\ncontrol = \"127.0.0.1:0\"\nstate_dir = {state:?}\n[outbound]\nca_file = {missing:?}\n"
        );
        std::fs::write(&config, text).unwrap();
        let worker = Steading::at(binary()).args(["worker", "--config"]).args([&config]);
        let ended = worker.ended().await;
        assert!(ended.stderr.contains("outbound.ca_file"), "{ended}");
        assert!(ended.stderr.contains("missing.pem"), "{ended}");
    });
}
