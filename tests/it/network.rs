//! What a processor reaches of the network: each test has a server of its own to call, and sees what the script makes of it.

use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, Message};

use crate::harness::{Answering, Asked, Client, Origin, Server, assert_subset, fresh};

/// A server that lets scripts out to loopback; it ends with the last test that holds it.
fn open() -> (Arc<Server>, Client) {
    static SERVER: Mutex<Weak<Server>> = Mutex::new(Weak::new());
    let mut known = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
    let server = known.upgrade().unwrap_or_else(|| Arc::new(Server::start(&["--egress-allow", "127.0.0.1"])));
    *known = Arc::downgrade(&server);
    let client = server.client(&fresh("network"));
    (server, client)
}

/// A script that runs `body` at an event `go`, with `url` and `emit`; what it throws is an event, too.
fn script(url: &str, body: &str) -> String {
    format!(
        "const url = '{url}';\nexport default {{\n  async afterAppend({{ append, event, signal }}) {{\n    if (event.type !== 'go') return;\n    const emit = (type, value) => append({{ type, payload: {{ value }} }});\n    try {{ {body} }} catch (e) {{ await emit('thrown', [e.name, e.message, e.cause?.code ?? null]); }}\n    await emit('done', null);\n  }},\n}};"
    )
}

fn go(millrace: &Client, path: &str, url: &str, body: &str) {
    go_with(millrace, path, json!({"slug": "s", "script": script(url, body)}));
}

fn go_with(millrace: &Client, path: &str, configured: Value) {
    millrace.deploy_with(path, configured);
    millrace.append(path, json!({"type": "go"}));
}

/// The values of the events of these types, once `done` is there.
fn values(millrace: &Client, path: &str) -> Vec<Value> {
    let events = millrace.wait_for(path, "done", |events| {
        events.iter().any(|event| event["type"] == "done" || event["type"] == "processor/failed")
    });
    let failed = events.iter().find(|event| event["type"] == "processor/failed");
    assert!(failed.is_none(), "{path}: {:#}", failed.unwrap()["payload"]);
    events
        .iter()
        .filter(|event| event["type"] == "value" || event["type"] == "thrown")
        .map(|event| event["payload"]["value"].clone())
        .collect()
}

fn answer(asked: &Asked, to: &mut Answering) {
    match asked.path() {
        "/text" => {
            to.whole("200 Fine", &[("content-type", "text/plain"), ("x-a", "1"), ("x-a", "2")], b"hello")
        }
        "/mirror" => to.json("200 OK", &asked.shown()),
        "/missing" => to.json("404 Not Found", &json!({"error": "no"})),
        "/empty" => to.whole("204 No Content", &[], b""),
        "/moved" => to.whole("302 Found", &[("location", "/text")], b"elsewhere"),
        "/away" => to.whole("307 Temporary Redirect", &[("location", "/mirror")], b""),
        "/large" => to.whole("200 OK", &[], &vec![b'x'; 3_000_000]),
        "/held" => {
            to.begin("text/plain", &[]);
            to.chunk(b"first");
            to.hold();
            to.chunk(b"last");
            to.end();
        }
        "/cut" => {
            to.begin("text/plain", &[]);
            to.chunk(b"first");
            to.hold();
        }
        "/never" => to.hold_until_gone(),
        "/trickle" => {
            to.begin("text/plain", &[]);
            to.chunk(b"first");
            to.hold_until_gone();
        }
        "/events" => events(asked, to),
        path => panic!("nothing is at {path}"),
    }
}

fn events(asked: &Asked, to: &mut Answering) {
    to.begin("text/event-stream", &[]);
    match asked.header("last-event-id") {
        None => to.chunk(b"retry: 10\n\nid: 7\ndata: a\ndata: b\n\nevent: named\ndata: c\n\n: nothing\n"),
        Some(id) => to.chunk(format!("data: since {id}\n\n").as_bytes()),
    }
    to.end();
}

