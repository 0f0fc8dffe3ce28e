//! A registry that does what it is told, on a port of its own, and remembers what it was asked.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use serde_json::{Map, Value, json};
use sha2::Digest;

/// How a path is answered.
#[derive(Clone)]
pub enum Reply {
    Body {
        status: u16,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    },
    /// This often an empty answer of this status, then the other.
    First {
        times: usize,
        status: u16,
        then: Box<Reply>,
    },
    /// Only half of it.
    Half(Vec<u8>),
    /// The connection stays open and silent.
    Silence,
    /// The connection is closed without an answer.
    HangUp,
    /// Only with this `Authorization`; 401 otherwise.
    Secret {
        authorization: String,
        then: Box<Reply>,
    },
    /// With an `ETag`; 304 if the asker knows it.
    Tagged {
        etag: String,
        body: Vec<u8>,
    },
}

impl Reply {
    pub fn json(value: &Value) -> Reply {
        Reply::ok(value.to_string().into_bytes())
    }

    pub fn ok(body: Vec<u8>) -> Reply {
        Reply::Body { status: 200, headers: Vec::new(), body }
    }

    pub fn status(status: u16) -> Reply {
        Reply::Body { status, headers: Vec::new(), body: b"{}".to_vec() }
    }
}

#[derive(Clone, Debug)]
pub struct Asked {
    pub path: String,
    pub headers: BTreeMap<String, String>,
}

#[derive(Default)]
struct State {
    replies: BTreeMap<String, Reply>,
    asked: Vec<Asked>,
}

pub struct Registry {
    pub port: u16,
    state: Arc<Mutex<State>>,
}

impl Registry {
    pub fn start() -> Registry {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        // Ends with the process: nobody stops it, and nothing waits for it.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = shared.clone();
                std::thread::spawn(move || serve(stream, &shared));
            }
        });
        Registry { port, state }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/npm/", self.port)
    }

    pub fn reply(&self, path: &str, reply: Reply) {
        self.state.lock().unwrap().replies.insert(path.to_owned(), reply);
    }

    /// What was asked so far, in order.
    pub fn asked(&self) -> Vec<Asked> {
        self.state.lock().unwrap().asked.clone()
    }

    pub fn paths(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.path).collect()
    }

    pub fn forget(&self) {
        self.state.lock().unwrap().asked.clear();
    }

    pub fn metadata_path(name: &str) -> String {
        format!("/npm/{}", name.replace('/', "%2f"))
    }

    pub fn tarball_path(name: &str, version: &str) -> String {
        format!("/npm/{name}/-/{}-{version}.tgz", name.rsplit('/').next().unwrap())
    }

    /// A package of these versions, the last of which is `latest`. What a version says beyond name and version
    /// is given; its tarball holds a `package.json` that says the same.
    pub fn publish(&self, name: &str, versions: &[(&str, Value)]) {
        let mut packument = Map::new();
        for (version, more) in versions {
            let release = self.release(name, version, more);
            packument.insert(version.to_string(), release);
        }
        let latest = versions.last().map(|(version, _)| *version);
        let metadata = json!({"name": name, "dist-tags": {"latest": latest}, "versions": packument});
        self.reply(&Registry::metadata_path(name), Reply::json(&metadata));
    }

    /// Publishes the tarball and gives the entry of the metadata.
    pub fn release(&self, name: &str, version: &str, more: &Value) -> Value {
        let mut release = json!({"name": name, "version": version});
        release.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let package_json = release.to_string();
        let files = [("package.json", package_json.as_str()), ("index.js", "export default 1;\n")];
        let tarball = tarball(&files);
        let path = Registry::tarball_path(name, version);
        if release.get("dist").is_none() {
            let url = format!("http://127.0.0.1:{}{path}", self.port);
            release["dist"] = json!({"tarball": url, "integrity": integrity(&tarball)});
        }
        self.reply(&path, Reply::ok(tarball));
        release
    }
}

pub fn integrity(tarball: &[u8]) -> String {
    format!("sha512-{}", base64::engine::general_purpose::STANDARD.encode(sha2::Sha512::digest(tarball)))
}

/// As `npm pack` makes them: gzip, everything below `package/`.
pub fn tarball(files: &[(&str, &str)]) -> Vec<u8> {
    let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut archive = tar::Builder::new(gzip);
    for (path, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(if path.starts_with("bin/") { 0o755 } else { 0o644 });
        archive.append_data(&mut header, format!("package/{path}"), content.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) -> Option<()> {
    stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let reply = {
        let mut state = state.lock().unwrap();
        state.asked.push(Asked { path: path.clone(), headers: headers.clone() });
        let reply = state.replies.get_mut(&path);
        reply.map_or(Reply::status(404), |reply| decide(reply, &headers))
    };
    write(&mut stream, reply, &mut reader)
}

/// What is to be written now; counts down what does not stay so.
fn decide(reply: &mut Reply, headers: &BTreeMap<String, String>) -> Reply {
    match reply {
        Reply::First { times: 0, then, .. } => decide(then, headers),
        Reply::First { times, status, .. } => {
            *times -= 1;
            let headers = vec![("Retry-After".to_owned(), "0".to_owned())];
            Reply::Body { status: *status, headers, body: Vec::new() }
        }
        Reply::Secret { authorization, then } => match headers.get("authorization") == Some(authorization) {
            true => decide(then, headers),
            false => Reply::status(401),
        },
        Reply::Tagged { etag, body } => match headers.get("if-none-match") == Some(etag) {
            true => Reply::Body { status: 304, headers: Vec::new(), body: Vec::new() },
            false => Reply::Body {
                status: 200,
                headers: vec![("ETag".to_owned(), etag.clone())],
                body: body.clone(),
            },
        },
        other => other.clone(),
    }
}

fn write(stream: &mut TcpStream, reply: Reply, reader: &mut impl Read) -> Option<()> {
    let (status, headers, body, length) = match reply {
        Reply::Body { status, headers, body } => (status, headers, body.clone(), body.len()),
        Reply::Half(body) => (200, Vec::new(), body[..body.len() / 2].to_vec(), body.len()),
        Reply::Silence => return reader.read_to_end(&mut Vec::new()).map(drop).ok(),
        _ => return None,
    };
    let mut head = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).ok()?;
    stream.write_all(&body).ok()
}
