//! What is wrong with a processor, as a compiler tells it: what, where, and the lines around.

use millrace_bundler::{Diagnostic, Severity, code_frame};
use serde::Deserialize;

use super::sources::Sources;
use super::terminal::{Paint, Style, harmless};
use crate::event::builtin::{FailureReason, Frame, Phase, ProcessorFailed};

/// Frames shown below the first; deeper ones are rarely where the mistake is.
const CALLERS_MAX: usize = 8;

/// The payload of `processor/compile-failed`, as far as it is shown.
#[derive(Deserialize)]
pub struct CompileFailed {
    pub diagnostics: Vec<Diagnostic>,
}

pub fn of_failure(failed: &ProcessorFailed, sources: &Sources, paint: Paint) -> String {
    let headline = format!("{}: {}", harmless(&failed.error.name), message(&failed.error.message));
    let mut text = headed(paint, Style::Bad, &format!("error[{}]", moment(failed)), &headline);
    if let Some(frame) = failed.error.frames.first() {
        let place = Place { file: &frame.file, line: frame.line, column: frame.column };
        text.push_str(&place.show(failed.error.snippet.as_deref(), sources, paint));
    }
    for frame in failed.error.frames.iter().skip(1).take(CALLERS_MAX) {
        text.push_str(&paint.paint(Style::Faint, &caller(frame, sources)));
        text.push('\n');
    }
    // The cause of a failure to load is its configuration, which says nothing new.
    if let Some(cause) = failed.cause.as_ref().filter(|_| failed.phase != Phase::Load) {
        let about =
            format!("  while it was busy with event {} of {}\n", cause.offset, harmless(&cause.stream_path));
        text.push_str(&paint.paint(Style::Faint, &about));
    }
    text
}

pub fn of_diagnostic(diagnostic: &Diagnostic, sources: &Sources, paint: Paint) -> String {
    let (word, style) = match diagnostic.severity {
        Severity::Error => ("error", Style::Bad),
        Severity::Warning => ("warning", Style::Warning),
    };
    let label = format!("{word}[{}]", harmless(&diagnostic.code));
    let mut text = headed(paint, style, &label, &message(&diagnostic.message));
    let place = Place { file: &diagnostic.file, line: diagnostic.line, column: diagnostic.column };
    text.push_str(&place.show(Some(&diagnostic.snippet), sources, paint));
    if let Some(hint) = &diagnostic.hint {
        text.push_str(&format!("  {} {}\n", paint.paint(Style::Name, "hint:"), message(hint)));
    }
    text
}

fn headed(paint: Paint, style: Style, label: &str, headline: &str) -> String {
    format!("{}{}\n", paint.paint(style, label), paint.paint(Style::Strong, &format!(": {headline}")))
}

/// When it failed, and of what, unless it was an ordinary exception.
fn moment(failed: &ProcessorFailed) -> String {
    let phase = match failed.phase {
        Phase::Load => "load",
        Phase::Reduce => "reduce",
        Phase::AfterAppend => "afterAppend",
        Phase::OnCaughtUp => "onCaughtUp",
        Phase::UnhandledRejection => "unhandled-rejection",
    };
    let reason = match failed.reason {
        FailureReason::Exception => return phase.to_string(),
        FailureReason::Timeout => "timeout",
        FailureReason::OutOfMemory => "out-of-memory",
        FailureReason::StackOverflow => "stack-overflow",
        FailureReason::Limit => "limit",
    };
    format!("{phase}/{reason}")
}

struct Place<'a> {
    file: &'a str,
    line: u32,
    column: u32,
}

impl Place<'_> {
    /// Where it is, and the code frame: of the file here when there is one, else as it was sent.
    fn show(&self, sent: Option<&str>, sources: &Sources, paint: Paint) -> String {
        let found = sources.find(self.file);
        let shown = found.map_or_else(|| harmless(self.file), |(shown, _)| shown.to_string());
        let mut text =
            format!("  {} {shown}:{}:{}\n", paint.paint(Style::Name, "-->"), self.line, self.column);
        let own = found.map(|(_, source)| code_frame(source, self.line, self.column));
        let frame = own.filter(|frame| !frame.is_empty()).or(sent.map(str::to_string)).unwrap_or_default();
        for row in frame.lines().map(harmless_row) {
            let style = if row.starts_with('>') { Style::Strong } else { Style::Faint };
            text.push_str(&format!("  {}\n", paint.paint(style, &row)));
        }
        text
    }
}

/// A tab is harmless, and the caret of a code frame stands below it.
fn harmless_row(row: &str) -> String {
    row.split('\t').map(harmless).collect::<Vec<_>>().join("\t")
}

fn caller(frame: &Frame, sources: &Sources) -> String {
    let shown =
        sources.find(&frame.file).map_or_else(|| harmless(&frame.file), |(shown, _)| shown.to_string());
    let function = frame.function.as_deref().map(|name| format!("{} ", harmless(name))).unwrap_or_default();
    format!("  called from {function}{shown}:{}:{}", frame.line, frame.column)
}

/// Messages may have several lines, all of which are the author's to read.
fn message(text: &str) -> String {
    text.lines().map(harmless).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_points_into_the_file_as_it_is_called_here() {
        let failed: ProcessorFailed = serde_json::from_str(
            r#"{"slug":"a","version":"v","phase":"afterAppend","reason":"exception","cause":{"streamPath":"/a","offset":7},
                "error":{"name":"TypeError","message":"x is not a function","stack":"",
                "frames":[{"file":"processor.js","line":2,"column":3,"function":"f"},{"file":"lib.js","line":9,"column":1}]}}"#,
        )
        .unwrap();
        let sources = Sources::of_script("my/ping.js", "export default {\n  x()\n}\n");
        assert_eq!(
            of_failure(&failed, &sources, Paint::plain()),
            "error[afterAppend]: TypeError: x is not a function\n  --> my/ping.js:2:3\n    1 | export default {\n  > 2 |   x()\n      |   ^\n    3 | }\n  called from lib.js:9:1\n  while it was busy with event 7 of /a\n"
        );
    }

    #[test]
    fn a_diagnostic_with_its_hint() {
        let diagnostic: Diagnostic = serde_json::from_str(
            r#"{"severity":"warning","code":"unused","message":"y is unused","file":"z.js","line":1,"column":1,"snippet":"","hint":"remove it"}"#,
        )
        .unwrap();
        assert_eq!(
            of_diagnostic(&diagnostic, &Sources::of_script("a.js", ""), Paint::plain()),
            "warning[unused]: y is unused\n  --> z.js:1:1\n  hint: remove it\n"
        );
    }
}