#[test]
fn answers_come_whole() {
    let origin = Origin::start(answer);
    let (_server, millrace) = open();
    let cases: [(&str, &str, Value); 10] = [
        (
            "/text",
            "const r = await fetch(url + '/text'); await emit('value', [r.status, r.statusText, r.ok, r.redirected, r.url === url + '/text', r.headers.get('x-a'), await r.text()]);",
            json!([[200, "Fine", true, false, true, "1, 2", "hello"]]),
        ),
        (
            "/post",
            "const r = await (await fetch(url + '/mirror?a=1', { method: 'post', headers: { 'X-B': 'c' }, body: JSON.stringify({ d: 1 }) })).json(); await emit('value', [r.method, r.target, r.headers['x-b'], r.headers['content-type'], r.headers.accept, r.body]);",
            json!([["POST", "/mirror?a=1", "c", "text/plain;charset=UTF-8", "*/*", "{\"d\":1}"]]),
        ),
        (
            "/missing",
            "const r = await fetch(url + '/missing'); await emit('value', [r.ok, r.status, await r.json()]);",
            json!([[false, 404, {"error": "no"}]]),
        ),
        (
            "/empty",
            "const r = await fetch(url + '/empty'); await emit('value', [r.status, r.body, await r.text()]);",
            json!([[204, null, ""]]),
        ),
        (
            "/head",
            "const r = await fetch(url + '/text', { method: 'HEAD' }); await emit('value', [r.status, r.body]);",
            json!([[200, null]]),
        ),
        (
            "/large",
            "const r = await fetch(url + '/large'); let bytes = 0, pieces = 0; for await (const piece of r.body) { bytes += piece.length; pieces += 1; } await emit('value', [bytes, pieces > 5]);",
            json!([[3_000_000, true]]),
        ),
        (
            "/follow",
            "const r = await fetch(url + '/moved'); await emit('value', [r.status, r.redirected, r.url === url + '/text', await r.text()]);",
            json!([[200, true, true, "hello"]]),
        ),
        (
            "/manual",
            "const r = await fetch(url + '/moved', { redirect: 'manual' }); await emit('value', [r.status, r.headers.get('location'), await r.text()]);",
            json!([[302, "/text", "elsewhere"]]),
        ),
        (
            "/error",
            "await fetch(url + '/moved', { redirect: 'error' });",
            json!([["TypeError", "~redirect", "redirect-refused"]]),
        ),
        (
            "/again",
            "const r = await (await fetch(url + '/away', { method: 'POST', body: 'again' })).json(); await emit('value', [r.method, r.body]);",
            json!([["POST", "again"]]),
        ),
    ];
    for (path, body, _) in &cases {
        go(&millrace, path, &origin.url(""), body);
    }
    for (path, _, expected) in cases {
        assert_subset(path, &Value::Array(values(&millrace, path)), &expected);
    }
}

#[test]
fn an_answer_streams_while_it_is_being_sent() {
    let origin = Origin::start(answer);
    let (_server, millrace) = open();
    let body = "const r = await fetch(url + '/held'); const decoder = new TextDecoder(); for await (const piece of r.body) await emit('value', decoder.decode(piece));";
    go(&millrace, "/held", &origin.url(""), body);
    let first = millrace.wait_type("/held", "value");
    assert_eq!(first["payload"]["value"], "first", "it is here while the server holds the rest");
    origin.release();
    assert_eq!(values(&millrace, "/held"), [json!("first"), json!("last")]);
}

#[test]
fn a_connection_that_is_cut_is_an_error_of_the_body() {
    let origin = Origin::start(answer);
    let (_server, millrace) = open();
    let body = "const reader = (await fetch(url + '/cut')).body.getReader(); await emit('value', (await reader.read()).value.length); await reader.read();";
    go(&millrace, "/cut", &origin.url(""), body);
    millrace.wait_type("/cut", "value");
    origin.release();
    let expected = json!([5, ["TypeError", "~fetch failed: ", "connection-broken"]]);
    assert_subset("/cut", &Value::Array(values(&millrace, "/cut")), &expected);
}

#[test]
fn an_abort_ends_the_request_at_every_stage() {
    let cases = [
        (
            "/before",
            "await fetch(url + '/text', { signal: AbortSignal.abort(new Error('mine')) });",
            json!([["Error", "mine", null]]),
            false,
        ),
        (
            "/head",
            "await fetch(url + '/never', { signal: AbortSignal.timeout(500) });",
            json!([["TimeoutError", "~timed out", null]]),
            true,
        ),
        (
            "/body",
            "const stop = new AbortController(); const r = await fetch(url + '/trickle', { signal: stop.signal }); const reader = r.body.getReader(); await reader.read(); setTimeout(() => stop.abort(), 20); await reader.read();",
            json!([["AbortError", "~abort", null]]),
            true,
        ),
        (
            "/cancel",
            "const r = await fetch(url + '/trickle'); const reader = r.body.getReader(); await reader.read(); await reader.cancel(); await emit('value', 'cancelled');",
            json!(["cancelled"]),
            true,
        ),
    ];
    let (_server, millrace) = open();
    for (path, body, expected, reaches) in cases {
        let origin = Origin::start(answer);
        go(&millrace, path, &origin.url(""), body);
        assert_subset(path, &Value::Array(values(&millrace, path)), &expected);
        if reaches {
            // The other side sees that nobody is there any more.
            origin.wait();
        }
    }
}

