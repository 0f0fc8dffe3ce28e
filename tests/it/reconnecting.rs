//! `millrace tail --follow` over a server that dies and comes back: each event once, in order.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use crate::harness::server::program;
use crate::harness::{Client, DEADLINE};

#[test]
fn a_follower_goes_on_where_it_was_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let address = free_address();
    let client = Client { address, project: "public".into() };
    let mut server = serve(folder.path(), address);
    client.append("/a", json!([{"type": "one"}, {"type": "two"}]));
    let mut command = program(&["tail", "/a", "--follow", "--json"]);
    let url = format!("http://{address}");
    let mut tail =
        command.env("MILLRACE_URL", url).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    let seen: Vec<Value> = (0..3).map(|_| next()).collect();
    end(&mut server);
    let mut server = serve(folder.path(), address);
    client.append("/a", json!({"type": "three"}));
    let after = next();
    assert_eq!((seen[2]["offset"].clone(), after["offset"].clone()), (json!(3), json!(4)));
    assert_eq!(after["type"], "three");
    end(&mut tail);
    end(&mut server);
}

/// The second server must be where the first was, so the port is chosen here.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn serve(folder: &Path, address: SocketAddr) -> Child {
    let data = folder.join("data").to_string_lossy().into_owned();
    let mut command = program(&["serve", "--listen", &address.to_string(), "--data", &data]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut ready = String::new();
    stdout.read_line(&mut ready).unwrap();
    assert!(ready.contains(&address.to_string()), "no server within {DEADLINE:?}: {ready}");
    child
}

fn end(child: &mut Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}
