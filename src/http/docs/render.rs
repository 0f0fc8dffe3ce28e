//! Event type documentation as Markdown, HTML and JSON.

use std::fmt::Write;

use serde_json::{Value, json};

use super::page::{self, escape};
use super::table::{EventDoc, Field, doc};
use super::{Doc, Format};
use crate::event::Kind;

pub fn one(kind: Kind, format: Format) -> Doc {
    let doc = doc(kind);
    let body = match format {
        Format::Markdown => markdown(kind, &doc),
        Format::Html => page::whole(kind.name(), &html(kind, &doc)),
        Format::Json => pretty(&value(kind, &doc)),
    };
    Doc { content_type: format.content_type(), body }
}

pub fn index(format: Format) -> Doc {
    let body = match format {
        Format::Markdown => {
            let lines = Kind::ALL.iter().map(|kind| format!("- `{}`: {}\n", kind.name(), doc(*kind).summary));
            format!("# Built-in event types\n\n{INTRODUCTION}\n\n{}", lines.collect::<String>())
        }
        Format::Html => page::whole("Built-in event types", &html_index()),
        Format::Json => {
            pretty(&Kind::ALL.iter().map(|kind| value(*kind, &doc(*kind))).collect::<Vec<_>>().into())
        }
    };
    Doc { content_type: format.content_type(), body }
}

const INTRODUCTION: &str = "An event's `type` may be any text. These types, and all others that begin with \
`stream/`, `schedule/`, `subscription/`, `transformer/`, `processor/` or `renderer/`, are the server's own: their \
payloads are strict, and they have an effect. What does not fit is stored as `stream/invalid-event-appended`.";

fn markdown(kind: Kind, doc: &EventDoc) -> String {
    let mut text = format!("# {}\n\n{}\n\n", kind.name(), doc.summary);
    let _ = write!(text, "**Appended by:** {}\n\n**Effect:** {}\n\n", doc.who, doc.effect);
    if let Some(original) = kind.original_name() {
        let _ = write!(text, "**Also accepted as:** `{original}`\n\n");
    }
    text.push_str("## Payload\n\n| field | type | required | rule |\n| --- | --- | --- | --- |\n");
    for field in doc.fields {
        let rule = field.rule.replace('|', "\\|");
        let _ = writeln!(text, "| `{}` | {} | {} | {rule} |", field.name, field.form, yes(field));
    }
    text.push_str("\nAny other field makes the event invalid.\n\n## Example\n\n");
    let _ = write!(text, "```json\n{}\n```\n", event(kind, doc));
    if doc.client {
        let _ = write!(text, "\n```sh\n{}\n```\n", curl(kind, doc));
    }
    text
}

fn html(kind: Kind, doc: &EventDoc) -> String {
    let mut text = format!("<p class=\"summary\">{}</p>\n<dl>\n", page::prose(doc.summary));
    let mut term = |name: &str, meaning: &str| {
        let _ = writeln!(text, "<dt>{name}</dt><dd>{meaning}</dd>");
    };
    term("Appended by", &page::prose(doc.who));
    term("Effect", &page::prose(doc.effect));
    if let Some(original) = kind.original_name() {
        term("Also accepted as", &format!("<code>{}</code>", escape(&original)));
    }
    text.push_str("</dl>\n<h2>Payload</h2>\n<table>\n<tr><th>Field<th>Type<th>Required<th>Rule</tr>\n");
    for field in doc.fields {
        let _ = writeln!(
            text,
            "<tr><td><code>{}</code><td>{}<td>{}<td>{}</tr>",
            field.name,
            field.form,
            yes(field),
            page::prose(field.rule)
        );
    }
    text.push_str("</table>\n<p>Any other field makes the event invalid.</p>\n<h2>Example</h2>\n");
    let _ = writeln!(text, "<pre>{}</pre>", escape(&event(kind, doc)));
    if doc.client {
        let _ = writeln!(text, "<pre>{}</pre>", escape(&curl(kind, doc)));
    }
    text.push_str("<p><a href=\"/docs/events\">All built-in event types</a></p>\n");
    text
}

fn html_index() -> String {
    let mut text = format!("<p>{}</p>\n<table>\n", page::prose(INTRODUCTION));
    for kind in Kind::ALL {
        let (name, summary) = (kind.name(), page::prose(doc(*kind).summary));
        let _ = writeln!(
            text,
            "<tr><td><a href=\"/docs/events/{name}\"><code>{name}</code></a><td>{summary}</tr>"
        );
    }
    text.push_str("</table>\n<p><a href=\"/api/docs\">The HTTP API</a></p>\n");
    text
}

fn value(kind: Kind, doc: &EventDoc) -> Value {
    let fields: Vec<Value> = doc
        .fields
        .iter()
        .map(|field| {
            json!({ "name": field.name, "type": field.form, "required": field.required, "rule": field.rule })
        })
        .collect();
    json!({
        "type": kind.name(),
        "originalType": kind.original_name(),
        "summary": doc.summary,
        "appendedBy": doc.who,
        "effect": doc.effect,
        "clientMayAppend": doc.client,
        "payload": fields,
        "example": { "type": kind.name(), "payload": example(doc) },
    })
}

fn yes(field: &Field) -> &'static str {
    if field.required { "yes" } else { "no" }
}

fn example(doc: &EventDoc) -> Value {
    serde_json::from_str(doc.example).expect("the table's examples are JSON, as its tests show")
}

fn event(kind: Kind, doc: &EventDoc) -> String {
    pretty(&json!({ "type": kind.name(), "payload": example(doc) }))
}

/// A line to paste into a shell: single quotes end, are quoted, and begin again.
fn curl(kind: Kind, doc: &EventDoc) -> String {
    let event = json!({ "type": kind.name(), "payload": example(doc) }).to_string().replace('\'', "'\\''");
    format!("curl --json '{event}' http://127.0.0.1:4777/api/streams/me/hello")
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("a JSON value has a text")
}
