//! Brings a built package to the manager: uploads it, with patience for a manager that is just being
//! restarted. Whether the workers then take it is `rollout`'s business.
//!
//! Invariant: repeating is harmless. The manager answers the same package twice with the same
//! version, and until a publish is acknowledged the previous version is what workers serve.

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use steading_protocol::api::PublishReply;
use tokio_util::io::ReaderStream;

use crate::build::Built;
use crate::client::{Client, ClientError, PublishWish};
use crate::exit::Failure;
use crate::terminal;

/// How often a publish is tried again. With the delays below the last try is twelve seconds after
/// the first: longer than a manager's restart, shorter than anyone's patience.
const RETRIES: usize = 6;
/// The first delay; each one after it is twice as long.
const DELAY_MIN: Duration = Duration::from_millis(250);
/// The longest delay.
const DELAY_MAX: Duration = Duration::from_secs(4);
/// Bytes handed to the connection at a time; small enough for the bar to move.
const CHUNK_BYTES: usize = 64 << 10;

/// Publishes a package, retrying while the manager is away.
pub(crate) async fn publish(
    client: &Client,
    built: &Built,
    wish: PublishWish,
) -> Result<PublishReply, Failure> {
    let package: Arc<[u8]> = built.bytes.as_slice().into();
    let mut tries = 0;
    let delays = ExponentialBuilder::default()
        .with_min_delay(DELAY_MIN)
        .with_max_delay(DELAY_MAX)
        .with_max_times(RETRIES);
    let reply = (|| upload(client, built, Arc::clone(&package), wish))
        .retry(delays)
        .when(ClientError::is_passing)
        .notify(|error, delay| {
            tries += 1;
            let delay = delay.as_secs_f32();
            terminal::remark(format!(
                "{error}; trying again in {delay:.2} s ({tries} of {RETRIES})"
            ));
        })
        .await?;
    Ok(reply)
}

async fn upload(
    client: &Client,
    built: &Built,
    package: Arc<[u8]>,
    wish: PublishWish,
) -> Result<PublishReply, ClientError> {
    let length = package.len();
    let bar = terminal::transfer_bar(length as u64, "uploading");
    let reader = bar.wrap_async_read(Cursor::new(package));
    let body = reqwest::Body::wrap_stream(ReaderStream::with_capacity(reader, CHUNK_BYTES));
    let reply = client.publish(&built.app, body, length, wish).await;
    bar.finish_and_clear();
    reply
}
