//! JSONata in subscriptions: which events are delivered, and as what.

use serde_json::{Value, json};

use super::{number, ok, open, subscribe, troubles, wait_status};
use crate::harness::{Asked, Listener, Origin, assert_subset, post, shared};

fn bodies(asked: &[Asked]) -> Vec<Value> {
    asked.iter().map(Asked::json).collect()
}

#[test]
fn a_filter_chooses_and_a_transform_makes() {
    let (_server, client) = open();
    let (filtered, made) = (Origin::start(ok), Origin::start(ok));
    subscribe(
        &client,
        "/jsonata",
        json!({"callbackUrl": filtered.url("/"), "jsonataFilter": "payload.n > 2"}),
    );
    let transform = json!({"slug": "made", "callbackUrl": made.url("/"), "eventTypes": ["counted"],
        "jsonataFilter": "payload.n % 2 = 0", "jsonataTransform": "payload.n = 4 ? nothing : {'text': type & ' ' & payload.n, 'at': offset}"});
    subscribe(&client, "/jsonata", transform);
    client.append("/jsonata", Value::Array((1..=6).map(number).collect()));
    let asked = made.wait_asked_until("the sixth", |asked| asked.len() == 2);
    assert_eq!(
        bodies(&asked),
        [json!({"text": "counted 2", "at": 5}), json!({"text": "counted 6", "at": 9})]
    );
    let asked = filtered.wait_asked_until("the sixth", |asked| asked.len() == 4);
    let offsets: Vec<Value> = bodies(&asked).iter().map(|event| event["offset"].clone()).collect();
    assert_eq!(offsets, [6, 7, 8, 9]);
    wait_status(&client, "/jsonata", json!({"slug": "hook", "lag": 0, "jsonataFilter": "payload.n > 2"}));
}

#[test]
fn an_event_over_which_an_expression_fails_is_left_out_and_told() {
    let (_server, client) = open();
    let receiver = Origin::start(ok);
    let payload = json!({"callbackUrl": receiver.url("/"), "eventTypes": ["counted"], "jsonataTransform": "{'n': $number(payload.n)}"});
    subscribe(&client, "/fails", payload);
    let bad = json!({"type": "counted", "payload": {"n": "x"}});
    client.append("/fails", json!([number(1), bad, bad, number(2), number(3)]));
    let asked = receiver.wait_asked_until("the last", |asked| asked.len() == 3);
    assert_eq!(bodies(&asked), [json!({"n": 1}), json!({"n": 2}), json!({"n": 3})]);
    let recovered = client.wait_type("/fails", "subscription/delivery-recovered");
    assert_subset("recovered", &recovered["payload"], &json!({"offset": 4, "attempts": 3}));
    let events = client.read("/fails");
    assert_eq!(troubles(&events), ["failed 4", "recovered 4"]);
    let failed = events.iter().find(|event| event["type"] == "subscription/delivery-failed").unwrap();
    assert_subset("failed", &failed["payload"], &json!({"error": "~left out", "willRetryAt": null}));
}

#[test]
fn a_wrong_expression_is_told_with_its_place() {
    let client = shared();
    let configured = json!({"type": "subscription/configured", "payload": {"slug": "a", "type": "webhook", "callbackUrl": "https://a.example", "jsonataFilter": "payload.("}});
    client.run([post("/api/streams/wrong-expression", configured).answers(
        200,
        json!({"event": {"type": "stream/invalid-event-appended", "payload": {"error": "~line 1, column"}}}),
    )]);
}

#[test]
fn a_socket_has_them_too() {
    let (_server, client) = open();
    let listener = Listener::start();
    let payload = json!({"slug": "peer", "type": "websocket", "callbackUrl": listener.url(),
        "jsonataFilter": "payload.n > 1", "jsonataTransform": "{'n': payload.n}"});
    client.append("/frames", json!({"type": "subscription/configured", "payload": payload}));
    client.append("/frames", json!([number(1), number(2)]));
    assert_eq!(listener.accept().frame(), json!({"type": "event", "event": {"n": 2}}));
}
