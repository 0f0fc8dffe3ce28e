//! One file of an author as text: its language, and where its bytes stand in lines and columns.

use std::fmt;

use crate::{Diagnostic, Severity, code_frame};

/// What a file is written in, by the ending of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Language {
    pub typescript: bool,
    pub jsx: bool,
    /// `.cjs`: a script in a function, with `require`, `module` and `exports`; a `.cts` says by what it holds.
    pub commonjs: bool,
    /// `.mts` and `.cts`: what could be JSX elsewhere is refused, as TypeScript refuses it.
    pub unambiguous: bool,
    /// `.d.ts`: nothing that runs.
    pub declarations: bool,
}

impl Language {
    /// None: the file holds no script (JSON, text).
    pub fn of(name: &str) -> Option<Language> {
        let base = name.rsplit('/').next().unwrap_or(name);
        let extension = base.rsplit_once('.')?.1;
        let mut language = Language {
            typescript: matches!(extension, "ts" | "tsx" | "mts" | "cts"),
            jsx: matches!(extension, "tsx" | "jsx"),
            commonjs: extension == "cjs",
            unambiguous: matches!(extension, "mts" | "cts"),
            declarations: false,
        };
        language.declarations =
            language.typescript && base.rsplit('.').nth(1) == Some("d") && base.matches('.').count() >= 2;
        (language.typescript || matches!(extension, "js" | "jsx" | "mjs" | "cjs")).then_some(language)
    }
}

/// Lines and columns from 1, columns in UTF-16 units; the end is behind the last character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub line: u32,
    pub column: u32,
    pub end_line: u32,
    pub end_column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.line, self.column)
    }
}

/// A file's text with its line starts, so that a place costs a binary search.
#[derive(Debug)]
pub struct Source<'a> {
    pub name: &'a str,
    /// Without a byte order mark.
    pub text: &'a str,
    line_starts: Vec<usize>,
}

impl<'a> Source<'a> {
    pub fn new(name: &'a str, text: &'a str) -> Source<'a> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Source { name, text, line_starts: std::iter::once(0).chain(newlines).collect() }
    }

    /// Of bytes `start..end`; what points behind the text is moved to its end.
    pub fn place(&self, start: usize, end: usize) -> Place {
        let (line, column) = self.position(start);
        let (end_line, end_column) = self.position(end.max(start));
        Place { line, column, end_line, end_column }
    }

    fn position(&self, byte: usize) -> (u32, u32) {
        let mut byte = byte.min(self.text.len());
        while !self.text.is_char_boundary(byte) {
            byte -= 1;
        }
        let line = self.line_starts.partition_point(|start| *start <= byte);
        let before = &self.text[self.line_starts[line - 1]..byte];
        (line as u32, 1 + before.encode_utf16().count() as u32)
    }

    pub fn diagnostic(&self, start: usize, end: usize, code: &str, message: String) -> Diagnostic {
        let place = self.place(start, end);
        Diagnostic {
            severity: Severity::Error,
            code: code.to_owned(),
            message,
            file: self.name.to_owned(),
            line: place.line,
            column: place.column,
            end_line: Some(place.end_line),
            end_column: Some(place.end_column),
            snippet: code_frame(self.text, place.line, place.column),
            hint: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Language, Source};

    #[test]
    fn places_count_utf16_units() {
        let source = Source::new("a.ts", "\u{feff}a\n😀 b\r\nc");
        assert_eq!(source.text.len(), 11);
        for (needle, expected) in [("a", (1, 1)), ("b", (2, 4)), ("c", (3, 1))] {
            let at = source.text.find(needle).unwrap();
            let place = source.place(at, at + 1);
            assert_eq!((place.line, place.column), expected, "{needle}");
            assert_eq!((place.end_line, place.end_column), (expected.0, expected.1 + 1));
        }
        assert_eq!(source.place(99, 99).line, 3);
    }

    #[test]
    fn languages() {
        let of = |name| Language::of(name).map(|l| (l.typescript, l.jsx, l.commonjs, l.declarations));
        assert_eq!(of("a/b.d/c.tsx"), Some((true, true, false, false)));
        assert_eq!(of("c.d.ts"), Some((true, false, false, true)));
        assert_eq!(of("d.ts"), Some((true, false, false, false)));
        assert_eq!(of("c.d.mts"), Some((true, false, false, true)));
        assert_eq!(of("c.cjs"), Some((false, false, true, false)));
        assert_eq!(of("c.json"), None);
        assert_eq!(of("README"), None);
    }
}
