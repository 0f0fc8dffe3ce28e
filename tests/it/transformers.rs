//! Transformers: JSONata that makes proper events of others, and what must not come of it: a loop with itself, a flood of
//! errors, an event twice.

use std::collections::BTreeMap;

use millrace::limits::{LAZY_WRITE_DELAY, TRANSFORMERS_PER_STREAM_MAX};
use serde_json::{Value, json};

use crate::harness::http::Request;
use crate::harness::server::run;
use crate::harness::{Client, DEADLINE, Server, assert_subset, get, post, request, shared};

fn transformer(slug: &str, matcher: &str, transform: &str) -> Value {
    json!({"type": "transformer/configured", "payload": {"slug": slug, "matcher": matcher, "transform": transform}})
}

fn breaker(capacity: u64, max_depth: u64) -> Value {
    json!({"type": "stream/circuit-breaker-configured", "payload": {"burstCapacity": capacity, "refillRatePerMinute": capacity, "maxDepth": max_depth}})
}

fn count(events: &[Value], event_type: &str) -> usize {
    events.iter().filter(|event| event["type"] == event_type).count()
}

fn metric(client: &Client, name: &str) -> u64 {
    let text = String::from_utf8(client.send(Request::new("GET", "/metrics")).body).unwrap();
    let line =
        text.lines().find_map(|line| line.strip_prefix(&format!("millrace_{name} ")).map(str::to_string));
    line.unwrap_or_else(|| panic!("no metric {name} in {text}")).parse().unwrap()
}

const SLACK: &str = r#"{"token":"t","team_id":"T1","type":"event_callback","event_id":"Ev07","event":{"type":"message","user":"U1","channel":"C1","text":"hello <@U2>, \"how\" are you?","ts":"1355517523.000005"}}"#;

#[test]
fn a_raw_webhook_becomes_a_proper_event() {
    let millrace = shared();
    let transform = "payload.rawInput.{
        'type': 'slack-message-received',
        'payload': event.{'user': user, 'channel': channel, 'text': text, 'at': $fromMillis($number($substringBefore(ts, '.')) * 1000)},
        'idempotencyKey': 'slack-' & event_id
    }";
    let matcher = "type = 'stream/invalid-event-appended' and payload.rawInput.type = 'event_callback'";
    millrace.append("/slack", transformer("slack", matcher, transform));
    // Slack delivers again when it hears nothing; and not everything that comes is Slack's.
    for body in [SLACK, "hogwash", SLACK] {
        millrace.run([post("/api/streams/slack", body)]);
    }
    millrace.append(
        "/slack",
        json!({"type": "order-placed", "payload": {"rawInput": {"type": "event_callback"}}}),
    );
    let event = millrace.wait_type("/slack", "slack-message-received");
    assert_subset(
        "the message",
        &event,
        &json!({
            "payload": {"user": "U1", "channel": "C1", "text": "hello <@U2>, \"how\" are you?", "at": "2012-12-14T20:38:43.000Z"},
            "idempotencyKey": "slack-Ev07",
            "source": {"kind": "transformer", "slug": "slack", "cause": {"streamPath": "/slack", "offset": 3}, "depth": 1},
        }),
    );
    // Behind a last one, all others have had their turn.
    millrace.run([post("/api/streams/slack", SLACK.replace("Ev07", "Ev08"))]);
    let events = millrace.wait_for("/slack", "the last message", |events| {
        events.iter().any(|event| event["idempotencyKey"] == "slack-Ev08")
    });
    assert_eq!(count(&events, "slack-message-received"), 2, "{events:#?}");
    millrace.run([get("/api/streams/__state/slack").answers(
        200,
        json!({"processors": {"jsonata-transformer": {"transformersBySlug": {"slack": {"matcher": matcher, "transform": transform, "configuredOffset": 2}}}}}),
    )]);
}

#[test]
fn the_original_spelling_has_the_same_effect() {
    let millrace = shared();
    let mut configured = transformer("t", "type = 'a'", "{'type': 'b'}");
    configured["type"] = "https://events.iterate.com/events/stream/jsonata-transformer-configured".into();
    millrace.append("/", configured.clone());
    millrace.append("/", json!({"type": "a"}));
    millrace.wait_type("/", "b");
    assert_eq!(millrace.read("/")[1]["type"], configured["type"], "the name stays");
}

