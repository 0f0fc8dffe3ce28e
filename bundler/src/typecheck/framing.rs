//! Messages as the compiler's API frames them: JSON-RPC behind a `Content-Length` header.

use std::io::{self, BufRead, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::limits::COMPILER_MESSAGE_BYTES_MAX;

#[derive(Serialize)]
pub struct Request<'a, P> {
    jsonrpc: &'a str,
    id: u64,
    method: &'a str,
    params: P,
}

#[derive(Serialize)]
pub struct Response<'a, R> {
    jsonrpc: &'a str,
    id: &'a serde_json::value::RawValue,
    result: R,
}

/// What the compiler sends: an answer to a request of ours, or a question about files.
#[derive(Deserialize)]
pub struct Message {
    pub id: Option<Box<serde_json::value::RawValue>>,
    pub method: Option<String>,
    pub params: Option<Box<serde_json::value::RawValue>>,
    pub result: Option<Box<serde_json::value::RawValue>>,
    pub error: Option<RpcError>,
}

#[derive(Deserialize)]
pub struct RpcError {
    pub message: String,
}

impl<'a, P: Serialize> Request<'a, P> {
    pub fn new(id: u64, method: &'a str, params: P) -> Self {
        Request { jsonrpc: "2.0", id, method, params }
    }
}

impl<'a, R: Serialize> Response<'a, R> {
    pub fn new(id: &'a serde_json::value::RawValue, result: R) -> Self {
        Response { jsonrpc: "2.0", id, result }
    }
}

pub fn write(into: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let body = serde_json::to_vec(message)?;
    write!(into, "Content-Length: {}\r\n\r\n", body.len())?;
    into.write_all(&body)?;
    into.flush()
}

pub fn read<M: DeserializeOwned>(from: &mut impl BufRead) -> io::Result<M> {
    let mut body = vec![0; read_length(from)?];
    from.read_exact(&mut body)?;
    Ok(serde_json::from_slice(&body)?)
}

fn read_length(from: &mut impl BufRead) -> io::Result<usize> {
    let mut length = None;
    loop {
        let mut line = Vec::new();
        // A header line of ours has 40 bytes; one that never ends must not fill the memory.
        let read = io::Read::take(&mut *from, 1024).read_until(b'\n', &mut line)?;
        let text = String::from_utf8_lossy(&line);
        match text.trim().split_once(':') {
            _ if read == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse::<usize>().ok();
            }
            None if text.trim().is_empty() => break,
            _ => {}
        }
    }
    match length {
        Some(bytes) if bytes <= COMPILER_MESSAGE_BYTES_MAX => Ok(bytes),
        Some(bytes) => Err(io::Error::other(format!("a message of {bytes} bytes is too long"))),
        None => Err(io::Error::other("a message has no length")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(bytes: &[u8]) -> io::Result<u64> {
        read(&mut io::BufReader::new(bytes))
    }

    #[test]
    fn what_is_written_can_be_read() {
        let mut bytes = Vec::new();
        write(&mut bytes, &17).unwrap();
        assert_eq!(bytes, b"Content-Length: 2\r\n\r\n17");
        assert_eq!(number(&bytes).unwrap(), 17);
    }

    #[test]
    fn headers_of_all_kinds() {
        let cases: [(&[u8], Result<u64, &str>); 7] = [
            (b"content-length:1\n\n5", Ok(5)),
            (b"Content-Type: x\r\nContent-Length: 1\r\n\r\n7", Ok(7)),
            (b"Content-Length: 99999999999\r\n\r\n", Err("too long")),
            (b"Content-Length: x\r\n\r\n", Err("no length")),
            (b"\r\n", Err("no length")),
            (b"Content-Length: 5\r\n\r\n1", Err("failed to fill")),
            (b"", Err("end of file")),
        ];
        for (bytes, expected) in cases {
            match (number(bytes), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected),
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
                (found, _) => panic!("{}: {found:?}", String::from_utf8_lossy(bytes)),
            }
        }
    }
}