#[test]
fn the_end_of_a_hook_or_of_its_processor_ends_its_requests() {
    let (_server, millrace) = open();
    let origin = Origin::start(answer);
    let script = script(&origin.url(""), "await fetch(url + '/never');");
    // Long enough for the request to arrive on a machine that has much else to do.
    go_with(&millrace, "/late", json!({"slug": "s", "script": script, "limits": {"timeoutMs": 2000}}));
    let failed = millrace.wait_type("/late", "processor/failed");
    assert_subset("/late", &failed["payload"], &json!({"phase": "afterAppend", "reason": "timeout"}));
    origin.wait();

    let origin = Origin::start(answer);
    go(&millrace, "/removed", &origin.url(""), "await fetch(url + '/never');");
    origin.wait_asked();
    millrace.append("/removed", json!({"type": "processor/removed", "payload": {"slug": "s"}}));
    origin.wait();
}

#[test]
fn a_request_streams_what_it_sends() {
    let origin = Origin::start(answer);
    let (_server, millrace) = open();
    let body = "const pieces = ['a', 'b', 'c'].map((text) => new TextEncoder().encode(text.repeat(100_000))); const r = await (await fetch(url + '/mirror', { method: 'POST', duplex: 'half', body: ReadableStream.from(pieces) })).json(); await emit('value', [r.headers['transfer-encoding'], r.body.length, r.body[0], r.body.at(-1)]);";
    go(&millrace, "/upload", &origin.url(""), body);
    assert_eq!(values(&millrace, "/upload"), [json!(["chunked", 300_000, "a", "c"])]);
    let body = "const broken = new ReadableStream({ pull(c) { c.error(new RangeError('my own')); } }); await fetch(url + '/mirror', { method: 'POST', duplex: 'half', body: broken });";
    go(&millrace, "/broken", &origin.url(""), body);
    assert_eq!(values(&millrace, "/broken"), [json!(["RangeError", "my own", null])]);
}

#[test]
fn what_egress_does_not_allow_is_a_type_error() {
    let origin = Origin::start(answer);
    let (_server, millrace) = open();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refused = json!([["TypeError", "~fetch failed: ", "egress-refused"]]);
    go(&millrace, "/metadata", "http://169.254.169.254", "await fetch(url + '/latest');");
    assert_subset("/metadata", &Value::Array(values(&millrace, "/metadata")), &refused);
    go(
        &millrace,
        "/socket",
        "ws://169.254.169.254/",
        "const s = new WebSocket(url); const e = await new Promise((done) => { s.onerror = done; }); throw new TypeError(e.message);",
    );
    let expected = json!([["TypeError", "~169.254.169.254", null]]);
    assert_subset("/socket", &Value::Array(values(&millrace, "/socket")), &expected);
    go(&millrace, "/closed", &format!("http://{closed}"), "await fetch(url);");
    let expected = json!([["TypeError", "~fetch failed: ", "connect-failed"]]);
    assert_subset("/closed", &Value::Array(values(&millrace, "/closed")), &expected);

    let narrowed = script(&origin.url(""), "await fetch(url + '/text');");
    let configured = json!({"slug": "s", "script": narrowed, "egress": {"allow": ["api.openai.com"]}});
    go_with(&millrace, "/narrowed", configured);
    assert_subset("/narrowed", &Value::Array(values(&millrace, "/narrowed")), &refused);
    assert!(origin.asked().is_empty(), "nothing has left the server");
    let allowed = script(&origin.url(""), "await emit('value', await (await fetch(url + '/text')).text());");
    let allow = origin.address.to_string();
    go_with(&millrace, "/allowed", json!({"slug": "s", "script": allowed, "egress": {"allow": [allow]}}));
    assert_eq!(values(&millrace, "/allowed"), [json!("hello")]);
}

