//! Imports whose module is only known when they run: `import("./locale/" + name)`. esbuild looks for all files that fit
//! the pattern, on the real disk, without asking its plugin, and fails when there is no such folder. In a package it is
//! made to leave such an import as it is, which then fails when it runs; the author is told.

use std::collections::{BTreeSet, HashMap};

use super::callbacks::unmarked;
use super::packet::Value;
use crate::resolve::ResolveProblem;

/// Where in a file patterns begin: line from 1, byte from 0.
pub(super) type Sites = HashMap<String, BTreeSet<(usize, usize)>>;

/// In front of a text, it gives that text, and esbuild cannot know.
const UNKNOWN: &[u8] = b"globalThis.undefined??";

/// What the author is to do about one of his own.
pub(super) fn problem_of(text: &str) -> Option<ResolveProblem> {
    is_pattern(text).then(|| ResolveProblem {
        code: "dynamic-import",
        message:
            "which module this imports is only known when it runs, and an isolate has but the bundled ones"
                .into(),
        hint: Some(
            "import each module by its full name, such as `import(\"./a\")`, and choose among them".into(),
        ),
    })
}

/// Of the errors that are about patterns, where those are.
pub(super) fn sites(errors: &[Value]) -> Sites {
    let mut sites = Sites::new();
    for error in errors.iter().filter(|error| is_pattern(error.text_of("text"))) {
        let Some(location) = error.find("location") else { continue };
        if let (Some(line), Some(column)) = (location.int_of("line"), location.int_of("column")) {
            let path = unmarked(location.text_of("file")).to_owned();
            sites.entry(path).or_default().insert((line as usize, column as usize));
        }
    }
    sites
}

fn is_pattern(text: &str) -> bool {
    ["Could not resolve import(\"", "Could not resolve require(\""]
        .iter()
        .any(|start| text.starts_with(start))
}

/// The text with those patterns hidden from esbuild.
pub(super) fn hide(text: &[u8], sites: &BTreeSet<(usize, usize)>) -> Vec<u8> {
    let lines = line_starts(text);
    let mut hidden = text.to_vec();
    // From the last to the first, so that those in front stay where they are.
    for (line, column) in sites.iter().rev() {
        let Some(start) = line.checked_sub(1).and_then(|index| lines.get(index)) else { continue };
        let at = start + column;
        if matches!(hidden.get(at), Some(b'"' | b'\'' | b'`')) {
            hidden.splice(at..at, UNKNOWN.iter().copied());
        }
    }
    hidden
}

/// Lines as JavaScript has them.
fn line_starts(text: &[u8]) -> Vec<usize> {
    let mut starts = vec![0];
    for (at, byte) in text.iter().enumerate() {
        let ends = match byte {
            b'\n' => true,
            b'\r' => text.get(at + 1) != Some(&b'\n'),
            // U+2028 and U+2029
            0xa8 | 0xa9 => text[..at].ends_with(&[0xe2, 0x80]),
            _ => false,
        };
        if ends {
            starts.push(at + 1);
        }
    }
    starts
}

#[cfg(test)]
mod tests {
    use super::{hide, line_starts};

    #[test]
    fn hidden() {
        let text = b"a\r\nimport('./x/' + y); require(`./${z}`)\nend";
        let sites = [(2, 7), (2, 28), (2, 0), (9, 9)].into();
        let expected =
            "a\r\nimport(globalThis.undefined??'./x/' + y); require(globalThis.undefined??`./${z}`)\nend";
        assert_eq!(String::from_utf8(hide(text, &sites)).unwrap(), expected);
        assert_eq!(line_starts("a\rb\r\nc\u{2028}d\n".as_bytes()), [0, 2, 5, 9, 11]);
    }
}
