//! Push subscriptions as webhooks: each test has a receiver of its own, and decides what it answers.

mod below;
mod expressions;
mod troubles;
mod trust;

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Answering, Asked, Client, Origin, Server, fresh, get};

/// A server that lets deliveries out to loopback; it ends with the last test that holds it.
fn open() -> (Arc<Server>, Client) {
    static SERVER: Mutex<Weak<Server>> = Mutex::new(Weak::new());
    let mut known = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
    let server = known.upgrade().unwrap_or_else(|| Arc::new(Server::start(&["--egress-allow", "127.0.0.1"])));
    *known = Arc::downgrade(&server);
    let client = server.client(&fresh("webhooks"));
    (server, client)
}

fn ok(_: &Asked, to: &mut Answering) {
    to.whole("204 No Content", &[], b"");
}

/// Answers each request with the next of these statuses, and 200 behind the last.
fn answering(statuses: &'static [&'static str]) -> Origin {
    let left = Mutex::new(statuses.iter());
    Origin::start(move |_, to| match left.lock().unwrap().next() {
        Some(&"cut") => to.raw(b"HTTP/1.1 2"),
        Some(status) => to.whole(status, &[], b"see \x07 the\nlog"),
        None => to.whole("200 OK", &[], b"{}"),
    })
}

fn subscribe(client: &Client, path: &str, payload: Value) -> Value {
    let mut whole = json!({"slug": "hook", "type": "webhook"});
    whole.as_object_mut().unwrap().extend(payload.as_object().unwrap().clone());
    let configured = client.append(path, json!({"type": "subscription/configured", "payload": whole}));
    assert_eq!(configured["type"], "subscription/configured", "{configured:#}");
    configured
}

/// The numbers `n` of the events that have arrived.
fn numbers(asked: &[Asked]) -> Vec<u64> {
    asked.iter().filter_map(|asked| asked.json()["payload"]["n"].as_u64()).collect()
}

fn wait_numbers(origin: &Origin, expected: &[u64]) -> Vec<Asked> {
    let asked = origin.wait_asked_until("the last event", |asked| numbers(asked).len() >= expected.len());
    assert_eq!(numbers(&asked), expected);
    asked
}

fn number(n: u64) -> Value {
    json!({"type": "counted", "payload": {"n": n}})
}

/// What the log says of troubles: `type offset`.
fn troubles(events: &[Value]) -> Vec<String> {
    let told = events.iter().filter_map(|event| {
        let name = event["type"].as_str()?.strip_prefix("subscription/delivery-")?;
        Some(format!("{name} {}", event["payload"]["offset"]))
    });
    told.collect()
}

fn status(client: &Client, path: &str) -> Value {
    client.run([get(&format!("/api/subscriptions{path}"))])[0].clone()
}

