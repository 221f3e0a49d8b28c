//! Rust for `wasm32-wasip2` without our SDK: a component of 0.2 with wstd (`markdown`), and one of 0.3 (`checksum`).
//! The target is there wherever the tests are, because the toolchain's file asks for it.

use steading_tests::{http, run};

use super::serving_built;

#[test]
fn markdown_becomes_harmless_html() {
    run(async {
        let cluster = serving_built("markdown").await;
        let url = format!("{}/api/markdown", cluster.worker(0));
        let reply = http::post(&url, "# Orders\n\n* one\n* <b>two</b>\n").await;
        assert_eq!(reply.header("content-type"), "text/html; charset=utf-8", "{}", reply.text());
        let html = "<h1>Orders</h1>\n<ul>\n<li>one</li>\n<li>&lt;b&gt;two&lt;/b&gt;</li>\n</ul>\n";
        assert_eq!(reply.text(), html);
        let page = http::post(&format!("{url}?page"), "*one*").await.text();
        assert!(page.starts_with("<!doctype html>"), "out of the package: {page}");
        assert!(page.contains("<main>\n<p><em>one</em></p>\n</main>"), "{page}");
        assert_eq!(http::post(&url, &b"\xff"[..]).await.status, 400);
        assert_eq!(http::get(&url).await.status, 405);
    });
}

#[test]
fn checksum_hashes_a_body_far_longer_than_its_memory() {
    use sha2::Digest as _;
    run(async {
        let cluster = serving_built("checksum").await;
        let url = format!("{}/api/checksum", cluster.worker(0));
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  0 bytes\n";
        assert_eq!(http::post(&url, "").await.text(), empty);
        let body = b"0123456789abcdef".repeat(2 << 20);
        let hash: String =
            sha2::Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect();
        let expected = format!("{hash}  {} bytes\n", body.len());
        assert_eq!(http::post(&url, http::unannounced(body)).await.text(), expected);
    });
}
