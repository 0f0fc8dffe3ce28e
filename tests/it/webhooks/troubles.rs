//! Receivers in trouble: what is tried again, when, and what the log is told of it.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::{answering, number, numbers, ok, open, subscribe, troubles, wait_numbers, wait_status};
use crate::harness::{Origin, Server, assert_subset, post};

#[test]
fn a_trouble_is_told_once_when_it_begins_and_once_when_it_ends() {
    let cases: [(&'static [&'static str], u64, &str); 5] = [
        (&["500 Oops"], 2, "answered with status 500: see the log"),
        (&["500 Oops", "404 Gone Fishing", "503 Later"], 4, "status 500"),
        (&["302 Found", "200 OK"], 2, "redirects are not followed"),
        (&["cut"], 2, "gave no answer"),
        (&["400 No", "200 OK", "200 OK"], 2, "status 400"),
    ];
    for (n, (statuses, attempts, words)) in cases.into_iter().enumerate() {
        let path = format!("/trouble/{n}");
        let receiver = answering(statuses);
        let (_server, client) = open();
        subscribe(&client, &path, json!({"callbackUrl": receiver.url("/cut")}));
        client.append(&path, json!([number(1), number(2)]));
        let recovered = client.wait_type(&path, "subscription/delivery-recovered");
        assert_subset(
            &path,
            &recovered,
            &json!({"payload": {"slug": "hook", "offset": 3, "attempts": attempts}, "source": {"kind": "server", "slug": "hook"}}),
        );
        let asked = receiver.wait_asked_until("the second event", |asked| numbers(asked).contains(&2));
        let ids: Vec<_> = asked.iter().map(|asked| asked.header("webhook-id").unwrap()).collect();
        assert_eq!(ids[0], ids[attempts as usize - 1], "the id is the same for each attempt");
        assert_ne!(ids[0], ids[attempts as usize]);
        let events = client.read(&path);
        assert_eq!(troubles(&events), ["failed 3", "recovered 3"], "{statuses:?}");
        let failed = events.iter().find(|event| event["type"] == "subscription/delivery-failed").unwrap();
        assert_subset(
            &path,
            failed,
            &json!({"payload": {"slug": "hook", "offset": 3, "error": format!("~{words}"), "willRetryAt": "<time>"}, "source": {"cause": {"streamPath": path, "offset": 3}, "depth": 1}}),
        );
    }
}

#[test]
fn nobody_listens_and_then_somebody_does() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (_server, client) = open();
    subscribe(&client, "/refused", json!({"callbackUrl": format!("http://{address}/")}));
    client.append("/refused", number(1));
    client.wait_type("/refused", "subscription/delivery-failed");
    wait_status(
        &client,
        "/refused",
        json!({"status": "failing", "nextTryAt": "<time>", "lastError": {"offset": 3}}),
    );
    let receiver = Origin::start_on(TcpListener::bind(address).unwrap(), ok);
    client.wait_type("/refused", "subscription/delivery-recovered");
    wait_numbers(&receiver, &[1]);
    assert_eq!(troubles(&client.read("/refused")), ["failed 3", "recovered 3"]);
}

#[test]
fn an_answer_that_does_not_come_is_a_failure() {
    let left = Mutex::new(1);
    let receiver = Origin::start(move |asked, to| {
        let held = std::mem::take(&mut *left.lock().unwrap());
        if held > 0 { to.hold_until_gone() } else { ok(asked, to) }
    });
    let (_server, client) = open();
    subscribe(&client, "/slow", json!({"callbackUrl": receiver.url("/")}));
    client.append("/slow", number(1));
    let failed = client.wait_type("/slow", "subscription/delivery-failed");
    assert_subset("slow", &failed, &json!({"payload": {"error": "~did not answer within 10000 ms"}}));
    receiver.wait();
    client.wait_type("/slow", "subscription/delivery-recovered");
    assert_eq!(numbers(&receiver.asked()), [1, 1]);
}

