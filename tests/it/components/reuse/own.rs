//! What each call has of its own in an instance that served before: its time, its log, what it may send.

use steading_tests::{Host, eventually, http, run, scratch};

use super::super::BOTH;
use super::{SOON, assert_calls, get, package, said, serving, url};
use crate::setup::cluster;

#[test]
fn processor_time_is_that_of_each_call() {
    run(async {
        let manifest = "[limits]\ncpu_ms_max = 400\n[grants]\nreuse = { idle_ms = 60000 }\n";
        let cluster = serving(manifest, "").await;
        for guest in BOTH {
            // more than one call may have
            for call in 1..=6 {
                assert_eq!(said(&cluster, guest, "burn/150").await, call.to_string(), "{guest}");
            }
            let reply = http::send(get(&cluster, guest, "spin")).await;
            assert_eq!(reply.problem().code, "cpu_exceeded", "{guest}");
        }
    });
}

#[test]
fn the_deadline_is_that_of_each_call() {
    run(async {
        let manifest = "[limits]\ndeadline_ms_max = 2000\n[grants]\nreuse = { idle_ms = 60000 }\n";
        let cluster = serving(manifest, "").await;
        for guest in BOTH {
            // 300 ms each
            for _ in 0..7 {
                assert_eq!(said(&cluster, guest, "stream").await, "first\nsecond\n");
            }
            let reply = http::send(get(&cluster, guest, "sleep")).await;
            assert_eq!(reply.problem().code, "deadline_exceeded", "{guest}");
        }
        let made = http::metric(cluster.control(0), "steading_instances_made_total ").await;
        assert_eq!(made, 2.0, "each guest was made once");
    });
}

#[test]
fn words_are_in_the_log_of_the_call_that_said_them_and_its_limit_is_its_own() {
    run(async {
        let manifest = "[limits]\nlog_kib_max = 1\n[grants]\nreuse = { idle_ms = 60000 }\n";
        let cluster = serving(manifest, "").await;
        let levels = ["orders: warned", "orders: failed"];
        for (guest, path, words) in [
            ("wasi02", "log", ["a word to stdout", "a word to stderr"]),
            ("wasi03", "log", ["a word to stdout", "a word to stderr"]),
            ("wasi02", "levels/2", levels),
        ] {
            for _ in 0..3 {
                let reply = http::get(&url(&cluster, guest, path)).await;
                assert_eq!(reply.text(), "logged", "{guest}");
                let invocation = reply.header("x-steading-invocation").to_owned();
                eventually("the words of this call", SOON, || async {
                    let lines = cluster.worker_lines(0);
                    let own: Vec<_> =
                        lines.iter().filter(|line| line.contains(&invocation)).collect();
                    let once = |word: &&str| own.iter().filter(|l| l.contains(*word)).count() == 1;
                    let cut = own.iter().any(|line| line.contains("cut off")) == (path != "log");
                    if words.iter().all(once) && cut { Ok(()) } else { Err(format!("{own:#?}")) }
                })
                .await;
            }
        }
        let reused = http::metric(cluster.control(0), "steading_instances_reused_total ").await;
        assert_eq!(reused, 7.0, "each guest was made once");
    });
}

#[test]
fn what_a_call_may_write_to_files_is_counted_anew_and_no_open_file_is_written_to_later() {
    run(async {
        let folder = scratch();
        let up = folder.path();
        let tables = format!("[directories]\nup = {{ path = {up:?}, write = true }}\n");
        let manifest = "[limits]\nfile_write_kib_max = 64\n[grants]\nfiles = [{ host = \"worker:up\", guest = \"/up\", write = true }]\nreuse = { idle_ms = 60000 }\n";
        let cluster = serving(manifest, &tables).await;
        for guest in BOTH {
            for call in ["1", "2", "3"] {
                let fill = get(&cluster, guest, "fill").header("how", "write");
                let fill = fill.header("path", "/up/file").header("bytes", "65536");
                assert_eq!(http::send(fill).await.text(), "done", "{guest}");
                assert_calls(&cluster, guest, &[("count", call)]).await;
            }
            assert_calls(&cluster, guest, &[("linger", "4"), ("count", "1")]).await;
        }
    });
}

#[test]
fn what_a_call_may_send_is_counted_anew_and_what_it_left_open_is_closed() {
    run(async {
        let host = Host::open().await;
        let cluster = cluster().workers(1);
        let cluster = cluster.worker_tables("[outbound]\ninvocation_mib_max = 1\n").start().await;
        let at = |path: &str| format!("http://127.0.0.1:{}{path}", host.port());
        let manifest = format!(
            "[limits]\nresponse_body_kib_max = 65536\n[grants]\noutbound = ['{}']\nreuse = {{ idle_ms = 60000 }}\n",
            at("")
        );
        for guest in BOTH {
            cluster.api().publish_ready(guest, &package(guest, &manifest).await, 1).await;
            for call in ["1", "2", "3"] {
                let fetch =
                    get(&cluster, guest, "fetch").header("url", at("/v1/long?bytes=700000"));
                let text = http::send(fetch).await.text();
                assert!(text.len() > 700_000, "{guest} {call}: {} bytes", text.len());
                assert_calls(&cluster, guest, &[("count", call)]).await;
            }
        }
        let forsake = get(&cluster, "wasi02", "forsake").header("url", at("/v1/slow"));
        assert_eq!(http::send(forsake).await.text(), "4");
        assert_calls(&cluster, "wasi02", &[("count", "1")]).await;
        http::metric_becomes(cluster.control(0), "steading_outbound_connections ", 0.0, SOON).await;
    });
}
