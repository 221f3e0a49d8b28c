//! What the component guests of the tests do alike, whatever version of WASI they speak: all of it is Rust's standard
//! library. What they do in the words of their own version is theirs.

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Headers that cannot be sent, or not by a component, and one that can.
pub const HEADERS: [(&str, &str); 6] = [
    ("connection", "close"),
    ("transfer-encoding", "chunked"),
    ("host", "example.org"),
    ("x y", "1"),
    ("x-split", "1\r\nx-smuggled: 2"),
    ("x-good", "1"),
];

/// What it sees of its own, a line each.
pub fn environment(variables: &[(String, String)], arguments: &[String]) -> String {
    let mut text = String::new();
    for (name, value) in variables {
        let _ = writeln!(text, "{name}={value}");
    }
    let _ = writeln!(text, "arguments={arguments:?}");
    let mut input = String::new();
    let read = std::io::Read::read_to_string(&mut std::io::stdin(), &mut input);
    let _ = writeln!(text, "stdin={read:?}");
    text
}

/// Everything that a sandbox keeps from a program, tried, a line each.
pub fn kept_away() -> String {
    let tried = [
        ("read", std::fs::read("/etc/passwd").map(drop)),
        ("write", std::fs::write("out.txt", "x")),
        ("folder", std::fs::create_dir("new")),
        ("connect", std::net::TcpStream::connect("127.0.0.1:80").map(drop)),
        ("listen", std::net::TcpListener::bind("127.0.0.1:0").map(drop)),
        ("send", std::net::UdpSocket::bind("127.0.0.1:0").map(drop)),
    ];
    tried.map(|(what, outcome)| outcome_line(what, outcome.is_ok())).concat()
}

/// What became of something that was tried.
pub fn outcome_line(what: &str, done: bool) -> String {
    format!("{what}: {}\n", if done { "done" } else { "refused" })
}

/// The file of this name.
pub fn read(path: &[u8]) -> String {
    let read = std::fs::read_to_string(String::from_utf8_lossy(path).as_ref());
    read.unwrap_or_else(|error| format!("refused: {error}"))
}

/// Writes to a file as `how` says: so many bytes from its beginning or at its end, one byte behind so many, or none but
/// so many as its length.
pub fn fill(how: &str, path: &str, bytes: u64) -> std::io::Result<()> {
    use std::io::{Seek as _, SeekFrom, Write as _};
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.create(true).write(true).append(how == "append").open(path)?;
    match how {
        "length" => file.set_len(bytes),
        "behind" => {
            file.seek(SeekFrom::Start(bytes))?;
            file.write_all(b"x")
        }
        _ => std::io::copy(&mut std::io::Read::take(std::io::repeat(b'x'), bytes), &mut file)
            .map(drop),
    }
}

/// What the headers `how`, `path` and `bytes` ask for, done.
pub fn filled(header: impl Fn(&str) -> String) -> String {
    let bytes = header("bytes").parse().unwrap_or_default();
    let filled = fill(&header("how"), &header("path"), bytes);
    filled.map_or_else(|error| format!("refused: {error}"), |()| "done".to_owned())
}

/// Does what leaves something to the next call of this instance, or shows that it did, and says how often the instance
/// was called: an action by name, with a number. `thing` makes something that the host keeps a handle of.
pub fn lasting<T>(action: &str, detail: &str, thing: impl Fn() -> T) -> String {
    let number = || detail.parse().expect("a number");
    let things = || (0..number()).map(|_| thing());
    match action {
        "burn" => burn(Duration::from_millis(number())),
        "retain" => retain(number() as usize),
        "reserve" => reserve(),
        "linger" => linger("/up/file"),
        "keep" => things().for_each(std::mem::forget),
        "hold" => drop(things().collect::<Vec<_>>()),
        _ => {}
    }
    count()
}

/// Leaves the file of this name open behind a write.
fn linger(path: &str) {
    let mut file = std::fs::File::create(path).expect("it may be written");
    std::io::Write::write_all(&mut file, b"x").expect("it takes a byte");
    std::mem::forget(file);
}

/// How often this instance was called.
pub fn count() -> String {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    (CALLS.fetch_add(1, Ordering::Relaxed) + 1).to_string()
}

fn burn(time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {
        black_box(0);
    }
}

/// Takes so many MiB for good.
fn retain(mib: usize) {
    std::mem::forget(black_box(vec![1_u8; mib << 20]));
}

/// Asks for more memory than it may have, and gets on without.
fn reserve() {
    let refused = Vec::<u8>::new().try_reserve(1 << 30).is_err();
    assert!(black_box(refused), "nobody has that much");
}

/// Goes deeper until the stack ends.
#[allow(unconditional_recursion)]
pub fn recurse(depth: u64) -> u64 {
    black_box(recurse(black_box(depth + 1)) + depth)
}

/// Takes memory until there is none.
pub fn grow() -> ! {
    let mut all = vec![];
    loop {
        all.push(vec![1_u8; 1 << 20]);
        black_box(&all);
    }
}
