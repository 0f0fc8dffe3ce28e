//! Push subscriptions as webhooks: each test has a receiver of its own, and decides what it answers.

use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};

use crate::harness::{Answering, Asked, Client, Origin, Server, assert_subset, fresh, get, post, shared};

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
fn events_arrive_one_by_one_in_order_and_signed() {
    let receiver = Origin::start(ok);
    let (_server, client) = open();
    subscribe(&client, "/a", json!({"callbackUrl": receiver.url("/in?x=1")}));
    client.append("/a", Value::Array((1..=20).map(number).collect()));
    client.append("/a", number(21));
    let asked = wait_numbers(&receiver, &(1..=21).collect::<Vec<_>>());
    let key = client.run([get("/api/subscriptions/__secret/a?slug=hook")])["signingSecret"].clone();
    let key =
        key.as_str().and_then(|key| key.strip_prefix("whsec_")).expect("a key of the scheme").to_string();
    let mut ids = Vec::new();
    for (n, asked) in asked.iter().enumerate() {
        let event = asked.json();
        assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/in?x=1"));
        assert_eq!(asked.header("content-type"), Some("application/json"));
        assert_eq!(event["offset"], n + 3, "the whole event is there");
        assert_eq!(asked.body, client.read("/a")[n + 2].to_string().into_bytes());
        assert_eq!(
            asked.header("x-millrace-cause").unwrap().split(';').next().unwrap(),
            format!("/a@{}", n + 3)
        );
        assert_eq!(asked.header("webhook-signature"), Some(signature(asked, &key).as_str()));
        ids.push(asked.header("webhook-id").unwrap().to_string());
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 21, "each message has an id of its own");
    wait_status(
        &client,
        "/a",
        json!({"slug": "hook", "type": "webhook", "status": "active", "configuredOffset": 2, "acked": 23, "tail": 23, "lag": 0, "attempts": 0}),
    );
    let state = client.run([get("/api/streams/__state/a")]);
    assert_eq!(state["processors"]["external-subscriber"]["subscribersBySlug"]["hook"]["acked"], 23);
}