#[test]
fn fetches_are_bounded() {
    let origin = Origin::start(answer);
    let (_server, millrace) = open();
    let body = "const all = await Promise.allSettled([1, 2, 3].map(() => fetch(url + '/never', { signal: AbortSignal.timeout(100) }))); await emit('value', all.map((one) => one.reason.name));";
    let configured =
        json!({"slug": "s", "script": script(&origin.url(""), body), "limits": {"pendingFetches": 2}});
    go_with(&millrace, "/bounded", configured);
    assert_eq!(values(&millrace, "/bounded"), [json!(["TimeoutError", "TimeoutError", "RangeError"])]);
    // An answer whose body nobody reads any more gives its place back.
    let body = "for (let n = 0; n < 20; n += 1) if ((await fetch(url + '/large')).status !== 200) throw new Error('no'); await emit('value', 'all');";
    let configured =
        json!({"slug": "s", "script": script(&origin.url(""), body), "limits": {"pendingFetches": 4}});
    go_with(&millrace, "/unread", configured);
    assert_eq!(values(&millrace, "/unread"), [json!("all")]);
}

#[test]
fn events_of_a_source_come_over_reconnections() {
    let origin = Origin::start(answer);
    let (_server, millrace) = open();
    let body = "const source = new EventSource(url + '/events'); const seen = []; await new Promise((done) => { source.onopen = () => seen.push('open'); source.addEventListener('named', (e) => seen.push([e.type, e.data, e.lastEventId])); source.onmessage = (e) => { seen.push(e.data); if (seen.at(-1) === 'since 7') done(); }; source.onerror = () => seen.push(['error', source.readyState]); }); source.close(); await emit('value', [...seen, source.readyState]);";
    go(&millrace, "/source", &origin.url(""), body);
    let expected = json!([["open", "a\nb", ["named", "c", "7"], ["error", 0], "open", "since 7", 2]]);
    assert_subset("/source", &Value::Array(values(&millrace, "/source")), &expected);
    let body = "const source = new EventSource(url + '/text'); await new Promise((done) => { source.onerror = done; }); await emit('value', source.readyState);";
    go(&millrace, "/no-source", &origin.url(""), body);
    assert_eq!(values(&millrace, "/no-source"), [json!(2)]);
}

/// A server of WebSockets that sends back what it gets, and closes at `bye`.
fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let Ok(mut socket) = tungstenite::accept(socket) else { return };
                while let Ok(message) = socket.read() {
                    match message {
                        Message::Text(text) if text.as_str() == "bye" => {
                            let reason = tungstenite::protocol::CloseFrame {
                                code: 4001.into(),
                                reason: "so long".into(),
                            };
                            let _ = socket.close(Some(reason));
                        }
                        Message::Text(text) if text.as_str() == "cut" => return,
                        Message::Text(_) | Message::Binary(_) => {
                            let _ = socket.send(message);
                        }
                        _ => {}
                    }
                }
            });
        }
    });
    format!("ws://{address}")
}

#[test]
fn sockets_talk_both_ways() {
    let url = echo();
    let (_server, millrace) = open();
    let open = "const s = new WebSocket(url); s.binaryType = 'arraybuffer'; await new Promise((done, failed) => { s.onopen = done; s.onerror = failed; }); const closed = new Promise((done) => { s.onclose = (e) => done([e.code, e.reason, e.wasClean, s.readyState]); });";
    let talk = "const next = () => new Promise((done) => { s.onmessage = (e) => done(e.data); });";
    let cases: [(&str, &str, Value); 4] = [
        (
            "/echo",
            "s.send('hé'); const text = await next(); s.send(new Uint8Array([1, 2, 255])); const bytes = await next(); s.send('x'.repeat(1_000_000)); const before = s.bufferedAmount; const long = await next(); s.close(3000, 'enough'); await emit('value', [s.url === url + '/', text, [...new Uint8Array(bytes)], before, long.length, s.bufferedAmount, await closed]);",
            json!([[true, "hé", [1, 2, 255], 1_000_000, 1_000_000, 0, [3000, "enough", true, 3]]]),
        ),
        ("/bye", "s.send('bye'); await emit('value', await closed);", json!([[4001, "so long", true, 3]])),
        (
            "/cut",
            "s.onerror = null; s.send('cut'); await emit('value', await closed);",
            json!([[1006, "", false, 3]]),
        ),
        (
            "/blob",
            "s.binaryType = 'blob'; s.send(new Uint8Array([7])); const blob = await next(); await emit('value', [blob instanceof Blob, [...await blob.bytes()]]); s.close(); await emit('value', await closed);",
            json!([[true, [7]], [1005, "", true, 3]]),
        ),
    ];
    for (path, body, expected) in cases {
        go(&millrace, path, &url, &format!("{open} {talk} {body}"));
        assert_subset(path, &Value::Array(values(&millrace, path)), &expected);
    }
}
