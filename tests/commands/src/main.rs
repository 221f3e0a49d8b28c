//! A CGI program for the tests, written with nothing but Rust's standard library: what it does is the path
//! below its route. It knows nothing of Steading.

use std::env;
use std::fs;
use std::hint::black_box;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};

const PLAIN: &str = "Content-Type: text/plain\n\n";

fn main() -> ExitCode {
    let path = env::var("PATH_INFO").unwrap_or_default();
    let action = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    let done = match action {
        "environment" => environment(),
        "echo" => echo(),
        "length" => length(),
        "files" => files(),
        "read" => read(),
        "fill" => fill(),
        "status" => {
            print("Status: 418 I'm a teapot\r\nX-Two: a\r\nX-Two: b\r\nConnection: close\r\n\r\n")
        }
        "promise-less" => print("Content-Type: text/plain\nContent-Length: 2\n\nhello"),
        "promise-more" => print("Content-Type: text/plain\nContent-Length: 99\n\nhello"),
        "redirect" => print("Location: /api/elsewhere\n\n"),
        "calls" => calls(),
        "stderr" => stderr(),
        "silent" => Ok(()),
        "plain" => print("Hello, world\n"),
        "headless" => print("Content-Type: text/plain\n"),
        "smuggle" => print("Content-Type: text/plain\nX-Guest: a\rX-Smuggled: b\n\nbody"),
        "long" => print(&format!("Content-Type: text/plain\nX-Guest: {}\n\n", "b".repeat(65536))),
        "three" => return three(),
        "trap" => panic!("a panic on purpose"),
        "recurse" => print(&recurse(1).to_string()),
        "spin" => loop {
            black_box(0);
        },
        "grow" => grow(),
        "flood" => flood(),
        other => print(&format!("Status: 404\n\nno action `{other}`")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn print(text: &str) -> io::Result<()> {
    io::stdout().write_all(text.as_bytes())
}

fn environment() -> io::Result<()> {
    print(PLAIN)?;
    for (name, value) in env::vars() {
        print(&format!("{name}={value}\n"))?;
    }
    print(&format!("arguments={:?}\n", env::args().collect::<Vec<_>>()))
}

/// The body as it comes, with the caller's media type.
fn echo() -> io::Result<()> {
    let kind = env::var("CONTENT_TYPE").unwrap_or_else(|_| "application/octet-stream".into());
    print(&format!("Content-Type: {kind}\n\n"))?;
    io::copy(&mut io::stdin().lock(), &mut io::stdout().lock()).map(drop)
}

/// Reads all of the body before it says anything.
fn length() -> io::Result<()> {
    let mut body = vec![];
    io::stdin().read_to_end(&mut body)?;
    print(&format!("{PLAIN}{}", body.len()))
}

/// Everything that a sandbox keeps from a program.
fn files() -> io::Result<()> {
    let tried = [
        ("read", fs::read("/etc/passwd").map(drop)),
        ("write", fs::write("out.txt", "x")),
        ("folder", fs::create_dir("new")),
        ("list", fs::read_dir(".").map(drop)),
        ("connect", TcpStream::connect("127.0.0.1:80").map(drop)),
    ];
    print(PLAIN)?;
    for (what, outcome) in tried {
        print(&format!("{what}: {}\n", if outcome.is_ok() { "done" } else { "refused" }))?;
    }
    Ok(())
}

/// The file that the header `path` names.
fn read() -> io::Result<()> {
    let read = fs::read_to_string(env::var("HTTP_PATH").unwrap_or_default());
    print(&format!("{PLAIN}{}", read.unwrap_or_else(|error| format!("refused: {error}"))))
}

/// Writes to a file as its headers say.
fn fill() -> io::Result<()> {
    let header = |name: &str| env::var(format!("HTTP_{}", name.to_uppercase())).unwrap_or_default();
    print(&format!("{PLAIN}{}", steading_test_components::filled(header)))
}

/// How many calls this instance has had.
fn calls() -> io::Result<()> {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    print(&format!("{PLAIN}{}", CALLS.fetch_add(1, Ordering::Relaxed) + 1))
}

fn stderr() -> io::Result<()> {
    eprintln!("a word from {}", env::var("STEADING_INVOCATION").unwrap_or_default());
    print(&format!("{PLAIN}logged"))
}

/// A response that is good by itself, and then an end that is not.
fn three() -> ExitCode {
    let _ = print(&format!("{PLAIN}all is well"));
    ExitCode::from(3)
}

#[allow(unconditional_recursion)]
fn recurse(depth: u64) -> u64 {
    black_box(recurse(black_box(depth + 1)) + depth)
}

fn grow() -> io::Result<()> {
    let mut all = vec![];
    loop {
        all.push(vec![1_u8; 1 << 20]);
        black_box(&all);
    }
}

fn flood() -> io::Result<()> {
    print(PLAIN)?;
    loop {
        print(&"x".repeat(4096))?;
    }
}
