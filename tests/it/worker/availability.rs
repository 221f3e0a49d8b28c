//! What a worker offers, and when: labels, capacity, windows of time, and a machine that others need.

use std::time::{Duration, SystemTime};

use steading_protocol::AvailabilityState::{Available, Away, Closing};
use steading_tests::desk::version;
use steading_tests::{Desk, DeskWorker, eventually, http, run, wasm};

use crate::setup::binary;

/// A day of the week that is neither today nor tomorrow in UTC, also when midnight passes.
fn another_day() -> &'static str {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970");
    // the first day of 1970 was a Thursday
    DAYS[((now.as_secs() / 86_400 + 3 + 3) % 7) as usize]
}

#[test]
fn labels_and_capacity_are_told_when_the_worker_joins() {
    run(async {
        let desk = Desk::open().await;
        let config = "labels = { zone = \"plant-2\", disk = \"ssd\" }\n\
                      [capacity]\nmemory_mib = 512\ninstances = 20\n";
        let _worker = DeskWorker::start(binary(), &desk, config).await;
        desk.heartbeat("the first heartbeat", |h| h.availability.state == Available).await;
        let joined = desk.joined();
        let labels: Vec<_> = joined.labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(labels, [("disk", "ssd"), ("zone", "plant-2")]);
        assert_eq!((joined.capacity.memory_bytes, joined.capacity.instances), (512 << 20, 20));
        assert_eq!(joined.availability.state, Available);
    });
}

#[test]
fn outside_its_windows_a_worker_takes_no_call_says_so_and_follows_its_manager() {
    run(async {
        let desk = Desk::open().await;
        let day = another_day();
        let config =
            format!("[availability]\nwindows = [\"{day} 09:00-17:00\"]\ntime_zone = \"UTC\"\n");
        let worker = DeskWorker::start(binary(), &desk, &config).await;
        let module = desk.module(wasm::saying("open"));
        desk.applied(desk.want(vec![version("shop", 1, 100, &module)], vec![])).await;
        let opens = format!("opens {day} 09:00");
        for availability in
            [desk.joined().availability, desk.heartbeat("a heartbeat", |_| true).await.availability]
        {
            assert_eq!((availability.state, availability.detail), (Away, Some(opens.clone())));
        }

        let reply = http::get(&format!("{}/functions/shop/api/hello", worker.url())).await;
        let problem = reply.problem();
        assert_eq!((problem.status, problem.code.as_str()), (503, "worker_away"));
        assert!(problem.title.contains(&opens), "{problem:?}");
        let wait: u64 = reply.header("retry-after").parse().expect("seconds");
        assert!((86_400..8 * 86_400).contains(&wait), "{wait}");
        let ready = http::get(&format!("{}/ready", worker.control())).await;
        assert_eq!(ready.status, 503);
        assert!(ready.text().contains(&opens), "{}", ready.text());
        assert_eq!(http::get(&format!("{}/live", worker.control())).await.status, 200);
        let metrics = http::get(&format!("{}/metrics", worker.control())).await.text();
        let counted = "steading_requests_refused_total{code=\"worker_away\"} 1";
        assert!(metrics.contains(counted), "{metrics}");
    });
}

#[test]
fn a_machine_that_others_need_is_closed_first_and_then_left() {
    run(async {
        let desk = Desk::open().await;
        let config = "[availability]\nmax_cpu_percent = 1\nclosing_ms = 4000\n";
        let worker = DeskWorker::start(binary(), &desk, config).await;
        let module = desk.module(wasm::saying("open"));
        desk.applied(desk.want(vec![version("shop", 1, 100, &module)], vec![])).await;
        let others = Others::at_work();
        let closing = desk.heartbeat("closing", |h| h.availability.state == Closing).await;
        let why = closing.availability.detail.unwrap();
        assert!(why.starts_with("others use ") && why.ends_with("more than 1 %"), "{why}");
        assert_eq!(worker.hello("shop").await, (200, "open".into()), "it still serves");
        desk.heartbeat("away", |h| h.availability.state == Away).await;
        eventually("calls to be refused", Duration::from_secs(5), || async {
            let (status, body) = worker.hello("shop").await;
            if status == 503 && body.contains("worker_away") { Ok(()) } else { Err(body) }
        })
        .await;
        drop(others);
        let mut states: Vec<_> =
            desk.heartbeats().into_iter().map(|h| h.availability.state).collect();
        states.dedup();
        assert_eq!(states, [Available, Closing, Away]);
    });
}

/// Work on this machine that is not the worker's; ends when dropped.
struct Others(std::sync::mpsc::Sender<()>);

impl Others {
    fn at_work() -> Self {
        let (stop, stopped) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            while stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
                std::hint::black_box((0..10_000u64).sum::<u64>());
            }
        });
        Self(stop)
    }
}

impl Drop for Others {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}
