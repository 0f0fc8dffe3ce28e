//! Spans as the JSON of OTLP: identifiers in hexadecimal, times as texts.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::span::{Context, SpanRecord};

/// The kinds of spans, as OTLP numbers them.
const INTERNAL: u8 = 1;
const SERVER: u8 = 2;
const CLIENT: u8 = 3;
const CONSUMER: u8 = 5;
/// The fields that are numbers.
const NUMBERS: [&str; 5] = ["first", "inputs", "last", "offset", "status"];
/// The status of a span that failed.
const FAILED: u8 = 2;

pub fn document(resource: &[(String, String)], spans: &[SpanRecord]) -> Value {
    let resource: Vec<Value> = resource
        .iter()
        .map(|(name, value)| json!({ "key": name, "value": { "stringValue": value } }))
        .collect();
    json!({
        "resourceSpans": [{
            "resource": { "attributes": resource },
            "scopeSpans": [{
                "scope": { "name": "millrace", "version": env!("CARGO_PKG_VERSION") },
                "spans": spans.iter().map(span).collect::<Vec<_>>(),
            }],
        }],
    })
}

fn span(record: &SpanRecord) -> Value {
    let kind = match record.name {
        "request" => SERVER,
        "fetch" => CLIENT,
        "react" => CONSUMER,
        _ => INTERNAL,
    };
    let attributes: Vec<Value> = record.fields.shown.iter().map(|(name, value)| field(name, value)).collect();
    let links: Vec<Value> = record.links.iter().map(link).collect();
    let mut span = json!({
        "traceId": hex(&record.context.trace),
        "spanId": hex(&record.context.span),
        "name": record.name,
        "kind": kind,
        "startTimeUnixNano": record.started.to_string(),
        "endTimeUnixNano": record.ended.to_string(),
        "attributes": attributes,
        "links": links,
        "status": {},
    });
    if let Some(parent) = record.parent {
        span["parentSpanId"] = hex(&parent).into();
    }
    if let Some(error) = &record.fields.error {
        span["status"] = json!({ "code": FAILED, "message": error });
    }
    span
}

fn link(context: &Context) -> Value {
    json!({ "traceId": hex(&context.trace), "spanId": hex(&context.span) })
}

fn field(name: &str, value: &str) -> Value {
    // 64 bits are a text in this JSON.
    let kind = if NUMBERS.contains(&name) { "intValue" } else { "stringValue" };
    json!({ "key": format!("millrace.{name}"), "value": { kind: value } })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
