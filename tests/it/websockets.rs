//! WebSockets: those that the server opens to a receiver, and those that clients open to the server.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{Client, Listener, Server, assert_subset, fresh, get, post};

/// A server that lets sockets out to loopback; it ends with the last test that holds it.
fn open() -> (Arc<Server>, Client) {
    static SERVER: Mutex<Weak<Server>> = Mutex::new(Weak::new());
    let mut known = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
    let server = known.upgrade().unwrap_or_else(|| Arc::new(Server::start(&["--egress-allow", "127.0.0.1"])));
    *known = Arc::downgrade(&server);
    let client = server.client(&fresh("websockets"));
    (server, client)
}

fn subscribe(client: &Client, path: &str, url: &str, more: Value) {
    let mut payload = json!({"slug": "peer", "type": "websocket", "callbackUrl": url});
    payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let configured = client.append(path, json!({"type": "subscription/configured", "payload": payload}));
    assert_eq!(configured["type"], "subscription/configured", "{configured:#}");
}

fn troubles(client: &Client, path: &str) -> Vec<String> {
    let events = client.read(path);
    let told = events.iter().filter_map(|event| {
        Some(event["type"].as_str()?.strip_prefix("subscription/delivery-")?.to_string())
    });
    told.collect()
}

#[test]
fn events_go_out_and_appends_come_in() {
    let (_server, client) = open();
    let listener = Listener::start();
    client.run([post("/api/secrets", json!({"name": "TOKEN", "value": "s3cr3t-value"}))]);
    let headers = json!({"headers": {"authorization": "Bearer getSecret({secretKey: 'TOKEN'})"}});
    subscribe(&client, "/out", &listener.url(), headers);
    client.append("/out", json!([{"type": "one"}, {"type": "two"}]));
    let peer = listener.accept();
    assert_eq!(peer.authorization.as_deref(), Some("Bearer s3cr3t-value"));
    assert_eq!((peer.event()["offset"].clone(), peer.event()["type"].clone()), (json!(3), json!("two")));
    peer.send(json!({"type": "append", "event": {"type": "pong", "payload": {"n": 1}}}));
    assert_subset(
        "the peer's append comes back to it",
        &peer.event(),
        &json!({"type": "pong", "offset": 5, "source": {"kind": "client", "slug": "peer", "cause": {"streamPath": "/out", "offset": 4}, "depth": 1}}),
    );
    // One behind the other is not in reaction to its own, and one that says so is in reaction to that.
    peer.send(json!({"type": "append", "event": {"type": "pong"}, "id": "a"}));
    let appended = [peer.frame(), peer.frame()];
    let answer = appended.iter().find(|frame| frame["type"] == "appended").unwrap();
    assert_subset("appended", answer, &json!({"id": "a", "event": {"offset": 6, "source": {"depth": 1}}}));
    peer.send(json!({"type": "append", "event": {"type": "pong"}, "cause": 6}));
    assert_subset(
        "cause",
        &peer.event(),
        &json!({"offset": 7, "source": {"cause": {"offset": 6}, "depth": 2}}),
    );
    assert!(troubles(&client, "/out").is_empty());
}

