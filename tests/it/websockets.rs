//! WebSockets: those that the server opens to a receiver, and those that clients open to the server.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{Client, Listener, Peer, Server, assert_subset, fresh, get, post, shared};

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

/// Polls what no event tells of: how far the subscription has come.
fn wait_acked(client: &Client, path: &str, offset: u64) {
    let started = std::time::Instant::now();
    let acked = || client.run([get(&format!("/api/subscriptions{path}"))])[0]["acked"].as_u64();
    while acked() != Some(offset) {
        assert!(started.elapsed() < crate::harness::DEADLINE, "{path}: {:?} and not {offset}", acked());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
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
    wait_acked(&client, "/again", 3);
    peer.cut();
    client.append("/again", json!({"type": "two"}));
    listener.refuse();
    client.wait_type("/again", "subscription/delivery-failed");
    let peer = listener.accept();
    assert_eq!(peer.event()["type"], "two");
    client.wait_type("/again", "subscription/delivery-recovered");
    wait_acked(&client, "/again", 6);
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
    let reason = paused["payload"]["reason"].as_str().unwrap();
    assert!(reason.contains("receiver of subscription `"), "{reason}");
    drop(threads);
}

fn connect(client: &Client, target: &str) -> Peer {
    Peer::connect(client.address, target, &[("x-millrace-project", &client.project)])
}

#[test]
fn a_client_follows_and_appends_on_one_connection() {
    let client = shared();
    client.append("/in", json!([{"type": "a"}, {"type": "b"}]));
    let peer = connect(&client, "/api/streams/in?types=a,c&afterOffset=1");
    assert_eq!(peer.event()["offset"], 2);
    peer.send(json!({"type": "append", "event": {"type": "c", "payload": {"n": 1}}}));
    assert_subset(
        "live",
        &peer.event(),
        &json!({"type": "c", "offset": 4, "source": {"kind": "client", "depth": 0}}),
    );
    // With an id it is answered; a repeated key finds the same event.
    for _ in 0..2 {
        peer.send(json!({"type": "append", "id": {"n": 7}, "event": {"type": "d", "idempotencyKey": "k"}}));
        assert_subset(
            "answer",
            &peer.frame(),
            &json!({"type": "appended", "id": {"n": 7}, "event": {"offset": 5}}),
        );
    }
    peer.send(json!({"type": "append", "event": {"type": "c"}, "cause": 5}));
    assert_subset("cause", &peer.event(), &json!({"source": {"cause": {"offset": 5}, "depth": 1}}));
    peer.send(
        json!({"type": "append", "event": {"type": "c"}, "cause": {"streamPath": "/nowhere", "offset": 5}}),
    );
    assert_subset("cause", &peer.event(), &json!({"source": {"cause": null, "depth": 0}}));
    peer.close(1000);
    assert_eq!(peer.closed().0, 1000);
}

#[test]
fn several_streams_on_one_socket() {
    let client = shared();
    client.append("/room/a", json!({"type": "old"}));
    let peer = connect(&client, "/api/streams/room?follow=false");
    peer.send(json!({"type": "subscribe", "path": "./a", "afterOffset": "end", "id": 1}));
    assert_eq!(peer.frame(), json!({"type": "subscribed", "path": "/room/a", "tail": 2, "id": 1}));
    // It need not exist yet.
    peer.send(json!({"type": "subscribe", "path": "/room/b", "types": ["x"], "id": 2}));
    assert_eq!(peer.frame(), json!({"type": "subscribed", "path": "/room/b", "tail": 0, "id": 2}));
    peer.send(json!({"type": "append", "path": "/room/b", "event": {"type": "x"}}));
    assert_subset("b", &peer.event(), &json!({"streamPath": "/room/b", "offset": 2}));
    client.append("/room/a", json!({"type": "new"}));
    assert_subset("a", &peer.event(), &json!({"streamPath": "/room/a", "offset": 3}));
    // Again, from elsewhere.
    peer.send(json!({"type": "subscribe", "path": "/room/a", "afterOffset": 1, "types": ["old"]}));
    assert_subset("a again", &peer.event(), &json!({"streamPath": "/room/a", "offset": 2}));
    peer.send(json!({"type": "unsubscribe", "path": "/room/b", "id": 3}));
    assert_eq!(peer.frame(), json!({"type": "unsubscribed", "path": "/room/b", "id": 3}));
    client.append("/room/b", json!({"type": "x"}));
    client.append("/room/a", json!({"type": "old"}));
    assert_subset("only a", &peer.event(), &json!({"streamPath": "/room/a", "offset": 4}));
    client.run([crate::harness::request("DELETE", "/api/streams/room/a")]);
    assert_subset("destroyed", &peer.frame(), &json!({"type": "error", "message": "~was destroyed"}));
}

#[test]
fn appends_keep_their_order_and_frames_that_are_wrong_say_why() {
    let client = shared();
    let peer = connect(&client, "/api/streams/order");
    for n in 0..300 {
        peer.send(json!({"type": "append", "event": {"type": "x", "payload": {"n": n}}}));
    }
    assert_eq!(peer.event()["type"], "stream/created");
    for n in 0..300 {
        assert_subset("order", &peer.event(), &json!({"offset": n + 2, "payload": {"n": n}}));
    }
    let cases: [(Message, &str); 9] = [
        (Message::binary(vec![1]), "JSON texts"),
        (Message::text("{"), "must be JSON"),
        (Message::text("[]"), "an object with a `type`"),
        (Message::text(r#"{"type":"shout"}"#), "no frame"),
        (Message::text(r#"{"type":"append"}"#), "`event` is missing"),
        (Message::text(r#"{"type":"append","event":{"type":""}}"#), "1 to"),
        (Message::text(r#"{"type":"append","event":{"type":"x"},"path":"a"}"#), "absolute"),
        (Message::text(r#"{"type":"subscribe","afterOffset":0}"#), "afterOffset"),
        (Message::text(r#"{"type":"unsubscribe","path":"/b"}"#), "not followed"),
    ];
    for (message, words) in cases {
        peer.send_raw(message);
        let frame = peer.frame();
        assert_eq!(frame["type"], "error", "{frame}");
        assert!(frame["message"].as_str().unwrap().contains(words), "{frame}: {words}");
    }
    peer.send(json!({"type": "append", "id": 1, "event": {"type": "x", "offset": 5}}));
    assert_subset("offset", &peer.frame(), &json!({"type": "error", "id": 1, "message": "~next offset"}));
    for n in 0..70 {
        peer.send(json!({"type": "subscribe", "path": format!("/order/{n}")}));
    }
    assert_subset("too many", &peer.frame(), &json!({"type": "error", "message": "~64 streams"}));
    peer.send_raw(Message::text("x".repeat(5 * 1024 * 1024)));
    assert_eq!(peer.closed().0, 1009);
}

#[test]
fn who_may_open_a_socket() {
    let client = shared();
    let own = format!("http://{}", client.address);
    type Case<'a> = (&'a str, &'a [(&'static str, &'a str)], Option<u16>);
    let cases: [Case; 6] = [
        ("/api/streams/open", &[("origin", "https://evil.example")], Some(403)),
        ("/api/streams/open", &[("origin", &own)], None),
        ("/api/streams/open", &[("host", "evil.example")], Some(403)),
        ("/api/streams/UPPER", &[], Some(400)),
        ("/api/streams/open?live=false", &[], Some(400)),
        ("/api/streams/open?frobnicate=1", &[], Some(400)),
    ];
    for (target, headers, refused) in cases {
        let outcome = Peer::try_connect(client.address, target, headers);
        assert_eq!(outcome.err(), refused, "{target} {headers:?}");
    }
    client.run([
        get("/api/streams/open").header("connection", "upgrade").header("upgrade", "websocket").refused(
            400,
            "bad-header",
            "version",
        ),
        // Reading does not create, whatever the connection becomes.
        get("/api/streams/open").refused(404, "stream-not-found", "no stream"),
    ]);
}

#[test]
fn a_server_that_goes_says_so() {
    let mut server = Server::start(&[]);
    let peer = connect(&server.client("public"), "/api/streams/a");
    peer.send(json!({"type": "append", "event": {"type": "x"}}));
    assert_eq!(peer.event()["type"], "stream/created");
    assert!(server.terminate().success());
    assert_eq!(peer.closed().0, 1001);
}

#[test]
fn who_does_not_read_is_sent_away() {
    let client = shared();
    let large = "x".repeat(500_000);
    let events: Vec<Value> = (0..40).map(|_| json!({"type": "x", "payload": {"large": large}})).collect();
    client.append("/slow", Value::Array(events));
    let peer = connect(&client, "/api/streams/slow");
    peer.sleep();
    let slow = |text: &str| text.lines().any(|line| line == "millrace_sockets_slow_total 1");
    let started = std::time::Instant::now();
    loop {
        let answer = client.send(crate::harness::http::Request::new("GET", "/metrics"));
        if slow(&String::from_utf8_lossy(&answer.body)) {
            break;
        }
        assert!(started.elapsed() < crate::harness::DEADLINE, "it is still there");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    peer.wake();
    let (code, reason) = peer.closed();
    assert_eq!(code, 1013, "{reason}");
    assert!(reason.contains("afterOffset"), "{reason}");
}
