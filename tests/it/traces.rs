//! Traces: what a collector is sent, from a client's append to the reaction and to what that appends.

use serde_json::{Value, json};

use crate::harness::{Origin, Server};

/// All spans that were exported, with their attributes as an object.
fn spans(asked: &[crate::harness::Asked]) -> Vec<Value> {
    let exports = asked.iter().filter(|asked| asked.path() == "/v1/traces");
    exports.flat_map(|asked| spans_of(&asked.json())).collect()
}

fn spans_of(document: &Value) -> Vec<Value> {
    let spans =
        document["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().cloned().unwrap_or_default();
    spans
        .into_iter()
        .map(|mut span| {
            let attributes = span["attributes"].as_array().cloned().unwrap_or_default();
            let pairs = attributes.iter().map(|attribute| {
                let value = &attribute["value"];
                let text = value["intValue"].as_str().or(value["stringValue"].as_str()).unwrap_or_default();
                (attribute["key"].as_str().unwrap_or_default().to_string(), json!(text))
            });
            span["attributes"] = Value::Object(pairs.collect());
            span
        })
        .collect()
}

fn find<'a>(spans: &'a [Value], name: &str, attributes: &[(&str, &str)]) -> Option<&'a Value> {
    spans.iter().find(|span| {
        let has = |(key, value): &(&str, &str)| span["attributes"][format!("millrace.{key}")] == *value;
        span["name"] == name && attributes.iter().all(has)
    })
}

#[test]
fn from_an_append_to_what_follows_from_it() {
    let collector = Origin::start(|_, to| to.json("200 OK", &json!({})));
    let mut server = Server::start_with(
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url("")),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=a%20b"),
            ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=test"),
        ],
        &["--egress-allow", "127.0.0.1"],
    );
    let client = server.client("traced");
    client.deploy("/a", "pong", &script(&collector.url("/called?with=a-secret")));
    let traced = crate::harness::post("/api/streams/a", json!({"type": "ping"}))
        .header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .answers(200, json!({}));
    client.run([traced]);
    let pong = client.wait_type("/a", "pong")["offset"].to_string();
    client.append("/a", json!({"type": "bad"}));
    client.wait_type("/a", "processor/failed");
    let asked = collector.wait_asked_until("the spans", |asked| {
        let spans = spans(asked);
        assert!(asked.iter().all(|asked| ["/v1/traces", "/called"].contains(&asked.path())));
        find(&spans, "react", &[("type", "pong")]).is_some()
            && find(&spans, "react", &[("type", "bad")]).is_some()
    });
    let export = asked.iter().find(|asked| asked.path() == "/v1/traces").unwrap();
    assert_eq!(export.header("content-type"), Some("application/json"));
    assert_eq!(export.header("x-key"), Some("a b"));
    let resource = &export.json()["resourceSpans"][0]["resource"]["attributes"];
    assert_eq!(
        *resource,
        json!([
            {"key": "deployment.environment", "value": {"stringValue": "test"}},
            {"key": "service.name", "value": {"stringValue": "millrace"}},
        ])
    );

    // One trace, each span below the one that led to it.
    let spans = spans(&asked);
    let mut parent = json!("b7ad6b7169203331");
    let ping = (pong.parse::<u64>().unwrap() - 1).to_string();
    let chain = [
        ("request", vec![("method", "POST")]),
        ("append", vec![("offset", ping.as_str())]),
        ("commit", vec![("first", ping.as_str()), ("last", ping.as_str())]),
        ("react", vec![("offset", ping.as_str()), ("type", "ping"), ("slug", "pong")]),
        ("fetch", vec![("method", "GET"), ("host", "127.0.0.1"), ("status", "200")]),
        ("append", vec![("offset", pong.as_str())]),
        ("commit", vec![("first", pong.as_str())]),
        ("react", vec![("offset", pong.as_str()), ("type", "pong")]),
    ];
    for (name, attributes) in chain {
        let span = find_all(&spans, &attributes)
            .into_iter()
            .find(|span| span["name"] == name && span["parentSpanId"] == parent)
            .unwrap_or_else(|| panic!("no {name} below {parent}: {spans:#?}"));
        assert_eq!(span["traceId"], "0af7651916cd43dd8448eb211c80319c", "{name}");
        let nanos = |key: &str| span[key].as_str().unwrap().parse::<u64>().unwrap();
        assert!(nanos("startTimeUnixNano") <= nanos("endTimeUnixNano"), "{span:#}");
        assert_eq!(span["status"], json!({}), "{name}");
        if name == "fetch" {
            // It ends; what comes next is the reaction's.
            assert!(!span.to_string().contains("secret"), "{span:#}");
            continue;
        }
        assert_eq!(
            (&span["attributes"]["millrace.project"], &span["attributes"]["millrace.stream"]),
            (&json!("traced"), &json!("/a"))
        );
        parent = span["spanId"].clone();
    }
    let failed = find(&spans, "react", &[("type", "bad")]).unwrap();
    assert_eq!(failed["status"], json!({"code": 2, "message": "the processor failed: Error: on purpose"}));

    // What is still there at the end of the server is sent.
    client.append("/b", json!({"type": "last"}));
    assert!(server.terminate().success());
    let spans = self::spans(&collector.asked());
    assert!(find(&spans, "append", &[("stream", "/b")]).is_some(), "{spans:#?}");
}

fn find_all<'a>(spans: &'a [Value], attributes: &[(&str, &str)]) -> Vec<&'a Value> {
    let has =
        |span: &Value, (key, value): &(&str, &str)| span["attributes"][format!("millrace.{key}")] == *value;
    spans.iter().filter(|span| attributes.iter().all(|pair| has(span, pair))).collect()
}

fn script(url: &str) -> String {
    format!(
        "export default {{
  async afterAppend({{ event, append }}) {{
    if (event.type === 'bad') throw new Error('on purpose');
    if (event.type !== 'ping') return;
    await fetch('{url}');
    await append({{ type: 'pong' }});
  }},
}}"
    )
}

#[test]
fn a_collector_that_is_not_there() {
    let mut server = Server::start_with(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")], &[]);
    let client = server.client("untraced");
    client.append("/a", json!({"type": "x"}));
    assert!(server.terminate().success());
    assert!(server.log().contains("traces cannot be exported"), "{}", server.log());
    let server = Server::start_with(
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")],
        &[],
    );
    server.client("untraced").append("/a", json!({"type": "x"}));
    assert!(server.log().contains("set it to http/json"), "{}", server.log());
}