#[test]
fn what_a_transform_comes_to() {
    let millrace = shared();
    // Each with the events that it makes: type and payload.
    let cases = [
        ("one", "{'type': 'out', 'payload': {'n': payload.n + 1}}", json!([{"n": 8}])),
        ("many", "[1..3].{'type': 'out', 'payload': {'n': $}}", json!([{"n": 1}, {"n": 2}, {"n": 3}])),
        (
            "items",
            "payload.items.{'type': 'out', 'payload': {'sku': sku}}",
            json!([{"sku": "a"}, {"sku": "b"}]),
        ),
        ("none", "[]", json!([])),
        ("nothing", "payload.nothing.{'type': 'out'}", json!([])),
    ];
    for (name, transform, expected) in cases {
        let path = format!("/{name}");
        let guarded = format!("type = 'end' ? {{'type': 'ended'}} : ({transform})");
        millrace.append(&path, transformer("t", "type = 'in' or type = 'end'", &guarded));
        millrace
            .append(&path, json!({"type": "in", "payload": {"n": 7, "items": [{"sku": "a"}, {"sku": "b"}]}}));
        millrace.append(&path, json!({"type": "end"}));
        let events = millrace.wait_for(&path, "ended", |events| count(events, "ended") == 1);
        let made: Vec<&Value> =
            events.iter().filter(|event| event["type"] == "out").map(|event| &event["payload"]).collect();
        assert_eq!(json!(made), expected, "{name}: {events:#?}");
        assert_eq!(count(&events, "stream/error-occurred"), 0, "{name}: {events:#?}");
    }
}

#[test]
fn a_bad_expression_is_an_invalid_event_that_says_where() {
    let millrace = shared();
    let cases = [
        ("type = ", "{}", "~`matcher`: JSONata S0207, line 1, column 7: unexpected end"),
        (
            "true",
            "{\n  'type': 'a',\n  'payload': {'b' 1}\n}",
            "~`transform`: JSONata S0202, line 3, column 19: expected `:`, and here is `1`",
        ),
        ("", "{}", "~`matcher`: JSONata S0207"),
        ("true", "$match(type, /(?=a)/)", "~look-around"),
        ("x := 1", "{}", "~S0212, line 1, column 1"),
    ];
    for (matcher, transform, error) in cases {
        let configured = transformer("bad", matcher, transform);
        let stored = millrace.append("/", configured.clone());
        assert_subset(
            matcher,
            &stored,
            &json!({"type": "stream/invalid-event-appended", "payload": {"rawInput": configured, "error": error}}),
        );
    }
    for (payload, error) in [
        (json!({"slug": "s", "matcher": "a"}), "~`transform` is missing"),
        (json!({"slug": "s", "matcher": 1, "transform": "b"}), "~`matcher` must be a string"),
        (json!({"slug": "S", "matcher": "a", "transform": "b"}), "~slug"),
        (json!({"slug": "s", "matcher": "a", "transform": "b", "c": 1}), "~unknown field `c`"),
    ] {
        let stored = millrace.append("/", json!({"type": "transformer/configured", "payload": payload}));
        assert_subset(
            "a payload",
            &stored,
            &json!({"type": "stream/invalid-event-appended", "payload": {"error": error}}),
        );
    }
    let state = millrace.run([get("/api/streams/__state/")]);
    assert_eq!(state["processors"]["jsonata-transformer"]["transformersBySlug"], json!({}));
}

#[test]
fn a_failure_is_one_error_event_and_the_next_event_is_matched_all_the_same() {
    let millrace = shared();
    millrace.append("/", transformer("sum", "type = 'in'", "{'type': 'out', 'payload': payload.mode = 'type' ? {'n': payload.n + 'x'} : payload.mode = 'event' ? [1] : payload.mode = 'slow' ? ($f := function($x) {$f($x)}; $f(1)) : payload.mode = 'big' ? {'n': $pad('x', 100000000000)} : {'n': 1}}"));
    for (mode, code, message) in [
        ("type", "T2002", "~transformer `sum`, event"),
        ("event", "invalid-event", "~`payload` must be a JSON object"),
        ("slow", "timeout", "~its transform failed"),
        ("big", "out-of-memory", "~memory"),
        ("fine", "", ""),
    ] {
        let cause =
            millrace.append("/", json!({"type": "in", "payload": {"mode": mode, "n": 1}}))["offset"].clone();
        let events = millrace.wait_for("/", mode, |events| {
            events.iter().any(|event| event["source"]["cause"]["offset"] == cause)
        });
        let last = events.last().unwrap();
        let expected = match code {
            "" => json!({"type": "out", "payload": {"n": 1}}),
            _ => json!({
                "type": "stream/error-occurred",
                "payload": {"message": message, "error": {"code": code}},
                "source": {"kind": "transformer", "slug": "sum", "depth": 1},
            }),
        };
        assert_subset(mode, last, &expected);
    }
    assert_eq!(count(&millrace.read("/"), "stream/error-occurred"), 4);
}

