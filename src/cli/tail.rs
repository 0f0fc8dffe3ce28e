//! `millrace tail` and `millrace logs`: a stream's events on the terminal.

use serde::Deserialize;

use super::client::{self, Client, Events, Follow, Query};
use super::failure::Failure;
use super::terminal::{self, Paint, Style, harmless};
use super::wire::Received;
use crate::config::{Logs, Remote, Selection, Tail};
use crate::event::{Kind, StreamPath};

pub async fn tail(remote: &Remote, options: &Tail) -> Result<(), Failure> {
    let client = client::connect(remote)?;
    show(&client, &options.path, &options.selection, Look::of(remote, Received::describe)).await
}

pub async fn logs(remote: &Remote, options: &Logs) -> Result<(), Failure> {
    let client = client::connect(remote)?;
    let path = options.path.logs_of(&options.slug).map_err(Failure::Usage)?;
    let mut selection = options.selection.clone();
    if selection.types.is_empty() {
        selection.types.push(Kind::ProcessorLogged.name().to_string());
    }
    match show(&client, &path, &selection, Look::of(remote, describe_log)).await {
        Err(Failure::NotFound(_)) => Err(Failure::failed(format!(
            "processor `{}` on {} has logged nothing: `millrace processors {}` lists the processors there, and --follow waits for the first line",
            options.slug, options.path, options.path
        ))),
        done => done,
    }
}

/// How events are shown.
struct Look {
    json: bool,
    paint: Paint,
    width: Option<usize>,
    describe: fn(&Received, Paint, Option<usize>) -> String,
}

impl Look {
    fn of(remote: &Remote, describe: fn(&Received, Paint, Option<usize>) -> String) -> Look {
        Look { json: remote.json, paint: Paint::stdout(), width: terminal::width(), describe }
    }

    fn print(&self, events: &[Received]) -> Result<(), Failure> {
        let lines: Vec<String> = events.iter().map(|event| self.line(event)).collect();
        Ok(terminal::print(&lines.join("\n"))?)
    }

    fn line(&self, event: &Received) -> String {
        if self.json { event.line.clone() } else { (self.describe)(event, self.paint, self.width) }
    }
}

async fn show(client: &Client, path: &StreamPath, selection: &Selection, look: Look) -> Result<(), Failure> {
    let query = Query {
        after: selection.after.into(),
        types: selection.types.clone(),
        limit: selection.limit,
        live: selection.follow,
    };
    let mut source = match selection.follow {
        true => Source::Live(client::follow(client, path, query).await?),
        false => Source::Finite(client.read(path, &query).await?),
    };
    let mut left = selection.limit.unwrap_or(u64::MAX);
    while left > 0 {
        let Some(mut batch) = source.next().await? else { return Ok(()) };
        batch.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        left -= batch.len() as u64;
        look.print(&batch)?;
    }
    Ok(())
}

enum Source {
    Live(Follow),
    Finite(Events),
}

impl Source {
    async fn next(&mut self) -> Result<Option<Vec<Received>>, Failure> {
        match self {
            Source::Live(follow) => Ok(Some(follow.next().await?)),
            Source::Finite(events) => Ok(events.next().await?),
        }
    }
}

#[derive(Deserialize)]
struct LogLine {
    level: String,
    message: String,
    offset: Option<u64>,
}

/// A log line as its author wrote it, with the event that the processor was busy with.
fn describe_log(event: &Received, paint: Paint, width: Option<usize>) -> String {
    let Some(log) = event.payload_as::<LogLine>() else { return event.describe(paint, width) };
    let style = match log.level.as_str() {
        "error" => Style::Bad,
        "warn" => Style::Warning,
        _ => Style::Name,
    };
    // Line breaks are the author's own; whatever else controls a terminal is not obeyed.
    let message: Vec<String> = log.message.lines().map(harmless).collect();
    let about = log.offset.map(|offset| format!(" (event {offset})")).unwrap_or_default();
    format!(
        "{}  {}  {}{}",
        paint.paint(Style::Faint, &harmless(&event.created_at)),
        paint.paint(style, &format!("{:<5}", harmless(&log.level))),
        message.join("\n"),
        paint.paint(Style::Faint, &about)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_line() {
        let event = Received::parse(
            r#"{"type":"processor/logged","payload":{"level":"warn","message":"a\n\tb\u001b[2J","offset":7},"offset":2,"createdAt":"2023-11-14T22:13:20.123Z"}"#,
        )
        .unwrap();
        assert_eq!(
            describe_log(&event, Paint::plain(), None),
            "2023-11-14T22:13:20.123Z  warn   a\n\\tb\\u{1b}[2J (event 7)"
        );
    }
}
