//! What a component had better not do.

use std::hint::black_box;

use steading_test_components::{HEADERS, grow, recurse};
use wasip3::clocks::monotonic_clock;
use wasip3::http::types::{ErrorCode, Fields, HeaderError};
use wasip3::spawn_local;

use crate::{Answer, body};

const HOUR_NS: u64 = 3_600_000_000_000;

/// Acts by name, with a number or a word.
pub(crate) async fn act(action: &str, detail: &str) -> Answer {
    match action {
        "error" => Err(ErrorCode::InternalError(Some("no luck".into()))),
        "status" => empty(detail.parse().expect("a status"), &[]),
        "exit" => std::process::exit(detail.parse().expect("a code")),
        "trap" => panic!("a panic on purpose"),
        "late" => late(),
        "broken" => broken(),
        "unfinished" => unfinished(),
        "announced" => announced(detail),
        "headers" => headers(),
        "many" => empty(200, &[("x-many", "xxxx"); 200]),
        "long" => empty(200, &[("x-many", &"x".repeat(66_000))]),
        "fields" => {
            let kept: Vec<_> = (0..100_000).map(|_| Fields::new()).collect();
            body::text(&kept.len().to_string())
        }
        "sleep" => {
            monotonic_clock::wait_for(HOUR_NS).await;
            body::text("awake")
        }
        "hang" => hang(),
        "spin" => loop {
            black_box(0);
        },
        "recurse" => body::text(&recurse(1).to_string()),
        "grow" => grow(),
        "flood" => flood(),
        "random" => {
            let bytes = wasip3::random::random::get_random_bytes(64 << 20);
            body::text(&bytes.len().to_string())
        }
        other => body::text(&format!("no action `{other}`")),
    }
}

/// A response without a body.
fn empty(status: u16, headers: &[(&str, &str)]) -> Answer {
    let (response, out) = body::begin(status, headers);
    spawn_local(out.end(Ok(None)));
    Ok(response)
}

fn late() -> Answer {
    let (response, mut out) = body::begin(200, &[]);
    spawn_local(async move {
        out.write(b"all is well".to_vec()).await;
        out.end(Ok(None)).await;
        monotonic_clock::wait_for(1).await;
        panic!("a panic when all is said");
    });
    Ok(response)
}

fn broken() -> Answer {
    let (response, mut out) = body::begin(200, &[]);
    spawn_local(async move {
        out.write(vec![b'x'; 200_000]).await;
        panic!("a panic in the middle");
    });
    Ok(response)
}

/// A body that ends without having come to its end.
fn unfinished() -> Answer {
    let (response, mut out) = body::begin(200, &[]);
    spawn_local(async move {
        out.write(b"what there is".to_vec()).await;
        out.end(Err(ErrorCode::InternalError(Some("that was not all".into())))).await;
    });
    Ok(response)
}

/// Ten bytes under a length of so many.
fn announced(length: &str) -> Answer {
    let (response, mut out) = body::begin(200, &[("content-length", length)]);
    spawn_local(async move {
        out.write(b"ten bytes!".to_vec()).await;
        out.end(Ok(None)).await;
    });
    Ok(response)
}

/// What becomes of headers that cannot be sent, or not by a component.
fn headers() -> Answer {
    let fields = Fields::new();
    let told: Vec<_> = HEADERS
        .map(|(name, value)| {
            let told = match fields.append(name, value.as_bytes()) {
                Ok(()) => "set",
                Err(HeaderError::Forbidden) => "forbidden",
                Err(HeaderError::InvalidSyntax) => "invalid",
                Err(_) => "other",
            };
            format!("{name}: {told}")
        })
        .into();
    body::text(&told.join("\n"))
}

fn hang() -> Answer {
    let (response, mut out) = body::begin(200, &[]);
    spawn_local(async move {
        out.write(b"first\n".to_vec()).await;
        monotonic_clock::wait_for(HOUR_NS).await;
        out.end(Ok(None)).await;
    });
    Ok(response)
}

fn flood() -> Answer {
    let (response, mut out) = body::begin(200, &[]);
    spawn_local(async move {
        while out.write(vec![b'x'; 4096]).await {}
        out.end(Ok(None)).await;
    });
    Ok(response)
}
