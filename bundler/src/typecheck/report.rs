//! The compiler's findings as diagnostics: in the author's own files, at lines and columns, with what to do.

use std::collections::HashMap;

use super::compiler::Finding;
use super::files::AUTHOR;
use super::hint::hint;
use super::position::Lines;
use super::program::Prepared;
use crate::limits::{DIAGNOSTICS_MAX, MESSAGE_LINE_CHARS_MAX, MESSAGE_LINES_MAX};
use crate::{Diagnostic, Severity, code_frame};

/// Options that contradict each other, are obsolete or need others: those that count are the host's, so an author's
/// configuration that was written for another version is no error of the program.
const OPTION_CONFLICTS: [u32; 20] = [
    5047, 5051, 5052, 5053, 5069, 5070, 5089, 5091, 5095, 5096, 5098, 5101, 5102, 5103, 5104, 5105, 5107,
    5108, 5109, 5110,
];
/// The compiler's number for errors; it also warns and suggests, which nobody asked for.
const ERROR: u32 = 1;

pub fn diagnostics(prepared: &Prepared, findings: Vec<Finding>) -> Vec<Diagnostic> {
    let mut report = Report { prepared, texts: HashMap::new(), found: Vec::new() };
    let errors = findings.iter().filter(|finding| finding.category == ERROR);
    for finding in errors.filter(|finding| !OPTION_CONFLICTS.contains(&finding.code)) {
        report.add(finding);
    }
    report.finish()
}

struct Report<'a> {
    prepared: &'a Prepared,
    /// By the author's name.
    texts: HashMap<String, Option<Text>>,
    /// Without their frames: those are for what is told, and there may be a hundred thousand.
    found: Vec<Diagnostic>,
}

struct Text {
    text: String,
    lines: Lines,
    /// Types of JavaScript are checked where the file itself asks for it.
    has_types: bool,
}

impl Report<'_> {
    fn add(&mut self, finding: &Finding) {
        let Some((path, start, end)) = self.prepared.place(finding) else { return };
        let Some(file) = authors(&path) else { return };
        let prepared = self.prepared;
        let known = self.texts.entry(file.to_owned()).or_insert_with(|| {
            let text = prepared.original(&path)?;
            Some(Text { lines: Lines::of(&text), has_types: has_types(file, &text), text })
        });
        let Some(Text { lines, has_types, .. }) = known else { return };
        if !*has_types && !is_syntax(finding.code) {
            return;
        }
        let (line, column) = lines.place(start);
        let (end_line, end_column) = lines.place(end.max(start));
        self.found.push(Diagnostic {
            severity: Severity::Error,
            code: format!("TS{}", finding.code),
            message: message(finding),
            file: file.to_owned(),
            line,
            column,
            end_line: Some(end_line),
            end_column: Some(end_column),
            snippet: String::new(),
            hint: hint(finding.code, &finding.text),
        });
    }

    /// In order, each once, and not too many.
    fn finish(self) -> Vec<Diagnostic> {
        let mut found = self.found;
        found.sort_by(|a, b| (&a.file, a.line, a.column, &a.code).cmp(&(&b.file, b.line, b.column, &b.code)));
        found.dedup_by(|a, b| {
            (&a.file, a.line, a.column, &a.message) == (&b.file, b.line, b.column, &b.message)
        });
        let left_out = (found.len() > DIAGNOSTICS_MAX).then(|| found.len() - (DIAGNOSTICS_MAX - 1));
        found.truncate(DIAGNOSTICS_MAX);
        for one in &mut found {
            if let Some(Some(Text { text, .. })) = self.texts.get(&one.file) {
                one.snippet = code_frame(text, one.line, one.column);
            }
        }
        if let Some((left_out, last)) = left_out.zip(found.last_mut()) {
            *last = Diagnostic {
                code: "too-many-diagnostics".to_owned(),
                message: format!("there are {left_out} more errors, from here on"),
                hint: None,
                ..last.clone()
            };
        }
        found
    }
}

/// The name of an author's file; none for packages and for what is ours.
fn authors(path: &str) -> Option<&str> {
    let file = path.strip_prefix(AUTHOR)?.strip_prefix('/')?;
    (!file.starts_with("node_modules/")).then_some(file)
}

fn has_types(file: &str, text: &str) -> bool {
    let is_script = [".js", ".jsx", ".mjs", ".cjs"].iter().any(|end| file.ends_with(end));
    !is_script || text.contains("@ts-check")
}

fn is_syntax(code: u32) -> bool {
    (1000..2000).contains(&code) || (8000..9000).contains(&code)
}

/// The message and what explains it, one line each, indented by depth.
fn message(finding: &Finding) -> String {
    let mut lines = Vec::new();
    collect(finding, 0, &mut lines);
    if lines.len() > MESSAGE_LINES_MAX {
        lines.truncate(MESSAGE_LINES_MAX);
        lines.push("…".to_owned());
    }
    as_authors_know_it(&lines.join("\n"))
}

fn collect(finding: &Finding, depth: usize, lines: &mut Vec<String>) {
    for line in finding.text.lines() {
        let cut = line.char_indices().nth(MESSAGE_LINE_CHARS_MAX).map(|(at, _)| &line[..at]);
        let shown = cut.map_or_else(|| line.to_owned(), |start| format!("{start}…"));
        lines.push(format!("{}{shown}", "  ".repeat(depth)));
    }
    for reason in &finding.message_chain {
        collect(reason, depth + 1, lines);
    }
}

/// Without the folders of the tree, which exist for the machinery only.
fn as_authors_know_it(message: &str) -> String {
    let mut text = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(at) = rest.find("/s/") {
        let (before, path) = rest.split_at(at);
        text.push_str(before);
        let end = path.find(['"', '\'', ' ', ')']).unwrap_or(path.len());
        let inside = path[..end].find("/node_modules/").map_or(0, |found| found + "/node_modules/".len());
        text.push_str(&path[inside..end]);
        rest = &path[end..];
    }
    text.push_str(rest);
    text.replace("/p/node_modules/", "").replace("\"/p/", "\"./").replace("'/p/", "'./")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_joined_and_their_paths_are_the_authors() {
        let finding = |text: &str, chain| Finding {
            file_name: None,
            pos: 0,
            end: 0,
            code: 1,
            category: ERROR,
            text: text.to_owned(),
            message_chain: chain,
        };
        let inner = finding("because of 'import(\"/s/zod@4.0.0/node_modules/zod/v4/core\").A'", vec![]);
        let found = finding("no 'import(\"/p/main\").B' at '/p/node_modules/a/s/b'", vec![inner]);
        assert_eq!(
            message(&found),
            "no 'import(\"./main\").B' at 'a/s/b'\n  because of 'import(\"zod/v4/core\").A'"
        );
    }
}