/// As the receiver computes it, from the specification.
fn signature(asked: &Asked, key: &str) -> String {
    let header = |name| asked.header(name).unwrap_or_else(|| panic!("{name} is missing"));
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&STANDARD.decode(key).unwrap()).unwrap();
    mac.update(format!("{}.{}.", header("webhook-id"), header("webhook-timestamp")).as_bytes());
    mac.update(&asked.body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

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
    let asked = receiver.wait_asked_until("the last", |asked| numbers(asked).contains(&sent));
    let seen = numbers(&asked);
    // In order, but for what is delivered again behind a crash; and nothing is missing.
    let mut newest = 0;
    for n in &seen {
        assert!(*n <= newest + 1, "{n} came behind {newest}");
        newest = newest.max(*n);
    }
    assert_eq!(newest, sent);
    // One that has nothing to deliver wakes for nothing: the next event finds it where it was.
    wait_status(&server.client("public"), "/kill", json!({"lag": 0, "acked": sent + 2}));
    server.terminate();
    let server = server.restart();
    server.client("public").append("/kill", number(sent + 1));
    receiver.wait_asked_until("the next", |asked| numbers(asked).contains(&(sent + 1)));
    assert_eq!(numbers(&receiver.asked())[seen.len()..], [sent + 1]);
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
    assert!(recovered["payload"]["attempts"].as_u64() >= Some(3), "{recovered:#}");
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
fn secrets_go_out_and_stay_out_of_the_log() {
    let receiver = Origin::start(ok);
    let (_server, client) = open();
    let key = STANDARD.encode(b"a key that only the two of us know");
    client.run([
        post("/api/secrets", json!({"name": "TOKEN", "value": "s3cr3t-value", "hosts": ["127.0.0.1"]})),
        post("/api/secrets", json!({"name": "SIGN", "value": format!("whsec_{key}")})),
        post("/api/secrets", json!({"name": "ELSEWHERE", "value": "another-value", "hosts": ["a.example"]})),
    ]);
    let headers = json!({"authorization": "Bearer getSecret({secretKey: 'TOKEN'})", "X-Own": "é", "content-type": "application/cloudevents+json"});
    subscribe(
        &client,
        "/secret",
        json!({"callbackUrl": receiver.url("/"), "headers": headers, "signingSecret": {"secretKey": "SIGN"}}),
    );
    client.append("/secret", number(1));
    let asked = wait_numbers(&receiver, &[1]).remove(0);
    assert_eq!(asked.header("authorization"), Some("Bearer s3cr3t-value"));
    assert_eq!(asked.header("content-type"), Some("application/cloudevents+json"));
    assert!(asked.header("x-own").is_some());
    assert_eq!(asked.header("webhook-signature"), Some(signature(&asked, &key).as_str()));
    let shown = client.run([get("/api/subscriptions/__secret/secret?slug=hook")
        .answers(200, json!({"secretKey": "SIGN", "signingSecret": null}))]);
    let everything =
        format!("{:?}{shown}{}", client.read("/secret"), client.run([get("/api/streams/__state/secret")]));
    assert!(!everything.contains("s3cr3t-value") && !everything.contains(&key), "{everything}");
    // One that is for another host neither goes out nor signs, and says so once.
    for (n, part) in [
        json!({"headers": {"authorization": "getSecret({secretKey: 'ELSEWHERE'})"}}),
        json!({"signingSecret": {"secretKey": "ELSEWHERE"}}),
    ]
    .into_iter()
    .enumerate()
    {
        let path = format!("/secret/{n}");
        let mut payload = json!({"callbackUrl": receiver.url("/")});
        payload.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
        subscribe(&client, &path, payload);
        client.append(&path, number(2));
        let failed = client.wait_type(&path, "subscription/delivery-failed");
        assert_subset(
            &path,
            &failed,
            &json!({"payload": {"error": "~only to a.example", "willRetryAt": null}}),
        );
    }
    assert_eq!(numbers(&receiver.asked()), [1]);
    client.run([
        get("/api/subscriptions/__secret/secret?slug=nobody").refused(
            404,
            "subscription-not-found",
            "no subscription",
        ),
        get("/api/subscriptions/__secret/secret").refused(400, "bad-query", "slug"),
        get("/api/subscriptions/nowhere").refused(404, "stream-not-found", "no stream"),
    ]);
}

#[test]
fn what_the_policy_refuses_is_told_once_and_not_tried_again() {
    let receiver = Origin::start(ok);
    let client = shared();
    subscribe(&client, "/policy", json!({"callbackUrl": receiver.url("/")}));
    client.append("/policy", json!([number(1), number(2)]));
    let failed = client.wait_type("/policy", "subscription/delivery-failed");
    assert_subset(
        "policy",
        &failed,
        &json!({"payload": {"slug": "hook", "offset": 3, "error": "~--egress-allow", "willRetryAt": null}}),
    );
    wait_status(&client, "/policy", json!({"status": "resting", "acked": 2, "nextTryAt": null}));
    client.append("/policy", number(3));
    wait_status(&client, "/policy", json!({"status": "resting", "lag": 4}));
    assert_eq!(troubles(&client.read("/policy")), ["failed 3"]);
    assert!(receiver.asked().is_empty());
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

#[test]
fn a_loop_through_a_receiver_ends() {
    let (_server, client) = open();
    let back = client.clone();
    let receiver = Origin::start(move |asked, to| {
        ok(asked, to);
        let again = post("/api/streams/loop", json!({"type": "again"}))
            .header("x-millrace-cause", asked.header("x-millrace-cause").unwrap());
        back.send(again.request());
    });
    subscribe(&client, "/loop", json!({"callbackUrl": receiver.url("/"), "eventTypes": ["again"]}));
    client.append(
        "/loop",
        json!({"type": "stream/circuit-breaker-configured", "payload": {"burstCapacity": 1000, "refillRatePerMinute": 1000, "maxDepth": 7}}),
    );
    client.append("/loop", json!({"type": "again"}));
    let paused = client.wait_type("/loop", "stream/paused");
    assert_subset("loop", &paused, &json!({"payload": {"reason": "~chain of 8 reactions"}}));
    let depths: Vec<Value> = client
        .read("/loop")
        .iter()
        .filter(|event| event["type"] == "again")
        .map(|event| event["source"]["depth"].clone())
        .collect();
    assert_eq!(depths, (0..=8).map(Value::from).collect::<Vec<_>>());
}

#[test]
fn a_cause_is_looked_up_and_never_believed() {
    let client = shared();
    let first = client.append("/cause", json!({"type": "first"}));
    let other = client.project("another-one");
    other.append("/cause", json!({"type": "first"}));
    let sent = |value: &str, expected: Value| {
        post("/api/streams/cause", json!({"type": "x"}))
            .header("x-millrace-cause", value)
            .answers(200, json!({"event": {"source": expected}}))
    };
    let caused =
        json!({"kind": "client", "cause": {"streamPath": "/cause", "offset": first["offset"]}, "depth": 1});
    client.run([
        sent("/cause@2", caused.clone()),
        sent("/cause@2; depth=90", caused.clone()),
        sent(&format!("/cause@2; project={}", client.project.replace('-', "%2D")), caused),
        sent("/cause@900", json!({"kind": "client", "cause": null, "depth": 0})),
        sent("/nowhere@2", json!({"kind": "client", "cause": null, "depth": 0})),
        // Of another project only the depth is told: its streams are nobody's business here.
        sent("/cause@2; project=another-one", json!({"kind": "client", "cause": null, "depth": 1})),
        sent("/cause@3", json!({"cause": {"offset": 3}, "depth": 2})),
        post("/api/streams/cause", json!({"type": "x"})).header("x-millrace-cause", "me").refused(
            400,
            "bad-header",
            "must name an event",
        ),
    ]);
}

#[test]
fn a_stream_has_so_many_subscriptions() {
    let client = shared();
    let configure = |n: usize| json!({"type": "subscription/configured", "payload": {"slug": format!("s{n}"), "type": "webhook", "callbackUrl": "https://a.example/"}});
    client.append("/many", Value::Array((0..256).map(configure).collect()));
    client.run([
        post("/api/streams/many", configure(256)).refused(409, "limit-reached", "256 subscriptions"),
        post("/api/streams/many", configure(255)).answers(200, json!({"event": {"offset": 258}})),
    ]);
    client.append("/many", json!({"type": "subscription/removed", "payload": {"slug": "s7"}}));
    client.append("/many", configure(256));
}