#[test]
fn what_is_no_frame_is_answered_with_an_error() {
    let (_server, client) = open();
    let listener = Listener::start();
    subscribe(&client, "/wrong", &listener.url(), json!({}));
    client.append("/wrong", json!({"type": "one"}));
    let peer = listener.accept();
    peer.event();
    let cases: [(Message, &str); 5] = [
        (Message::binary(vec![1, 2]), "JSON texts"),
        (Message::text("{"), "must be JSON"),
        (Message::text(r#"{"type":"append"}"#), "`event` is missing"),
        (Message::text(r#"{"type":"append","event":{"type":"stream/frobnicated"}}"#), "reserved"),
        (Message::text(r#"{"type":"append","event":{"type":"x","offset":900}}"#), "next offset"),
    ];
    for (message, words) in cases {
        peer.send_raw(message);
        let frame = peer.frame();
        assert_eq!(frame["type"], "error", "{frame}");
        assert!(frame["message"].as_str().unwrap().contains(words), "{frame}: {words}");
    }
    // Another protocol's frames, and complaints, are let be.
    peer.send(json!({"type": "cursor-moved", "x": 1}));
    peer.send(json!({"type": "error", "message": "too much"}));
    client.append("/wrong", json!({"type": "two"}));
    assert_eq!(peer.event()["type"], "two");
}

#[test]
fn a_socket_that_is_lost_is_opened_again_and_nothing_is_missing() {
    let (_server, client) = open();
    let listener = Listener::start();
    subscribe(&client, "/again", &listener.url(), json!({}));
    client.append("/again", json!({"type": "one"}));
    let peer = listener.accept();
    assert_eq!(peer.event()["type"], "one");
    peer.cut();
    client.append("/again", json!({"type": "two"}));
    listener.refuse();
    client.wait_type("/again", "subscription/delivery-failed");
    let peer = listener.accept();
    assert_eq!(peer.event()["type"], "two");
    client.wait_type("/again", "subscription/delivery-recovered");
    peer.close(1000);
    client.append("/again", json!({"type": "three"}));
    let peer = listener.accept();
    assert_eq!(peer.event()["type"], "three");
    assert_eq!(troubles(&client, "/again"), ["failed", "recovered"]);
}

#[test]
fn another_configuration_closes_the_socket() {
    let (_server, client) = open();
    let (old, new) = (Listener::start(), Listener::start());
    subscribe(&client, "/moved", &old.url(), json!({"startFrom": "start", "eventTypes": ["one", "two"]}));
    client.append("/moved", json!({"type": "one"}));
    let peer = old.accept();
    assert_eq!(peer.event()["type"], "one");
    subscribe(&client, "/moved", &new.url(), json!({}));
    assert_eq!(peer.closed().0, 1012);
    client.append("/moved", json!({"type": "two"}));
    let peer = new.accept();
    assert_eq!(peer.event()["type"], "two");
    client.append("/moved", json!({"type": "subscription/removed", "payload": {"slug": "peer"}}));
    assert_eq!(peer.closed().0, 1012);
    assert!(troubles(&client, "/moved").is_empty());
}

#[test]
fn a_killed_server_opens_its_sockets_again() {
    let listener = Listener::start();
    let mut server = Server::start(&["--egress-allow", "127.0.0.1"]);
    subscribe(&server.client("public"), "/kill", &listener.url(), json!({}));
    server.client("public").append("/kill", json!([{"type": "x"}, {"type": "x"}]));
    let peer = listener.accept();
    peer.event();
    server.kill();
    let server = server.restart();
    let client = server.client("public");
    client.append("/kill", json!({"type": "last"}));
    let peer = listener.accept();
    let mut last = peer.event();
    while last["type"] != "last" {
        last = peer.event();
    }
    assert_eq!(last["offset"], 5);
    client.run([get("/api/subscriptions/kill")]);
}

#[test]
fn a_loop_through_two_receivers_ends() {
    let (_server, client) = open();
    let listeners = [Listener::start(), Listener::start()];
    for (n, listener) in listeners.iter().enumerate() {
        let more = json!({"slug": format!("peer-{n}"), "eventTypes": [format!("to-{n}")]});
        subscribe(&client, "/loop", &listener.url(), more);
    }
    client.append(
        "/loop",
        json!({"type": "stream/circuit-breaker-configured", "payload": {"burstCapacity": 1000, "refillRatePerMinute": 1000, "maxDepth": 6}}),
    );
    let threads = listeners.into_iter().enumerate().map(|(n, listener)| {
        std::thread::spawn(move || {
            let peer = listener.accept();
            loop {
                let frame = peer.frame();
                if frame["type"] == "error" {
                    return frame;
                }
                peer.send(json!({"type": "append", "event": {"type": format!("to-{}", 1 - n)}}));
            }
        })
    });
    let threads: Vec<_> = threads.collect();
    client.append("/loop", json!({"type": "to-0"}));
    let paused = client.wait_type("/loop", "stream/paused");
    assert_subset("loop", &paused, &json!({"payload": {"reason": "~chain of 7 reactions"}}));
    drop(threads);
}