#[test]
fn a_row_of_failures_does_not_flood() {
    let millrace = shared();
    millrace.append("/", transformer("t", "type = 'in'", "payload.ok ? {'type': 'out'} : $error('no')"));
    let batch: Vec<Value> = (0..30).map(|_| json!({"type": "in", "payload": {"ok": false}})).collect();
    millrace.append("/", json!(batch));
    millrace.append("/", json!({"type": "in", "payload": {"ok": true}}));
    let events = millrace.wait_for("/", "the one that succeeds", |events| count(events, "out") == 1);
    assert_eq!(count(&events, "stream/error-occurred"), 10);
    let told: Vec<&Value> = events.iter().filter(|event| event["type"] == "stream/error-occurred").collect();
    assert_subset("the tenth", told[9], &json!({"payload": {"message": "~failure 10 in a row"}}));
    // After a success the next failure is news again.
    millrace.append("/", json!({"type": "in", "payload": {"ok": false}}));
    millrace.wait_for("/", "the news", |events| count(events, "stream/error-occurred") == 11);
}

#[test]
fn a_transformer_does_not_feed_on_itself() {
    let millrace = shared();
    millrace.append(
        "/",
        transformer(
            "echo",
            "true",
            "type = 'bad' ? $error('no') : {'type': 'echo', 'payload': {'of': offset}}",
        ),
    );
    for event_type in ["a", "bad", "b", "last"] {
        millrace.append("/", json!({"type": event_type}));
    }
    let last = millrace.read("/").iter().find(|event| event["type"] == "last").unwrap()["offset"].clone();
    let events = millrace
        .wait_for("/", "the last echo", |events| events.iter().any(|event| event["payload"]["of"] == last));
    // Each event that came was echoed once, and no echo, no error and not the configuration was.
    let mut expected: Vec<&Value> = events
        .iter()
        .filter(|event| ["a", "b", "last"].contains(&event["type"].as_str().unwrap()))
        .map(|event| &event["offset"])
        .collect();
    let mut echoed: Vec<&Value> =
        events.iter().filter(|event| event["type"] == "echo").map(|event| &event["payload"]["of"]).collect();
    expected.sort_by_key(|offset| offset.as_u64());
    echoed.sort_by_key(|offset| offset.as_u64());
    assert_eq!(echoed, expected);
    assert_eq!(count(&events, "stream/error-occurred"), 1);
}

#[test]
fn a_cycle_of_two_ends_at_the_bound_of_causation() {
    let millrace = shared();
    millrace.append("/", breaker(10_000, 20));
    millrace.append("/", transformer("ping", "type = 'pong'", "{'type': 'ping'}"));
    millrace.append("/", transformer("pong", "type = 'ping'", "{'type': 'pong'}"));
    millrace.append("/", json!({"type": "ping"}));
    let events = millrace.wait_for("/", "the pause", |events| count(events, "stream/paused") == 1);
    let pause = events.last().unwrap();
    assert_subset(
        "the pause",
        pause,
        &json!({"payload": {"reason": "~a chain of 21 reactions is longer than the 20 allowed"}}),
    );
    let reason = pause["payload"]["reason"].as_str().unwrap();
    for link in ["transformer `ping` appended `ping` to `/`", "transformer `pong` appended `pong` to `/`"] {
        assert!(reason.contains(link), "{reason}");
    }
    assert_eq!(count(&events, "ping") + count(&events, "pong"), 22);
}

