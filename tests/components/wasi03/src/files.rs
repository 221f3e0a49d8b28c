//! What it writes to files, through WASI 0.3 and not through Rust's standard library, which speaks 0.2.

use wasip3::filesystem::preopens::get_directories;
use wasip3::filesystem::types::{DescriptorFlags, ErrorCode, OpenFlags, PathFlags};
use wasip3::http::types::Request;
use wasip3::{spawn_local, wit_stream};

use crate::{Answer, body};

/// Writes to a file of its first folder as its headers say, as the guests on 0.2 do.
pub(crate) async fn fill(request: &Request) -> Answer {
    let header =
        |name: &str| request.get_headers().get(name).into_iter().next().unwrap_or_default();
    let header = |name: &str| String::from_utf8(header(name)).unwrap_or_default();
    let bytes = header("bytes").parse().unwrap_or_default();
    let filled = write(&header("how"), &header("path"), bytes).await;
    let told = filled.map_or_else(|error| format!("refused: {error:?}"), |()| "done".to_owned());
    body::text(&told)
}

async fn write(how: &str, path: &str, bytes: u64) -> Result<(), ErrorCode> {
    let (folder, at) = get_directories().into_iter().next().ok_or(ErrorCode::NoEntry)?;
    let path = path.trim_start_matches(at.as_str()).trim_start_matches('/').to_owned();
    let flags = DescriptorFlags::READ | DescriptorFlags::WRITE;
    let file = folder.open_at(PathFlags::empty(), path, OpenFlags::CREATE, flags).await?;
    let (offset, length) = match how {
        "length" => return file.set_size(bytes).await,
        "behind" => (bytes, 1),
        _ => (0, bytes),
    };
    let (mut writer, reader) = wit_stream::new();
    spawn_local(async move {
        let mut left = usize::try_from(length).unwrap_or(usize::MAX);
        while left > 0 {
            let piece = left.min(64 << 10);
            if !writer.write_all(vec![b'x'; piece]).await.is_empty() {
                break;
            }
            left -= piece;
        }
    });
    let written = match how {
        "append" => file.append_via_stream(reader),
        _ => file.write_via_stream(reader, offset),
    };
    written.await
}
