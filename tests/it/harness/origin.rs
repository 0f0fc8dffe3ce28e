//! A server on loopback for scripts to call: HTTP/1.1 as plainly as it can be written, so that a test decides when each
//! byte goes out. It ends with the test's process.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

use serde_json::{Value, json};

use super::DEADLINE;

/// What was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub fn shown(&self) -> Value {
        let headers: serde_json::Map<String, Value> =
            self.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        json!({"method": self.method, "target": self.target, "headers": headers, "body": String::from_utf8_lossy(&self.body)})
    }
}

/// The way back to who asked.
pub struct Answering<'a> {
    socket: &'a TcpStream,
    gate: &'a Gate,
}

impl Answering<'_> {
    pub fn raw(&mut self, bytes: &[u8]) {
        // Whoever asked may be gone, which is what some tests are about.
        let _ = self.socket.write_all(bytes);
    }

    pub fn whole(&mut self, status: &str, headers: &[(&str, &str)], body: &[u8]) {
        let mut head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        self.raw(&[head.as_bytes(), b"\r\n", body].concat());
    }

    pub fn json(&mut self, status: &str, body: &Value) {
        self.whole(status, &[("content-type", "application/json")], body.to_string().as_bytes());
    }

    /// The head of an answer in chunks.
    pub fn begin(&mut self, content_type: &str, headers: &[(&str, &str)]) {
        let mut head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        self.raw(format!("{head}\r\n").as_bytes());
    }

    pub fn chunk(&mut self, bytes: &[u8]) {
        self.raw(&[format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat());
    }

    pub fn end(&mut self) {
        self.raw(b"0\r\n\r\n");
    }

    /// Waits until the test opens the gate.
    pub fn hold(&self) {
        self.gate.wait();
    }

    /// Waits until whoever asked has gone away, and tells the test.
    pub fn hold_until_gone(&self) {
        let mut socket = self.socket;
        let mut byte = [0];
        while socket.read(&mut byte).is_ok_and(|read| read > 0) {}
        self.gate.open();
    }
}

#[derive(Default)]
struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    fn wait(&self) {
        let guard = self.is_open.lock().unwrap();
        let (_guard, timeout) = self.opened.wait_timeout_while(guard, DEADLINE, |is_open| !*is_open).unwrap();
        assert!(!timeout.timed_out(), "the gate was not opened");
    }
}

pub struct Origin {
    pub address: SocketAddr,
    gate: Arc<Gate>,
    asked: Arc<(Mutex<Vec<Asked>>, Condvar)>,
}

impl Origin {
    pub fn start(answer: impl Fn(&Asked, &mut Answering) + Send + Sync + 'static) -> Origin {
        Origin::start_on(TcpListener::bind("127.0.0.1:0").expect("loopback has a free port"), answer)
    }

    pub fn start_on(
        listener: TcpListener,
        answer: impl Fn(&Asked, &mut Answering) + Send + Sync + 'static,
    ) -> Origin {
        let origin = Origin {
            address: listener.local_addr().expect("it is bound"),
            gate: Arc::default(),
            asked: Arc::default(),
        };
        let (gate, asked, answer) = (origin.gate.clone(), origin.asked.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let (gate, asked, answer) = (gate.clone(), asked.clone(), answer.clone());
                std::thread::spawn(move || {
                    let mut reader = BufReader::new(&socket);
                    while let Some(request) = read_request(&mut reader) {
                        asked.0.lock().unwrap().push(request.clone());
                        asked.1.notify_all();
                        answer(&request, &mut Answering { socket: &socket, gate: &gate });
                        if request.header("connection") == Some("close") || request.path() == "/cut" {
                            let _ = socket.shutdown(std::net::Shutdown::Both);
                            return;
                        }
                    }
                });
            }
        });
        origin
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Lets go what holds.
    pub fn release(&self) {
        self.gate.open();
    }

    /// Waits for the gate to be opened by an answer.
    pub fn wait(&self) {
        self.gate.wait();
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.0.lock().unwrap().clone()
    }

    /// Waits until somebody has asked.
    pub fn wait_asked(&self) {
        self.wait_asked_until("somebody", |asked| !asked.is_empty());
    }

    /// Waits until what was asked fulfils the predicate, and returns it.
    pub fn wait_asked_until(&self, what: &str, mut done: impl FnMut(&[Asked]) -> bool) -> Vec<Asked> {
        let (asked, arrived) = &*self.asked;
        let (asked, timeout) =
            arrived.wait_timeout_while(asked.lock().unwrap(), DEADLINE, |asked| !done(asked)).unwrap();
        let seen: Vec<_> = asked.iter().map(|asked| String::from_utf8_lossy(&asked.body)).collect();
        assert!(!timeout.timed_out(), "{what} did not come: {seen:#?}");
        asked.clone()
    }
}

fn read_request(reader: &mut BufReader<&TcpStream>) -> Option<Asked> {
    let line = read_line(reader)?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_string(), words.next()?.to_string());
    let mut headers = Vec::new();
    loop {
        let line = read_line(reader)?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':')?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_string()));
    }
    let mut asked = Asked { method, target, headers, body: Vec::new() };
    if asked.header("transfer-encoding") == Some("chunked") {
        loop {
            let size = usize::from_str_radix(&read_line(reader)?, 16).ok()?;
            let mut chunk = vec![0; size];
            reader.read_exact(&mut chunk).ok()?;
            asked.body.extend(chunk);
            read_line(reader)?;
            if size == 0 {
                break;
            }
        }
    } else if let Some(length) = asked.header("content-length").and_then(|length| length.parse().ok()) {
        asked.body = vec![0; length];
        reader.read_exact(&mut asked.body).ok()?;
    }
    Some(asked)
}

fn read_line(reader: &mut BufReader<&TcpStream>) -> Option<String> {
    let mut line = String::new();
    let read = reader.read_line(&mut line).ok()?;
    (read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_string())
}