#[test]
fn a_paused_stream_makes_it_wait() {
    let millrace = shared();
    millrace.append("/", transformer("t", "type = 'in'", "{'type': 'out', 'payload': {'n': payload.n}}"));
    // In one append, so that the pause is there before anything can be made of the others.
    let mut batch: Vec<Value> = (0..5).map(|n| json!({"type": "in", "payload": {"n": n}})).collect();
    batch.push(json!({"type": "stream/paused"}));
    millrace.append("/", json!(batch));
    millrace.run([post("/api/streams/", r#"{"type":"x"}"#).refused(412, "stream-paused", "/")]);
    millrace.append("/", json!({"type": "stream/resumed"}));
    let events = millrace.wait_for("/", "all of them", |events| count(events, "out") == 5);
    let resumed = events.iter().position(|event| event["type"] == "stream/resumed").unwrap();
    assert!(events[..resumed].iter().all(|event| event["type"] != "out"), "{events:#?}");
    let made: Vec<&Value> =
        events.iter().filter(|event| event["type"] == "out").map(|event| &event["payload"]["n"]).collect();
    assert_eq!(json!(made), json!([0, 1, 2, 3, 4]));
}

#[test]
fn replacement_and_removal_win() {
    let millrace = shared();
    // Slow enough that most of what comes is still owed when it is replaced.
    let slow =
        "{'type': 'old', 'payload': {'of': offset, 'n': $count($map([1..20000], function($x) {$x * 2}))}}";
    millrace.append("/", transformer("t", "type = 'in'", slow));
    let batch: Vec<Value> = (0..60).map(|_| json!({"type": "in"})).collect();
    millrace.append("/", json!(batch));
    let replaced =
        millrace.append("/", transformer("t", "type = 'in'", "{'type': 'new', 'payload': {'of': offset}}"));
    millrace.append("/", json!({"type": "in"}));
    let events =
        millrace.wait_for("/", "all of them", |events| count(events, "old") + count(events, "new") == 61);
    let mut seen = BTreeMap::new();
    for event in events.iter().filter(|event| event["type"] == "old" || event["type"] == "new") {
        let of = event["payload"]["of"].as_u64().unwrap();
        assert_eq!(seen.insert(of, event["type"].clone()), None, "{of} twice");
        let late = event["offset"].as_u64() > replaced["offset"].as_u64();
        assert!(event["type"] == "new" || !late, "the replaced one has said something behind its successor");
    }
    assert_eq!(seen.len(), 61, "what it still owed was its successor's");
    millrace.append("/", json!({"type": "transformer/removed", "payload": {"slug": "t"}}));
    millrace.append("/", json!({"type": "in"}));
    // Configured again, it begins there.
    let again =
        millrace.append("/", transformer("t", "type = 'in'", "{'type': 'again', 'payload': {'of': offset}}"));
    millrace.append("/", json!({"type": "in"}));
    let events = millrace.wait_for("/", "the last", |events| count(events, "again") == 1);
    let of = events.iter().find(|event| event["type"] == "again").unwrap()["payload"]["of"].as_u64().unwrap();
    assert!(of > again["offset"].as_u64().unwrap());
    assert_eq!(count(&events, "new") + count(&events, "old"), 61);
    millrace
        .run([get("/api/streams/__state/")
            .answers(200, json!({"processors": {"jsonata-transformer": "<any>"}}))]);
}

#[test]
fn a_stream_that_was_destroyed_begins_anew() {
    let millrace = shared();
    for round in 0..3 {
        // The same offsets each time.
        millrace
            .append("/d", transformer("t", "type = 'in'", "{'type': 'out', 'payload': {'n': payload.n}}"));
        for n in 0..3 {
            millrace.append("/d", json!({"type": "in", "payload": {"n": [round, n]}}));
        }
        let events = millrace.wait_for("/d", "all of them", |events| count(events, "out") == 3);
        let made: Vec<&Value> = events
            .iter()
            .filter(|event| event["type"] == "out")
            .map(|event| &event["payload"]["n"])
            .collect();
        assert_eq!(json!(made), json!([[round, 0], [round, 1], [round, 2]]));
        millrace.run([request("DELETE", "/api/streams/d").answers(200, json!({}))]);
    }
}

#[test]
fn an_idle_transformer_costs_nothing_and_is_back_with_the_next_event() {
    let server = Server::start(&["--hibernate-after-ms", "20"]);
    let client = server.client("public");
    client.append("/h", transformer("t", "type = 'in'", "{'type': 'out', 'payload': {'of': offset}}"));
    for round in 1..=3 {
        client.append("/h", json!({"type": "in"}));
        client.append("/h", json!({"type": "other"}));
        client.wait_for("/h", "what it makes", |events| count(events, "out") == round);
        let started = std::time::Instant::now();
        while metric(&client, "transformers_running") > 0 {
            assert!(started.elapsed() < DEADLINE, "it did not go");
            std::thread::yield_now();
        }
    }
    assert_eq!(count(&client.read("/h"), "out"), 3);
}

#[test]
fn a_stream_has_so_many_transformers_and_no_more() {
    let millrace = shared();
    let batch: Vec<Value> =
        (0..TRANSFORMERS_PER_STREAM_MAX).map(|n| transformer(&format!("t{n}"), "false", "{}")).collect();
    millrace.append("/", json!(batch));
    millrace.run([post("/api/streams/", transformer("more", "false", "{}")).refused(
        409,
        "limit-reached",
        "transformers",
    )]);
    // One that is there may still be replaced, and one that goes makes room.
    millrace.append("/", transformer("t0", "type = 'x'", "{}"));
    millrace.append("/", json!({"type": "transformer/removed", "payload": {"slug": "t1"}}));
    millrace.append("/", transformer("more", "false", "{}"));
    let state = millrace.run([get("/api/streams/__state/")]);
    let transformers = &state["processors"]["jsonata-transformer"]["transformersBySlug"];
    assert_eq!(transformers.as_object().unwrap().len(), TRANSFORMERS_PER_STREAM_MAX);
}

#[test]
fn a_killed_server_goes_on_where_it_owes_and_doubles_nothing() {
    let mut server = Server::start(&[]);
    let client = server.client("public");
    client.append("/k", breaker(1_000_000, 500));
    client.append(
        "/k",
        transformer("t", "type = 'in'", "[1..2].{'type': 'out', 'payload': {'of': $$.offset, 'n': $}}"),
    );
    let batch: Vec<Value> = (0..400).map(|_| json!({"type": "in"})).collect();
    for round in 1..=4 {
        let client = server.client("public");
        client.append("/k", json!(batch));
        // The first of this round is there, and most are not.
        client.wait_for("/k", "the first", |events| count(events, "out") > (round - 1) * 2 * batch.len());
        server.kill();
        server = server.restart();
    }
    let client = server.client("public");
    // Nothing is appended: the restarted server finds by itself what it owes.
    let events = client.wait_for("/k", "all of them", |events| count(events, "out") >= 4 * 2 * batch.len());
    let mut made: BTreeMap<(u64, u64), usize> = BTreeMap::new();
    for event in events.iter().filter(|event| event["type"] == "out") {
        let payload = &event["payload"];
        assert_eq!(payload["of"], event["source"]["cause"]["offset"]);
        *made.entry((payload["of"].as_u64().unwrap(), payload["n"].as_u64().unwrap())).or_default() += 1;
    }
    assert_eq!(made.len(), 4 * 2 * batch.len());
    assert!(made.values().all(|times| *times == 1), "an event stands twice");
    // And it ends in order.
    client.append("/k", json!({"type": "in"}));
    assert_eq!(server.terminate().code(), Some(0), "{}", server.log());
    assert!(!server.log().contains("panicked"), "{}", server.log());
    let fsck = run(&["fsck", &server.folder().join("data").to_string_lossy()]);
    assert_eq!(fsck.status.code(), Some(0), "{}", String::from_utf8_lossy(&fsck.stderr));
}

#[test]
fn events_that_do_not_match_cost_no_event_and_no_commit() {
    let server = Server::start(&[]);
    let client = server.client("public");
    client.append("/q", transformer("t", "type = 'in'", "{'type': 'out'}"));
    let metric = |name: &str| metric(&client, name);
    let commits = metric("commits_total");
    let batch: Vec<Value> = (0..100).map(|_| json!({"type": "other"})).collect();
    client.append("/q", json!(batch));
    while metric("expressions_evaluated_total") < 100 {
        std::thread::yield_now();
    }
    // Nothing is to be waited for: a write that nobody waits for would be there by now.
    std::thread::sleep(10 * LAZY_WRITE_DELAY);
    assert_eq!(metric("commits_total"), commits + 1, "that of the append itself");
    assert_eq!(client.read("/q").len(), 2 + 100);
}