#[test]
fn a_receiver_says_when_to_come_back() {
    for (path, wait) in [("/later/seconds", Some("2")), ("/later/date", None)] {
        let first = Mutex::new(true);
        let receiver = Origin::start(move |asked, to| {
            if std::mem::take(&mut *first.lock().unwrap()) {
                let value = wait.map_or_else(|| http_date(2), str::to_string);
                to.whole("503 Service Unavailable", &[("retry-after", value.as_str())], b"");
            } else {
                ok(asked, to);
            }
        });
        let (_server, client) = open();
        subscribe(&client, path, json!({"callbackUrl": receiver.url("/")}));
        client.append(path, number(1));
        let recovered = client.wait_type(path, "subscription/delivery-recovered");
        let events = client.read(path);
        let failed = events.iter().find(|event| event["type"] == "subscription/delivery-failed").unwrap();
        let will = millis(&failed["payload"]["willRetryAt"]);
        let (failed, recovered) = (millis(&failed["createdAt"]), millis(&recovered["createdAt"]));
        assert!(will - failed >= 900, "{path}: told {} ms ahead", will - failed);
        assert!(recovered >= will, "{path}: came back {} ms too early", will - recovered);
    }
}

fn millis(time: &Value) -> i64 {
    let text = time.as_str().unwrap_or_else(|| panic!("{time} is no time"));
    text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

fn http_date(seconds: i64) -> String {
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[test]
fn a_receiver_that_is_gone_is_left_alone_until_it_is_configured_again() {
    let gone = Mutex::new(true);
    let receiver = Arc::new(Origin::start(move |asked, to| {
        if std::mem::take(&mut *gone.lock().unwrap()) {
            to.whole("410 Gone", &[], b"")
        } else {
            ok(asked, to)
        }
    }));
    let (_server, client) = open();
    let callback = json!({"callbackUrl": receiver.url("/")});
    subscribe(&client, "/gone", callback.clone());
    client.append("/gone", number(1));
    let failed = client.wait_type("/gone", "subscription/delivery-failed");
    assert_subset("410", &failed, &json!({"payload": {"offset": 3, "error": "~410", "willRetryAt": null}}));
    wait_status(&client, "/gone", json!({"status": "ended", "acked": 2, "nextTryAt": null}));
    client.append("/gone", number(2));
    // What a later subscription gets behind that event, the ended one did not.
    let other = Origin::start(ok);
    client.append(
        "/gone",
        json!({"type": "subscription/configured", "payload": {"slug": "other", "type": "webhook", "callbackUrl": other.url("/"), "startFrom": "start", "eventTypes": ["counted"]}}),
    );
    wait_numbers(&other, &[1, 2]);
    assert_eq!(numbers(&receiver.asked()), [1]);
    subscribe(&client, "/gone", callback);
    wait_numbers(&receiver, &[1, 1, 2]);
    let events = client.wait_for("/gone", "recovered", |events| troubles(events).len() == 2);
    assert_eq!(troubles(&events), ["failed 3", "recovered 3"]);
}

#[test]
fn an_event_that_is_always_refused_is_given_up_and_the_next_ones_come() {
    let receiver = Origin::start(move |asked, to| match numbers(std::slice::from_ref(asked))[..] {
        [2] => to.whole("422 Unprocessable Content", &[], b"no such customer"),
        _ => ok(asked, to),
    });
    let mut server = Server::start(&["--egress-allow", "127.0.0.1"]);
    let client = server.client("public");
    subscribe(&client, "/refused", json!({"callbackUrl": receiver.url("/")}));
    client.append("/refused", json!([number(1), number(2), number(3)]));
    wait_numbers(&receiver, &[1, 2, 2, 2, 2, 2, 3]);
    let given_up =
        json!({"status": "active", "givenUp": {"count": 1, "last": {"offset": 4, "error": "~422"}}});
    wait_status(&client, "/refused", given_up.clone());
    let events = client.wait_for("/refused", "both", |events| troubles(events).len() == 2);
    assert_eq!(troubles(&events), ["failed 4", "failed 4"]);
    let told: Vec<&Value> = events.iter().rev().take(2).map(|event| &event["payload"]).collect();
    assert_subset("begun", told[1], &json!({"willRetryAt": "<time>", "givenUp": null}));
    let error = "~given up after 5 attempts; configure the subscription with `startFrom` to have it delivered again: the receiver answered with status 422: no such customer";
    assert_subset("given up", told[0], &json!({"error": error, "willRetryAt": null, "givenUp": true}));
    // A kill may have an event delivered again.
    assert_eq!(server.terminate().code(), Some(0), "{}", server.log());
    server = server.restart();
    let client = server.client("public");
    client.append("/refused", number(4));
    wait_numbers(&receiver, &[1, 2, 2, 2, 2, 2, 3, 4]);
    wait_status(&client, "/refused", given_up);
}

#[test]
fn a_trouble_outlives_a_restart_and_is_told_once() {
    let back = Arc::new(Mutex::new(false));
    let is_back = back.clone();
    let receiver =
        Origin::start(
            move |asked, to| {
                if *is_back.lock().unwrap() { ok(asked, to) } else { to.whole("500 Oops", &[], b"") }
            },
        );
    let mut server = Server::start(&["--egress-allow", "127.0.0.1"]);
    subscribe(&server.client("public"), "/outlives", json!({"callbackUrl": receiver.url("/")}));
    server.client("public").append("/outlives", number(1));
    server.client("public").wait_type("/outlives", "subscription/delivery-failed");
    receiver.wait_asked_until("a second attempt", |asked| asked.len() >= 2);
    server.kill();
    let server = server.restart();
    let before = receiver.asked().len();
    receiver.wait_asked_until("one more", |asked| asked.len() > before);
    *back.lock().unwrap() = true;
    let client = server.client("public");
    let recovered = client.wait_type("/outlives", "subscription/delivery-recovered");
    assert!(recovered["payload"]["attempts"].as_u64() >= Some(2), "{recovered:#}");
    assert_eq!(troubles(&client.read("/outlives")), ["failed 3", "recovered 3"]);
}

#[test]
fn a_dead_receiver_holds_nobody_back() {
    let (_server, client) = open();
    let dead = Origin::start(|_, to| to.hold_until_gone());
    let live = Origin::start(ok);
    subscribe(&client, "/beside", json!({"slug": "dead", "callbackUrl": dead.url("/")}));
    subscribe(&client, "/beside", json!({"slug": "live", "callbackUrl": live.url("/")}));
    client.append("/beside", Value::Array((1..=100).map(number).collect()));
    wait_numbers(&live, &(1..=100).collect::<Vec<_>>());
    assert_eq!(numbers(&dead.asked()), [1]);
}

#[test]
fn a_paused_stream_delivers_and_takes_the_notes_later() {
    let receiver = answering(&["500 Oops", "200 OK", "500 Oops"]);
    let (_server, client) = open();
    client.append("/paused", json!([number(1), number(2), {"type": "stream/paused"}]));
    client.append("/paused/beside", number(0));
    client.run([post("/api/streams/paused", number(3)).refused(412, "stream-paused", "paused")]);
    client.append("/paused", json!({"type": "stream/resumed"}));
    let configure = json!({"type": "subscription/configured", "payload": {"slug": "hook", "type": "webhook", "callbackUrl": receiver.url("/"), "startFrom": "start", "eventTypes": ["counted"]}});
    client.append("/paused", json!([configure, {"type": "stream/paused"}]));
    wait_numbers(&receiver, &[1, 1, 2, 2]);
    assert!(troubles(&client.read("/paused")).is_empty());
    client.append("/paused", json!({"type": "stream/resumed"}));
    let events = client.wait_for("/paused", "the notes", |events| troubles(events).len() == 4);
    assert_eq!(troubles(&events), ["failed 2", "recovered 2", "failed 3", "recovered 3"]);
}
