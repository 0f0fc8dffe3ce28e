//! Whom a receiver can trust, and who is trusted: signatures, secrets, the policy, causes and loops.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};

use super::{number, numbers, ok, open, subscribe, troubles, wait_numbers, wait_status};
use crate::harness::{Asked, Origin, assert_subset, get, post, shared};

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

/// The code that the README gives to receivers, run by the server itself as a processor.
#[test]
fn the_readme_tells_a_true_signature_from_a_false_one() {
    let readme = include_str!("../../../README.md");
    let code = readme.split("```js\n").find(|block| block.contains("isFromMillrace")).unwrap();
    let code = code.split("```").next().unwrap();
    let receiver = Origin::start(ok);
    let (_server, client) = open();
    subscribe(&client, "/readme", json!({"callbackUrl": receiver.url("/")}));
    client.append("/readme", json!({"type": "counted", "payload": {"n": 1, "text": "grüße"}}));
    let asked = wait_numbers(&receiver, &[1]).remove(0);
    let secret = client.run([get("/api/subscriptions/__secret/readme?slug=hook")])["signingSecret"].clone();
    let headers: serde_json::Map<String, Value> =
        asked.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let check = |change: &dyn Fn(&mut Value)| {
        let mut payload =
            json!({"secret": secret, "headers": headers, "body": String::from_utf8_lossy(&asked.body)});
        change(&mut payload);
        json!({"type": "check", "payload": payload})
    };
    let script = format!(
        "{code}\nexport default {{ async afterAppend({{ event, append }}) {{
            if (event.type !== 'check') return;
            const {{ secret, headers, body }} = event.payload;
            await append({{ type: 'checked', payload: {{ ok: isFromMillrace(secret, headers, body) }} }});
        }} }};"
    );
    client.deploy("/readme/checks", "checks", &script);
    client.append(
        "/readme/checks",
        json!([
            check(&|_| {}),
            check(&|payload| payload["body"] = json!("{}")),
            check(&|payload| payload["headers"]["webhook-id"] = json!("evt_2")),
            check(&|payload| payload["headers"]["webhook-timestamp"] = json!("1614265330")),
            check(&|payload| payload["headers"]["webhook-signature"] = json!("v1,AAAA v2,x")),
            check(&|payload| payload["secret"] = json!("whsec_AAAA")),
        ]),
    );
    client.settle("/readme/checks");
    let events = client.read("/readme/checks");
    let told = events.iter().filter(|event| event["type"] == "checked");
    let told: Vec<Value> = told.map(|event| event["payload"]["ok"].clone()).collect();
    assert_eq!(told, [true, false, false, false, false, false].map(Value::from));
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
