//! `millrace simulate`: what a processor's files would do over the history of a stream, and how that differs from what
//! the live version did.

use std::fs;

use millrace_bundler::Diagnostic;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::client;
use super::diagnosis;
use super::failure::Failure;
use super::sources::Sources;
use super::terminal::{self, Paint, Style, harmless};
use crate::config::{self, Cursor, Remote};
use crate::event::Slug;
use crate::event::builtin::{ProcessorFailed, Typecheck};

/// Differences of each kind that a person is shown.
const SHOWN_MAX: usize = 10;

pub async fn simulate(remote: &Remote, options: &config::Simulate) -> Result<(), Failure> {
    let sources = Sources::open(&options.file)?;
    let slug = match &options.slug {
        Some(slug) => slug.clone(),
        None => sources.slug(&options.file)?,
    };
    let body = body(options, &slug, &sources)?;
    let text = client::connect_patiently(remote)?.simulate(&options.stream, body.to_string()).await?;
    let answer: Answer = serde_json::from_str(&text).map_err(|error| {
        Failure::failed(format!("this server describes simulations in another form: {error}"))
    })?;
    if remote.json {
        terminal::print(&text)?;
    }
    let (paint, to_stderr) = (Paint::stdout(), Paint::stderr());
    for diagnostic in &answer.diagnostics {
        terminal::remark(&diagnosis::of_diagnostic(diagnostic, &sources, to_stderr));
    }
    for failure in answer.failures.iter().take(SHOWN_MAX) {
        terminal::remark(&diagnosis::of_failure(failure, &sources, to_stderr));
    }
    if !remote.json {
        terminal::print(&answer.told(paint))?;
    }
    answer.verdict(&slug)
}

fn body(options: &config::Simulate, slug: &Slug, sources: &Sources) -> Result<Value, Failure> {
    let mut body = Map::new();
    body.insert("slug".into(), slug.as_str().into());
    for (member, code) in sources.members() {
        body.insert(member.into(), code);
    }
    if let Some(typecheck) = options.typecheck.filter(|_| sources.is_project()) {
        body.insert("typecheck".into(), json!(Typecheck::from(typecheck)));
    }
    for (name, cursor) in [("afterOffset", options.after), ("beforeOffset", options.before)] {
        let cursor = match cursor {
            None => continue,
            Some(Cursor::Start) => "start".into(),
            Some(Cursor::End) => "end".into(),
            Some(Cursor::After(offset)) => json!(offset),
        };
        body.insert(name.into(), cursor);
    }
    if let Some(path) = &options.fetches {
        let text = fs::read_to_string(path)
            .map_err(|error| Failure::failed(format!("cannot read {}: {error}", path.display())))?;
        let answers: Value = serde_json::from_str(&text)
            .map_err(|error| Failure::failed(format!("{} is not JSON: {error}", path.display())))?;
        body.insert("fetches".into(), answers);
    }
    Ok(Value::Object(body))
}

/// The server's answer, as far as it is shown.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    outcome: String,
    stream_path: String,
    range: Range,
    state: Option<Value>,
    counts: Counts,
    #[serde(default)]
    cut: Option<String>,
    live: Option<Value>,
    difference: Option<Difference>,
    #[serde(default)]
    diagnostics: Vec<Diagnostic>,
    failures: Vec<ProcessorFailed>,
    took_ms: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Range {
    last_offset: u64,
    events: u64,
}

#[derive(Deserialize)]
struct Counts {
    appends: u64,
    fetches: u64,
    failures: u64,
}

#[derive(Deserialize)]
struct Difference {
    state: Option<Vec<Value>>,
    appends: Appends,
    failures: Failures,
}

#[derive(Deserialize)]
struct Appends {
    same: u64,
    changed: Told,
    missing: Told,
    extra: Told,
}

#[derive(Deserialize)]
struct Told {
    count: usize,
    first: Vec<Value>,
}

#[derive(Deserialize)]
struct Failures {
    fixed: Vec<u64>,
    new: Vec<u64>,
    same: Vec<u64>,
}

impl Answer {
    /// What failed where the live version did not; all of it, when there is none.
    fn is_worse(&self) -> bool {
        match (self.outcome.as_str(), &self.difference) {
            ("completed", _) => false,
            ("failed", Some(difference)) => {
                !difference.failures.new.is_empty()
                    || self.failures.iter().any(|failure| failure.cause.is_none())
            }
            _ => true,
        }
    }

    fn verdict(&self, slug: &Slug) -> Result<(), Failure> {
        if !self.is_worse() {
            return Ok(());
        }
        Err(Failure::failed(match self.outcome.as_str() {
            "compile-failed" => format!("processor `{slug}` does not compile"),
            "load-failed" => format!("processor `{slug}` does not load"),
            "suspended" => format!(
                "processor `{slug}` would be suspended at event {}: too much of it fails in a row",
                self.range.last_offset
            ),
            _ if self.difference.is_some() => {
                format!("processor `{slug}` fails where the live version did not")
            }
            _ => format!("processor `{slug}` fails"),
        }))
    }

    fn told(&self, paint: Paint) -> String {
        let mut lines = vec![self.headline(paint)];
        match &self.difference {
            Some(difference) => difference.tell(paint, &mut lines),
            None => {
                lines.push("state".into());
                let state = self.state.as_ref().map(Value::to_string).unwrap_or_else(|| "none".into());
                lines.push(format!("  {}", harmless(&state)));
            }
        }
        if let Some(cut) = &self.cut {
            lines.push(paint.paint(Style::Warning, &harmless(cut)));
        }
        lines.join("\n")
    }

