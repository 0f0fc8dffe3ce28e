//! `includeChildren`: one subscription, and every stream below it is served from a cursor of its own.

use serde_json::{Value, json};

use super::{number, numbers, ok, open, subscribe, troubles, wait_numbers, wait_status};
use crate::harness::{Asked, Origin, Server, get};

fn below(url: &str, more: Value) -> Value {
    let mut payload = json!({"callbackUrl": url, "includeChildren": true, "eventTypes": ["counted"]});
    payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    payload
}

/// `path n` of what has arrived, sorted: streams have no order between them.
fn places(asked: &[Asked]) -> Vec<String> {
    let place = |asked: &Asked| {
        let event = asked.json();
        format!("{} {}", event["streamPath"].as_str().unwrap(), event["payload"]["n"])
    };
    let mut places: Vec<String> = asked.iter().map(place).collect();
    places.sort();
    places
}

fn wait_places(receiver: &Origin, expected: &[&str]) {
    let asked = receiver.wait_asked_until("the last", |asked| asked.len() >= expected.len());
    assert_eq!(places(&asked), expected);
}

#[test]
fn every_stream_below_is_served_from_its_next_event_on() {
    let (_server, client) = open();
    let receiver = Origin::start(ok);
    client.append("/team/old", json!([number(1), number(2)]));
    subscribe(&client, "/team", below(&receiver.url("/"), json!({})));
    client.append("/team/new/child", number(10));
    client.append("/team/old", number(3));
    client.append("/team", number(20));
    for path in ["/teams", "/team/_logs/x"] {
        client.append(path, number(99));
    }
    wait_places(&receiver, &["/team 20", "/team/new/child 10", "/team/old 3"]);
    wait_status(&client, "/team/old", json!({"slug": "hook", "configuredOn": "/team", "lag": 0, "acked": 4}));
    // One key for all.
    let key = |path: &str| {
        client.run([get(&format!("/api/subscriptions/__secret{path}?slug=hook"))])["signingSecret"].clone()
    };
    assert_eq!(key("/team/old"), key("/team"));
    // From the first event, when it says so.
    let all = Origin::start(ok);
    subscribe(&client, "/team", below(&all.url("/"), json!({"slug": "all", "startFrom": "start"})));
    client.append("/team/old", number(4));
    wait_places(&all, &["/team 20", "/team/old 1", "/team/old 2", "/team/old 3", "/team/old 4"]);
    wait_places(&receiver, &["/team 20", "/team/new/child 10", "/team/old 3", "/team/old 4"]);
}

#[test]
fn the_nearest_configuration_wins_and_a_removal_ends_all() {
    let (_server, client) = open();
    let (far, near, own) = (Origin::start(ok), Origin::start(ok), Origin::start(ok));
    subscribe(&client, "/a", below(&far.url("/"), json!({})));
    client.append("/a/b/c", number(1));
    wait_places(&far, &["/a/b/c 1"]);
    subscribe(&client, "/a/b", below(&near.url("/"), json!({})));
    client.append("/a/b/c", number(2));
    wait_places(&near, &["/a/b/c 2"]);
    subscribe(&client, "/a/b/c", json!({"callbackUrl": own.url("/"), "eventTypes": ["counted"]}));
    client.append("/a/b/c", number(3));
    wait_numbers(&own, &[3]);
    for (path, origin, n) in [("/a/b/c", &near, 4), ("/a/b", &far, 5)] {
        client.append(path, json!({"type": "subscription/removed", "payload": {"slug": "hook"}}));
        client.append("/a/b/c", number(n));
        origin.wait_asked_until("the next", |asked| numbers(asked).contains(&n));
    }
    client.append("/a", json!({"type": "subscription/removed", "payload": {"slug": "hook"}}));
    client.append("/a/b/c", number(6));
    assert_eq!(client.run([get("/api/subscriptions/a/b/c")]), json!([]));
    assert_eq!((numbers(&own.asked()), numbers(&near.asked())), (vec![3], vec![2, 4]));
    assert!(numbers(&far.asked()).iter().all(|n| *n != 6));
}

#[test]
fn a_killed_server_serves_the_streams_below_what_it_owed() {
    let gate = std::sync::Arc::new(std::sync::Mutex::new(false));
    let is_open = gate.clone();
    let receiver =
        Origin::start(
            move |asked, to| {
                if *is_open.lock().unwrap() { ok(asked, to) } else { to.whole("500 Oops", &[], b"") }
            },
        );
    let mut server = Server::start(&["--egress-allow", "127.0.0.1"]);
    let client = server.client("public");
    subscribe(&client, "/kids", below(&receiver.url("/"), json!({})));
    for n in 0..5 {
        client.append(&format!("/kids/{n}"), number(n));
    }
    for n in 0..5 {
        client.wait_type(&format!("/kids/{n}"), "subscription/delivery-failed");
    }
    server.kill();
    *gate.lock().unwrap() = true;
    let server = server.restart();
    let client = server.client("public");
    for n in 0..5 {
        let path = format!("/kids/{n}");
        client.wait_type(&path, "subscription/delivery-recovered");
        assert_eq!(troubles(&client.read(&path)), ["failed 2", "recovered 2"]);
        client.append(&path, number(10 + n));
    }
    let asked = receiver.wait_asked_until("the last", |asked| (10..15).all(|n| numbers(asked).contains(&n)));
    assert!((0..5).all(|n| numbers(&asked).contains(&n)));
    assert!(troubles(&client.read("/kids")).is_empty());
}
