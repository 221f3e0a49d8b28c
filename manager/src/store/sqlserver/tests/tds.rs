//! The server's half of TDS, as far as these tests need it: packets, and the tokens of replies, as
//! MS-TDS gives them. Clear text only. Not the crate `mssql-testing`: its server cannot refuse a login,
//! stop in the middle of a reply or be late, and it comes with another driver and a client of Docker.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Kinds of packets from a client.
pub(super) const PRELOGIN: u8 = 0x12;
pub(super) const LOGIN: u8 = 0x10;

const REPLY: u8 = 0x04;
const HEADER_BYTES: usize = 8;
const LAST: u8 = 1;

/// The status of a `DONE` after an error.
const DONE_ERROR: u16 = 2;

/// One whole message: its kind, and the ASCII in it, which is enough to tell statements apart. Nothing
/// when the client has gone.
pub(super) async fn receive(client: &mut TcpStream) -> Option<(u8, String)> {
    let mut message = vec![];
    loop {
        let mut header = [0; HEADER_BYTES];
        client.read_exact(&mut header).await.ok()?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let mut body = vec![0; length - HEADER_BYTES];
        client.read_exact(&mut body).await.ok()?;
        message.extend(body);
        if header[1] & LAST != 0 {
            let text = message.iter().filter(|byte| matches!(byte, b' '..=b'~'));
            return Some((header[0], text.map(|byte| char::from(*byte)).collect()));
        }
    }
}

/// A packet with a whole message in it.
pub(super) fn packet(body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + HEADER_BYTES).unwrap().to_be_bytes();
    let mut packet = vec![REPLY, LAST, length[0], length[1], 0, 0, 1, 0];
    packet.extend(body);
    packet
}

/// Sends a message; a client that has gone does not matter.
pub(super) async fn send(client: &mut TcpStream, body: &[u8]) {
    client.write_all(&packet(body)).await.ok();
}

/// The answer to a prelogin: version 16, and no encryption.
pub(super) fn prelogin() -> Vec<u8> {
    let options = [0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff];
    let version = [16, 0, 0, 0, 0, 0];
    let encryption_not_supported = [2];
    [&options[..], &version, &encryption_not_supported].concat()
}

/// A login that is taken.
pub(super) fn login_ack() -> Vec<u8> {
    let mut body = vec![1, 0x74, 0, 0, 4];
    body.extend(short("double"));
    body.extend([16, 0, 0, 0]);
    [token(0xad, &body), done(0, 0)].concat()
}

/// The end of a statement that touched so many rows.
pub(super) fn touched(rows: u64) -> Vec<u8> {
    const COUNTED: u16 = 0x10;
    done(COUNTED, rows)
}

/// An error, and the end of its statement.
pub(super) fn error(number: i32, message: &str) -> Vec<u8> {
    let mut body = number.to_le_bytes().to_vec();
    body.extend([1, 14]);
    body.extend(u16::try_from(message.len()).unwrap().to_le_bytes());
    body.extend(wide(message));
    body.extend(short("double"));
    body.extend(short(""));
    body.extend(1_u32.to_le_bytes());
    [token(0xaa, &body), done(DONE_ERROR, 0)].concat()
}

/// One row of one `int`.
pub(super) fn int(value: i32) -> Vec<u8> {
    row(0x38, &value.to_le_bytes())
}

/// One row of one `bigint`.
pub(super) fn bigint(value: i64) -> Vec<u8> {
    row(0x7f, &value.to_le_bytes())
}

/// One row of one `nvarchar`.
pub(super) fn text(value: &str) -> Vec<u8> {
    const COLLATION: [u8; 5] = [0x09, 0x04, 0xd0, 0x00, 0x34];
    let most = 8000_u16.to_le_bytes();
    let columns = [0x81, 1, 0, 0, 0, 0, 0, 0, 0, 0xe7, most[0], most[1]];
    let bytes = wide(value);
    let length = u16::try_from(bytes.len()).unwrap().to_le_bytes();
    [&columns[..], &COLLATION, &[0], &[0xd1], &length, &bytes, &touched(1)].concat()
}

fn row(kind: u8, value: &[u8]) -> Vec<u8> {
    // One column, of no user type, without flags and name.
    let columns = [0x81, 1, 0, 0, 0, 0, 0, 0, 0, kind, 0];
    [&columns[..], &[0xd1], value, &touched(1)].concat()
}

fn done(status: u16, rows: u64) -> Vec<u8> {
    let status = status.to_le_bytes();
    [&[0xfd][..], &status, &[0, 0], &rows.to_le_bytes()].concat()
}

fn token(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_le_bytes();
    [&[kind][..], &length, body].concat()
}

fn short(text: &str) -> Vec<u8> {
    [vec![u8::try_from(text.len()).unwrap()], wide(text)].concat()
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}
