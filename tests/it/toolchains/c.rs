//! C with Debian's clang: a program with wasi-libc (`wordcount`), and a native guest without any library (`iban`).

use std::fs;

use reqwest::Method;
use serde_json::{Value, json};
use steading_tests::toolchain::CLANG;
use steading_tests::{Dev, http, packages, repository, run, scratch};

use super::serving;
use crate::setup::{built, steading};

#[test]
fn wordcount_counts_what_is_posted_to_it() {
    run(async {
        let Some(cluster) = serving(&CLANG, "wordcount").await else { return };
        let url = format!("{}/api/wordcount", cluster.worker(0));
        let counted = http::post(&format!("{url}?top=1"), "to be or not to be\n").await;
        assert_eq!(counted.header("content-type"), "application/json", "{}", counted.text());
        let top = json!([{"word": "be", "count": 2}]);
        let expected = json!({"lines": 1, "words": 6, "bytes": 19, "top": top});
        assert_eq!(counted.json::<Value>(), expected);
        let long = http::post(&url, "word ".repeat(1 << 20)).await.json::<Value>();
        assert_eq!(long["words"], 1 << 20);
        assert_eq!(http::get(&url).await.status, 405);
    });
}

#[test]
fn iban_judges_the_number_in_the_path() {
    run(async {
        let Some(cluster) = serving(&CLANG, "iban").await else { return };
        let url = format!("{}/api/iban", cluster.worker(0));
        for (number, verdict) in [
            ("GB29NWBK60161331926819", "GB29NWBK60161331926819: valid\n"),
            ("de89%203704%200044%200532%200130%2000", "DE89370400440532013000: valid\n"),
            ("GB29NWBK60161331926818", "GB29NWBK60161331926818: wrong check digits\n"),
            ("GB29%00", "GB29: no account number\n"),
            ("1234567890123456", "1234567890123456: no account number\n"),
        ] {
            let reply = http::get(&format!("{url}/{number}")).await;
            assert_eq!((reply.status.as_u16(), &*reply.text()), (200, verdict));
        }
        let long = http::get(&format!("{url}/{}", "A".repeat(1000))).await;
        assert_eq!(long.text(), format!("{}: no account number\n", "A".repeat(34)));
        let reply = http::get(&url).await;
        assert_eq!(reply.status, 400, "{}", reply.text());
    });
}

#[test]
fn iban_judges_a_body_line_by_line_while_it_comes() {
    const LINES: usize = 50_000;
    run(async {
        let Some(cluster) = serving(&CLANG, "iban").await else { return };
        let url = format!("{}/api/iban", cluster.worker(0));
        let reply = http::post(&url, "GB29 NWBK 6016 1331 9268 19\r\n\nnonsense!").await;
        let expected = "GB29NWBK60161331926819: valid\nNONSENSE: no account number\n";
        assert_eq!(reply.text(), expected);
        assert_eq!(reply.header("content-type"), "text/plain; charset=utf-8");
        let body = "GB29NWBK60161331926819\n".repeat(LINES).into_bytes();
        let request = http::request(Method::POST, &url).body(http::unannounced(body));
        let reply = http::send(request).await;
        assert_eq!(reply.text(), "GB29NWBK60161331926819: valid\n".repeat(LINES));
        assert_eq!(http::post(&url, "").await.text(), "");
    });
}

#[test]
fn a_c_program_is_built_again_when_it_is_saved() {
    run(async {
        if !CLANG.is_there() {
            return;
        }
        let folder = scratch();
        for file in ["steading.toml", "wordcount.c"] {
            let from = repository().join("examples/wordcount").join(file);
            fs::copy(from, folder.path().join(file)).expect("the example can be copied");
        }
        let source = folder.path().join("wordcount.c");
        let program = fs::read_to_string(&source).expect("it is text");
        let mut dev = Dev::start(steading(), folder.path()).await;
        let url = dev.function().to_owned();
        assert_eq!(http::post(&url, "a b").await.json::<Value>()["words"], 2);

        // what does not compile changes nothing, and what does takes over
        fs::write(&source, "no C").expect("it can be written");
        dev.says("waiting for a change").await;
        assert_eq!(http::post(&url, "a b").await.json::<Value>()["words"], 2);
        fs::write(&source, program.replace("words++", "words += 2")).expect("it can be written");
        dev.says("wordcount 2 is ready").await;
        assert_eq!(http::post(&url, "a b").await.json::<Value>()["words"], 4);
        dev.stop().await;
    });
}

#[test]
fn a_bare_program_runs_in_development_from_its_file_alone() {
    run(async {
        if !CLANG.is_there() {
            return;
        }
        let module = packages::module_of(&built("examples/wordcount").await);
        let folder = scratch();
        let file = folder.path().join("Word count.wasm");
        fs::write(&file, &module).expect("it can be written");
        let mut dev = Dev::start(steading(), &file).await;
        let url = dev.function().replace("{*path}", "");
        assert_eq!(http::post(&url, "a b").await.json::<Value>()["words"], 2);
        let refused = http::get(&url).await;
        assert_eq!((refused.status.as_u16(), refused.header("allow")), (405, "POST"));

        // a version that is no module changes nothing, and a new one takes over
        fs::write(&file, "no module").expect("it can be written");
        dev.says("waiting for a change").await;
        assert_eq!(http::get(&url).await.status, 405);
        fs::write(&file, [&module[..], &[0, 2, 1, b'x']].concat()).expect("it can be written");
        dev.says("word-count 2 is ready").await;
        dev.stop().await;
    });
}
