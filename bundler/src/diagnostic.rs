//! A diagnostic: what is wrong, exactly where, and what to do, for a person and for a language model.

use serde::{Deserialize, Serialize};

use crate::Project;
use crate::limits::{DIAGNOSTIC_TEXT_BYTES_MAX, DIAGNOSTICS_BYTES_MAX, DIAGNOSTICS_MAX};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Error,
    Warning,
}

/// Lines and columns count from 1 and point into the author's own files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Diagnostic {
    pub severity: Severity,
    pub code: String,
    pub message: String,
    pub file: String,
    pub line: u32,
    pub column: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_column: Option<u32>,
    /// The code frame around the position.
    pub snippet: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Diagnostic {
    /// An error at a place of a file; columns in UTF-16 units.
    pub fn error(
        code: &str,
        message: impl Into<String>,
        file: &str,
        text: &str,
        (line, column): (u32, u32),
    ) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            code: code.into(),
            message: message.into(),
            file: file.into(),
            line,
            column,
            end_line: None,
            end_column: None,
            snippet: code_frame(text, line, column),
            hint: None,
        }
    }

    /// An error of the source as a whole, which stands in no line of it.
    pub fn of_source(project: &Project, code: &str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(code, message, project.face(), "", (1, 1))
    }

    fn bytes(&self) -> usize {
        let hint = self.hint.as_deref().unwrap_or_default();
        [&self.code, &self.message, &self.file, &self.snippet].iter().map(|it| it.len()).sum::<usize>()
            + hint.len()
    }

    /// The same, as what does not prevent a build.
    pub fn as_warning(self) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..self }
    }

    pub fn with_hint(mut self, hint: impl Into<String>) -> Diagnostic {
        self.hint = Some(hint.into());
        self
    }
}

/// The first of them, as many and as long as an event can carry; what is cut is counted.
pub fn bounded(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    for diagnostic in &mut diagnostics {
        let hint = diagnostic.hint.as_mut();
        for text in [&mut diagnostic.message, &mut diagnostic.snippet].into_iter().chain(hint) {
            cut(text, DIAGNOSTIC_TEXT_BYTES_MAX);
        }
    }
    let mut bytes = 0;
    let fits = |diagnostic: &&Diagnostic| {
        bytes += diagnostic.bytes();
        bytes <= DIAGNOSTICS_BYTES_MAX
    };
    let kept = diagnostics.iter().take(DIAGNOSTICS_MAX).take_while(fits).count();
    let left = diagnostics.len() - kept;
    diagnostics.truncate(kept);
    if let Some(last) = diagnostics.last_mut().filter(|_| left > 0) {
        let more = format!("{left} more are not shown");
        last.hint = Some(last.hint.take().map_or(more.clone(), |hint| format!("{hint}; {more}")));
    }
    diagnostics
}

fn cut(text: &mut String, bytes_max: usize) {
    if text.len() > bytes_max {
        text.truncate(text.floor_char_boundary(bytes_max));
        text.push('…');
    }
}

/// How many lines a code frame shows on each side of the line it points at.
const CONTEXT_LINES: u32 = 2;
/// Longer lines are cut in a frame: minified code would otherwise drown the message.
const LINE_CHARS_MAX: usize = 160;

/// The lines around a position, numbered, the line itself marked and a caret under the column.
/// Empty when the line does not exist.
pub fn code_frame(source: &str, line: u32, column: u32) -> String {
    let first = line.saturating_sub(CONTEXT_LINES).max(1);
    let last = line.saturating_add(CONTEXT_LINES);
    let shown: Vec<(u32, &str)> =
        (1u32..).zip(source.lines()).filter(|(number, _)| (first..=last).contains(number)).collect();
    if !shown.iter().any(|(number, _)| *number == line) {
        return String::new();
    }
    let width = shown.last().map_or(1, |(number, _)| number.to_string().len());
    let mut frame = String::new();
    for (number, text) in shown {
        let mark = if number == line { '>' } else { ' ' };
        let cut: String = text.chars().take(LINE_CHARS_MAX).collect();
        frame.push_str(format!("{mark} {number:>width$} | {cut}").trim_end());
        frame.push('\n');
        if number == line && column >= 1 && (column as usize) <= LINE_CHARS_MAX {
            // Tabs are kept in the padding, so that the caret stands under its column in any editor.
            let padding: String = text
                .chars()
                .chain(std::iter::repeat(' '))
                .take(column as usize - 1)
                .map(|c| if c == '\t' { '\t' } else { ' ' })
                .collect();
            frame.push_str(&format!("  {:>width$} | {padding}^\n", ""));
        }
    }
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_and_long_ones_are_bounded() {
        let of = |bytes: usize| Diagnostic::of_source(&Project::default(), "a", "ä".repeat(bytes / 2));
        let long = bounded(vec![of(10 * DIAGNOSTIC_TEXT_BYTES_MAX)]);
        assert!(long[0].message.len() <= DIAGNOSTIC_TEXT_BYTES_MAX + 3 && long[0].message.ends_with('…'));
        assert_eq!(long[0].hint, None);

        let many = bounded(vec![of(2); DIAGNOSTICS_MAX + 7]);
        assert_eq!(many.len(), DIAGNOSTICS_MAX);
        assert_eq!(many.last().unwrap().hint.as_deref(), Some("7 more are not shown"));

        let large = bounded(vec![of(DIAGNOSTIC_TEXT_BYTES_MAX); DIAGNOSTICS_MAX]);
        assert!(large.len() < DIAGNOSTICS_MAX);
        assert!(large.iter().map(Diagnostic::bytes).sum::<usize>() <= DIAGNOSTICS_BYTES_MAX + 100);
    }

    #[test]
    fn frames() {
        let source = "const a = 1;\n\tconst b = ;\nconst c = 3;\nconst d = 4;\nconst e = 5;\n";
        let cases = [
            (
                2,
                12,
                "  1 | const a = 1;\n> 2 | \tconst b = ;\n    | \t          ^\n  3 | const c = 3;\n  4 | const d = 4;\n",
            ),
            (5, 1, "  3 | const c = 3;\n  4 | const d = 4;\n> 5 | const e = 5;\n    | ^\n"),
            (9, 1, ""),
        ];
        for (line, column, expected) in cases {
            assert_eq!(code_frame(source, line, column), expected, "at {line}:{column}");
        }
    }
}