    fn headline(&self, paint: Paint) -> String {
        let Counts { appends, fetches, failures } = &self.counts;
        let style = if self.is_worse() { Style::Bad } else { Style::Good };
        let beside = match self.live {
            Some(_) => "",
            None => ", with no live version beside it",
        };
        format!(
            "{} {} events of {} up to {} in {} ms{beside}: {}, {}, {}",
            paint.paint(style, &self.outcome),
            self.range.events,
            self.stream_path,
            self.range.last_offset,
            self.took_ms,
            counted(*appends, "append"),
            counted(*fetches, "request"),
            counted(*failures, "failure"),
        )
    }
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

impl Difference {
    fn tell(&self, paint: Paint, lines: &mut Vec<String>) {
        let Appends { same, changed, missing, extra } = &self.appends;
        lines.push(format!(
            "appends: {same} as the live version's, {} changed, {} missing, {} extra",
            changed.count, missing.count, extra.count
        ));
        for told in changed.first.iter().take(SHOWN_MAX) {
            let head =
                format!("event {} {} on {}", told["causeOffset"], text(&told["type"]), text(&told["path"]));
            let (live, candidate) = (&told["live"]["payload"], &told["candidate"]["payload"]);
            lines.push(paint.paint(Style::Bad, &format!("  - {head} {}", harmless(&live.to_string()))));
            lines.push(paint.paint(Style::Good, &format!("  + {head} {}", harmless(&candidate.to_string()))));
        }
        for (sign, style, told) in [("-", Style::Bad, missing), ("+", Style::Good, extra)] {
            for told in told.first.iter().take(SHOWN_MAX) {
                let event = &told["event"];
                let line = format!(
                    "  {sign} event {} {} on {} {}",
                    told["causeOffset"],
                    text(&event["type"]),
                    text(&told["path"]),
                    harmless(&event["payload"].to_string())
                );
                lines.push(paint.paint(style, &line));
            }
        }
        match self.state.as_deref() {
            None => lines.push("state: there is none of the live version to compare".into()),
            Some([]) => lines.push("state: the same".into()),
            Some(changes) => {
                lines.push("state: from the live version's to this one's".into());
                lines.extend(changes.iter().take(SHOWN_MAX).map(shown_change));
                if changes.len() > SHOWN_MAX {
                    lines.push(format!("  and {} more changes", changes.len() - SHOWN_MAX));
                }
            }
        }
        let Failures { fixed, new, same } = &self.failures;
        for (what, events) in [("fixed", fixed), ("new", new), ("as before", same)] {
            if !events.is_empty() {
                let shown: Vec<String> = events.iter().take(SHOWN_MAX).map(u64::to_string).collect();
                let more = if events.len() > SHOWN_MAX { " …" } else { "" };
                lines.push(format!("failures {what}: at event {}{more}", shown.join(", ")));
            }
        }
    }
}

fn shown_change(change: &Value) -> String {
    let value = change.get("value").map(|value| format!(" {}", harmless(&value.to_string())));
    format!("  {} {}{}", text(&change["op"]), text(&change["path"]), value.unwrap_or_default())
}

fn text(value: &Value) -> String {
    harmless(value.as_str().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(difference: Value) -> Answer {
        serde_json::from_value(json!({
            "outcome": "failed", "streamPath": "/a", "range": {"afterOffset": 0, "lastOffset": 9, "events": 9},
            "state": {"n": 2}, "counts": {"states": 1, "appends": 1, "fetches": 0, "failures": 1, "logs": 0},
            "live": {"version": "v"}, "difference": difference, "failures": [], "tookMs": 3,
        }))
        .unwrap()
    }

    #[test]
    fn a_difference_for_people() {
        let told = answer(json!({
            "state": [{"op": "replace", "path": "/n", "value": 2}],
            "appends": {
                "same": 1,
                "changed": {"count": 1, "first": [{"causeOffset": 4, "path": "/a", "type": "pong", "live": {"payload": {"n": 1}}, "candidate": {"payload": {"n": 2}}}]},
                "missing": {"count": 1, "first": [{"causeOffset": 5, "path": "/a", "event": {"type": "x", "payload": {}}}]},
                "extra": {"count": 0, "first": []},
            },
            "failures": {"fixed": [7], "new": [], "same": [8]},
        }))
        .told(Paint::plain());
        assert_eq!(
            told,
            "failed 9 events of /a up to 9 in 3 ms: 1 append, 0 requests, 1 failure\n\
             appends: 1 as the live version's, 1 changed, 1 missing, 0 extra\n\
             \x20 - event 4 pong on /a {\"n\":1}\n\
             \x20 + event 4 pong on /a {\"n\":2}\n\
             \x20 - event 5 x on /a {}\n\
             state: from the live version's to this one's\n\
             \x20 replace /n 2\n\
             failures fixed: at event 7\n\
             failures as before: at event 8"
        );
    }

    #[test]
    fn only_what_the_live_version_did_not_do_is_worse() {
        let nothing = json!({"count": 0, "first": []});
        let with = |new: Value| {
            answer(json!({
                "state": [], "appends": {"same": 0, "changed": nothing, "missing": nothing, "extra": nothing},
                "failures": {"fixed": [], "new": new, "same": [8]},
            }))
        };
        assert!(!with(json!([])).is_worse());
        assert!(with(json!([3])).is_worse());
        assert!(answer(Value::Null).is_worse());
    }
}
