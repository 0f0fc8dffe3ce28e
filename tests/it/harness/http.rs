//! HTTP/1.1 as bytes on a socket: small on purpose, so that a test decides what is sent down to the last
//! percent sign, and shares no code with the server.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    /// Sent as it stands: path and query, encoded by the caller.
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn new(method: &str, target: &str) -> Request {
        Request { method: method.into(), target: target.into(), headers: Vec::new(), body: Vec::new() }
    }

    /// Replaces a header of the same name.
    pub fn header(mut self, name: &str, value: &str) -> Request {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn body(mut self, body: impl AsRef<[u8]>) -> Request {
        self.body = body.as_ref().to_vec();
        self
    }

    fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    fn encode(&self, address: SocketAddr) -> Vec<u8> {
        let mut bytes = format!("{} {} HTTP/1.1\r\n", self.method, self.target).into_bytes();
        let mut line = |name: &str, value: &str| bytes.extend(format!("{name}: {value}\r\n").into_bytes());
        if !self.has("host") {
            line("host", &address.to_string());
        }
        if !self.has("content-length")
            && !self.has("transfer-encoding")
            && (!self.body.is_empty() || self.method == "POST")
        {
            line("content-length", &self.body.len().to_string());
        }
        for (name, value) in &self.headers {
            line(name, value);
        }
        bytes.extend(b"\r\n");
        bytes.extend(&self.body);
        bytes
    }
}

#[derive(Clone, Debug)]
pub struct Head {
    pub status: u16,
    pub headers: Vec<(String, String)>,
}

impl Head {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

#[derive(Clone, Debug)]
pub struct Answer {
    pub head: Head,
    pub body: Vec<u8>,
}

/// A connection that is kept open between requests.
pub struct Connection {
    address: SocketAddr,
    socket: BufReader<TcpStream>,
}

impl Connection {
    /// No read on it waits longer than `patience`.
    pub fn open(address: SocketAddr, patience: Duration) -> io::Result<Connection> {
        let socket = TcpStream::connect_timeout(&address, patience)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(patience))?;
        socket.set_write_timeout(Some(patience))?;
        Ok(Connection { address, socket: BufReader::new(socket) })
    }

    pub fn send(&mut self, request: &Request) -> io::Result<Answer> {
        // A server may answer, as with 413, before it has taken all of the body.
        let sent = self.socket.get_mut().write_all(&request.encode(self.address));
        let head = match read_head(&mut self.socket) {
            Ok(head) => head,
            Err(error) => return Err(sent.err().unwrap_or(error)),
        };
        let mut framing = Framing::of(&head);
        let mut body = Vec::new();
        while framing.read(&mut self.socket, &mut body)? {}
        Ok(Answer { head, body })
    }

    /// Sends the request and hands over the body while it is still coming.
    pub fn stream(mut self, request: &Request) -> io::Result<(Head, Body)> {
        self.socket.get_mut().write_all(&request.encode(self.address))?;
        let head = read_head(&mut self.socket)?;
        let framing = Framing::of(&head);
        Ok((head, Body { socket: self.socket, framing, ready: Vec::new(), taken: 0 }))
    }
}

fn read_head(socket: &mut impl BufRead) -> io::Result<Head> {
    let status_line = read_line(socket)?;
    let status = status_line.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| malformed(&format!("no status line: {status_line:?}")))?;
    let mut headers = Vec::new();
    loop {
        let line = read_line(socket)?;
        if line.is_empty() {
            return Ok(Head { status, headers });
        }
        let (name, value) = line.split_once(':').ok_or_else(|| malformed(&format!("no header: {line:?}")))?;
        headers.push((name.to_string(), value.trim().to_string()));
    }
}

fn read_line(socket: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    if socket.read_line(&mut line)? == 0 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection"));
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_string())
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Where a body ends.
enum Framing {
    Sized(usize),
    Chunked,
    UntilClosed,
    Ended,
}

impl Framing {
    fn of(head: &Head) -> Framing {
        if head.header("transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
            return Framing::Chunked;
        }
        match head.header("content-length").and_then(|length| length.parse().ok()) {
            Some(length) => Framing::Sized(length),
            None if head.status == 204 || head.status == 304 => Framing::Ended,
            None => Framing::UntilClosed,
        }
    }

    /// Adds one piece to `into`; false at the end.
    fn read(&mut self, socket: &mut impl BufRead, into: &mut Vec<u8>) -> io::Result<bool> {
        match *self {
            Framing::Ended => return Ok(false),
            Framing::Sized(length) => {
                socket.take(length as u64).read_to_end(into)?;
                *self = Framing::Ended;
            }
            Framing::UntilClosed => {
                let piece = socket.fill_buf()?;
                let length = piece.len();
                into.extend_from_slice(piece);
                socket.consume(length);
                if length == 0 {
                    *self = Framing::Ended;
                }
            }
            Framing::Chunked => {
                let size = read_line(socket)?;
                let size = usize::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16)
                    .map_err(|_| malformed(&format!("no chunk size: {size:?}")))?;
                socket.take(size as u64).read_to_end(into)?;
                read_line(socket)?;
                if size == 0 {
                    *self = Framing::Ended;
                }
            }
        }
        Ok(true)
    }
}

/// A body as it comes, to be read line by line.
pub struct Body {
    socket: BufReader<TcpStream>,
    framing: Framing,
    ready: Vec<u8>,
    taken: usize,
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let ready = self.fill_buf()?;
        let length = ready.len().min(buffer.len());
        buffer[..length].copy_from_slice(&ready[..length]);
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for Body {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.taken == self.ready.len() {
            self.ready.clear();
            self.taken = 0;
            while self.ready.is_empty() && self.framing.read(&mut self.socket, &mut self.ready)? {}
        }
        Ok(&self.ready[self.taken..])
    }

    fn consume(&mut self, amount: usize) {
        self.taken += amount;
    }
}
