//! What esbuild says about a build, with positions as editors count them.

use super::callbacks::{is_added_line, is_in_tree, unmarked};
use super::packet::Value;
use super::pattern;
use super::{Plugin, VERSION};
use crate::limits::{DIAGNOSTICS_MAX, LINE_TEXT_BYTES_MAX};
use crate::resolve::ResolveProblem;

#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// esbuild's own kebab-case name for it; empty for errors, mostly.
    pub id: String,
    pub text: String,
    pub location: Option<Location>,
    /// When it is about a package's file: the import of the author's that leads there.
    pub through: Option<Import>,
    pub notes: Vec<Note>,
    /// What the plugin said, when it is the plugin's error, or what is known about this one: a code, and what to do.
    pub problem: Option<ResolveProblem>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Import {
    /// The importing file, and as the author knows it.
    pub path: String,
    pub file: String,
    pub specifier: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    pub text: String,
    pub location: Option<Location>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Location {
    /// As the plugin knows it.
    pub path: String,
    /// As the author knows it.
    pub file: String,
    /// Lines and columns count from 1, columns in UTF-16 units.
    pub line: u32,
    pub column: u32,
    /// On the same line, behind the last character.
    pub end_column: u32,
    /// The line itself, cut when it is very long.
    pub line_text: String,
    /// What could stand there instead.
    pub suggestion: Option<String>,
}

/// What a build knows about its messages.
pub(super) trait Context {
    fn plugin(&self) -> &dyn Plugin;

    /// By the number that went with the message.
    fn problem(&self, number: u32) -> Option<ResolveProblem>;

    /// The author's import that leads to a file.
    fn through(&self, path: &str) -> Option<Import>;
}

pub(super) fn decode(values: &[Value], context: &dyn Context) -> Vec<Message> {
    values.iter().take(DIAGNOSTICS_MAX).map(|value| decode_one(value, context)).collect()
}

fn decode_one(value: &Value, context: &dyn Context) -> Message {
    let plugin = context.plugin();
    let place = |value: &Value| value.find("location").and_then(|location| decode_location(location, plugin));
    let note = |note: &Value| Note { text: shown_text(note.text_of("text"), plugin), location: place(note) };
    let text = value.text_of("text");
    let own = value.int_of("detail").and_then(|number| context.problem(number));
    let problem = own.or_else(|| pattern::problem_of(text));
    let location = place(value);
    Message {
        id: value.text_of("id").to_owned(),
        text: shown_text(problem.as_ref().map_or(text, |problem| &problem.message), plugin),
        through: location.as_ref().and_then(|location| context.through(&location.path)),
        location,
        notes: value.list_of("notes").iter().map(note).collect(),
        problem,
    }
}

fn decode_location(value: &Value, plugin: &dyn Plugin) -> Option<Location> {
    let line = value.int_of("line")?;
    let text = value.text_of("lineText");
    let path = unmarked(value.text_of("file")).to_owned();
    let from = value.int_of("column")? as usize;
    let to = from + value.int_of("length")? as usize;
    // Where a text ends, esbuild sees the line that we added to it.
    let (text, from, to) = if is_added_line(text) { ("", 0, 0) } else { (text, from, to) };
    Some(Location {
        file: plugin.shown(&path),
        path,
        line,
        column: column(text, from),
        end_column: column(text, to),
        line_text: cut(text, LINE_TEXT_BYTES_MAX).to_owned(),
        suggestion: Some(value.text_of("suggestion").to_owned()).filter(|text| !text.is_empty()),
    })
}

/// From bytes counted from 0 to UTF-16 units counted from 1.
fn column(line: &str, bytes: usize) -> u32 {
    let units = cut(line, bytes).encode_utf16().count();
    u32::try_from(units + 1).unwrap_or(u32::MAX)
}

/// At most so many bytes, and whole characters.
fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// Paths of the tree, which esbuild puts between quotes, as the author knows them.
fn shown_text(text: &str, plugin: &dyn Plugin) -> String {
    let parts = text.split('"').map(|part| match is_in_tree(part) {
        true => plugin.shown(unmarked(part)),
        false => part.to_owned(),
    });
    let text = parts.collect::<Vec<_>>().join("\"");
    // A panic of its own, told as an error, comes with a stack.
    match text.starts_with("panic: ") {
        true => format!("esbuild {VERSION} failed: {text}"),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::{column, cut};

    #[test]
    fn columns() {
        let line = "aä😀b";
        for (bytes, expected) in [(0, 1), (1, 2), (3, 3), (7, 5), (8, 6), (100, 6), (4, 3)] {
            assert_eq!(column(line, bytes), expected, "{bytes}");
        }
        assert_eq!(cut(line, 5), "aä");
    }
}
