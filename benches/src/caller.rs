//! A caller that waits: one connection, one request at a time, on the calling thread, with no runtime
//! between the socket and the clock.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

/// An open connection.
pub struct Caller {
    stream: BufReader<TcpStream>,
}

/// What came back.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// From the first byte sent to the last byte read.
    pub within: Duration,
}

/// No answer takes longer than this.
const WAIT_MAX: Duration = Duration::from_secs(60);

impl Caller {
    /// Connects.
    pub fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(WAIT_MAX))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// One `GET`, to the end of its answer.
    pub fn get(&mut self, path: &str) -> anyhow::Result<Answer> {
        let began = Instant::now();
        let request = format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n");
        self.stream.get_mut().write_all(request.as_bytes())?;
        let status = self.line()?;
        let status = status.split(' ').nth(1).context("a status line")?.parse()?;
        let (mut length, mut chunked) = (0, false);
        loop {
            let line = self.line()?.to_ascii_lowercase();
            match line.split_once(':') {
                Some(("content-length", value)) => length = value.trim().parse()?,
                Some(("transfer-encoding", _)) => chunked = true,
                Some(_) => {}
                None => break,
            }
        }
        if chunked {
            self.skip_chunks()?;
        } else {
            self.skip(length)?;
        }
        Ok(Answer { status, within: began.elapsed() })
    }

    /// One `GET` that must be answered with 200.
    pub fn get_ok(&mut self, path: &str) -> anyhow::Result<Duration> {
        let answer = self.get(path)?;
        ensure!(answer.status == 200, "{path}: {}", answer.status);
        Ok(answer.within)
    }

    fn skip_chunks(&mut self) -> anyhow::Result<()> {
        loop {
            let length = usize::from_str_radix(self.line()?.trim(), 16)?;
            self.skip(length + 2)?;
            if length == 0 {
                return Ok(());
            }
        }
    }

    fn skip(&mut self, bytes: usize) -> anyhow::Result<()> {
        let skipped =
            std::io::copy(&mut self.stream.by_ref().take(bytes as u64), &mut std::io::sink());
        ensure!(skipped? == bytes as u64, "the connection ended within a body");
        Ok(())
    }

    /// The next line, without its end.
    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        ensure!(self.stream.read_line(&mut line)? > 0, "the connection ended");
        Ok(line.trim_end().to_owned())
    }
}