/// Polls what no event tells of, which is only how far a subscription has come.
fn wait_status(client: &Client, path: &str, expected: Value) {
    let started = std::time::Instant::now();
    loop {
        let status = status(client, path);
        match crate::harness::difference(&status, &expected) {
            None => return,
            Some(why) => assert!(started.elapsed() < crate::harness::DEADLINE, "{path}: {why}: {status:#}"),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn where_a_subscription_begins() {
    let cases: [(Value, &[u64]); 5] = [
        (json!({}), &[4]),
        (json!({"startFrom": "tail"}), &[4]),
        (json!({"startFrom": "start"}), &[1, 2, 3, 4]),
        (json!({"startFrom": 3}), &[2, 3, 4]),
        (json!({"startFrom": 900}), &[]),
    ];
    let (_server, client) = open();
    for (n, (start, expected)) in cases.into_iter().enumerate() {
        let path = format!("/start/{n}");
        let receiver = Origin::start(ok);
        client.append(&path, json!([number(1), number(2), number(3)]));
        let mut payload = json!({"callbackUrl": receiver.url("/")});
        payload.as_object_mut().unwrap().extend(start.as_object().unwrap().clone());
        subscribe(&client, &path, payload);
        client.append(&path, number(4));
        wait_status(&client, &path, json!({"lag": 0, "startFrom": start["startFrom"]}));
        assert_eq!(numbers(&receiver.asked()), expected, "{start}");
    }
}

#[test]
fn only_the_named_types_and_never_the_bookkeeping() {
    let receiver = Origin::start(ok);
    let everything = Origin::start(ok);
    let (_server, client) = open();
    let types =
        json!(["counted", "stream/paused", "subscription/configured", "subscription/delivery-failed"]);
    subscribe(&client, "/types", json!({"callbackUrl": receiver.url("/"), "eventTypes": types}));
    subscribe(
        &client,
        "/types",
        json!({"slug": "all", "callbackUrl": everything.url("/"), "startFrom": "start"}),
    );
    client.append(
        "/types",
        json!([
            {"type": "other"},
            number(1),
            {"type": "https://events.iterate.com/events/stream/paused", "payload": {}}
        ]),
    );
    client.append("/types", json!({"type": "stream/resumed"}));
    client.append("/types", json!({"type": "subscription/removed", "payload": {"slug": "nobody"}}));
    client.append("/types", number(2));
    let asked = receiver.wait_asked_until("the last", |asked| numbers(asked).contains(&2));
    let seen: Vec<_> = asked.iter().map(|asked| asked.json()["offset"].clone()).collect();
    assert_eq!(seen, [5, 6, 9]);
    let asked = everything.wait_asked_until("the last", |asked| numbers(asked).contains(&2));
    let seen: Vec<_> = asked.iter().map(|asked| asked.json()["offset"].clone()).collect();
    assert_eq!(seen, [1, 4, 5, 6, 7, 9]);
}

#[test]
fn the_originals_spelling_is_a_subscription_too() {
    let receiver = Origin::start(ok);
    let (_server, client) = open();
    let name = "https://events.iterate.com/events/stream/subscription/configured";
    let payload = json!({"slug": "hook", "type": "webhook", "callbackUrl": receiver.url("/")});
    let configured = client.append("/original", json!({"type": name, "payload": payload}));
    assert_eq!(configured["type"], name);
    client.append("/original", number(1));
    wait_numbers(&receiver, &[1]);
}

#[test]
fn a_replacement_takes_over_what_the_replaced_one_holds() {
    let (_server, client) = open();
    let (old, new) = (Origin::start(|_, to| to.hold_until_gone()), Origin::start(ok));
    subscribe(&client, "/replaced", json!({"callbackUrl": old.url("/")}));
    client.append("/replaced", json!([number(1), number(2)]));
    old.wait_asked();
    subscribe(&client, "/replaced", json!({"callbackUrl": new.url("/")}));
    // The request is given up, and nothing is told of it.
    old.wait();
    wait_numbers(&new, &[1, 2]);
    assert_eq!(numbers(&old.asked()), [1]);
    // Where to begin can be said anew, too.
    subscribe(&client, "/replaced", json!({"callbackUrl": new.url("/again"), "startFrom": 4}));
    wait_numbers(&new, &[1, 2, 2]);
    assert!(troubles(&client.read("/replaced")).is_empty());
}

#[test]
fn a_removed_subscription_gets_nothing_more() {
    let (_server, client) = open();
    let receiver =
        Origin::start(|asked, to| if asked.path() == "/held" { to.hold_until_gone() } else { ok(asked, to) });
    subscribe(&client, "/removed", json!({"callbackUrl": receiver.url("/held")}));
    client.append("/removed", json!([number(1), number(2)]));
    receiver.wait_asked();
    client.append("/removed", json!({"type": "subscription/removed", "payload": {"slug": "hook"}}));
    receiver.wait();
    assert_eq!(client.run([get("/api/subscriptions/removed")]), json!([]));
    // One of the same name is another one, which begins at its own tail.
    subscribe(&client, "/removed", json!({"callbackUrl": receiver.url("/")}));
    client.append("/removed", number(3));
    wait_numbers(&receiver, &[1, 3]);
    assert!(troubles(&client.read("/removed")).is_empty());
}

#[test]
fn a_killed_server_delivers_what_it_owed() {
    let receiver = Origin::start(ok);
    let mut server = Server::start(&["--egress-allow", "127.0.0.1"]);
    subscribe(&server.client("public"), "/kill", json!({"callbackUrl": receiver.url("/")}));
    let mut sent = 0;
    for round in 1..=4 {
        let client = server.client("public");
        let batch: Vec<Value> = (sent + 1..=sent + 25).map(number).collect();
        sent += 25;
        client.append("/kill", Value::Array(batch));
        receiver.wait_asked_until("some", |asked| numbers(asked).contains(&(sent - 25 + round * 3)));
        server.kill();
        server = server.restart();
    }
    // The last may have been delivered before the kill already: then they come again, and count as seen.
    wait_status(&server.client("public"), "/kill", json!({"lag": 0, "acked": sent + 2}));
    let seen = numbers(&receiver.asked());
    // In order, but for what is delivered again behind a crash; and nothing is missing.
    let mut newest = 0;
    for n in &seen {
        assert!(*n <= newest + 1, "{n} came behind {newest}");
        newest = newest.max(*n);
    }
    assert_eq!(newest, sent);
    // One that has nothing to deliver wakes for nothing: the next event finds it where it was.
    server.terminate();
    let server = server.restart();
    server.client("public").append("/kill", number(sent + 1));
    receiver.wait_asked_until("the next", |asked| numbers(asked).contains(&(sent + 1)));
    assert_eq!(numbers(&receiver.asked())[seen.len()..], [sent + 1]);
}
