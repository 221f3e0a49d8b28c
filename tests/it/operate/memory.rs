//! A pool follows the memory there is, or is refused before anything is bound.

use steading_tests::{Desk, DeskWorker, run, scratch};

use crate::setup::{binary, steading};

#[test]
fn a_pool_that_does_not_fit_ends_with_64_and_what_would_fit_before_a_port_is_opened() {
    run(async {
        let folder = scratch();
        let busy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = busy.local_addr().unwrap();
        for (tables, said) in [
            ("[engine]\ninstances_max = 1000\n", "engine.instances_max = 1000 keeps up to "),
            (
                "[engine]\nmemory_mib_max = 65\n",
                "engine.memory_mib_max = 65 lets one function take 65 MiB",
            ),
        ] {
            // the port is taken: an error that names it would mean that it was tried
            let text = format!("listen = \"{address}\"\n{tables}[capacity]\nmemory_mib = 64\n");
            let config = folder.path().join("worker.toml");
            std::fs::write(&config, text).unwrap();
            let ended = steading().args(["worker", "--config"]).args([&config]).ended().await;
            let line = ended.failed(64);
            assert!(line.starts_with(said) && line.contains("capacity.memory_mib = 64"), "{line}");
            assert!(line.ends_with(" would fit"), "{line}");
        }
    });
}

#[test]
fn a_pool_that_nobody_has_sized_follows_the_memory_and_its_manager_is_told() {
    run(async {
        let desk = Desk::open().await;
        let worker = DeskWorker::start(binary(), &desk, "[capacity]\nmemory_mib = 64\n").await;
        desk.heartbeat("any", |_| true).await;
        let capacity = desk.joined().capacity;
        assert_eq!(capacity.memory_bytes, 64 << 20);
        assert!((1..500).contains(&capacity.instances), "{capacity:?}");
        let small =
            "[capacity]\nmemory_mib = 64\n[engine]\nkeep_resident_kib = 0\nmemory_mib_max = 1\n";
        let frugal = DeskWorker::start(binary(), &desk, small).await;
        desk.heartbeat("any", |_| true).await;
        let more = desk.joined().capacity.instances;
        assert!(more > capacity.instances, "{more} that keep less");
        drop((worker, frugal));
    });
}
