//! The parser's errors in our words: what stands there, what was expected, and what to write instead.

use std::ops::Range;

use swc_core::ecma::parser::error::SyntaxError;

use super::source::{Language, Source};
use crate::Diagnostic;

/// `unclosed`: the innermost bracket of the file that is never closed.
pub fn word(
    source: &Source<'_>,
    language: Language,
    range: Range<usize>,
    kind: &SyntaxError,
    unclosed: Option<(usize, u8)>,
) -> Diagnostic {
    if let SyntaxError::WithLabel { inner, .. } = kind {
        return word(source, language, range, inner.kind(), unclosed);
    }
    let found = found(source, &range);
    let (message, hint) = sentence(kind, &found, language);
    let mut diagnostic = source.diagnostic(range.start, range.end, "syntax-error", message);
    let at_end = source.text[range.start.min(source.text.len())..].trim().is_empty();
    diagnostic.hint = match unclosed {
        Some((at, bracket)) if at_end => {
            let place = source.place(at, at);
            Some(format!(
                "the `{}` in line {}, column {} is never closed",
                char::from(bracket),
                place.line,
                place.column
            ))
        }
        _ => hint,
    };
    diagnostic
}

/// What stands at the error, for a message.
fn found(source: &Source<'_>, range: &Range<usize>) -> String {
    let text = source.text.get(range.clone()).unwrap_or_default();
    let rest = source.text.get(range.start..).unwrap_or_default();
    if rest.trim().is_empty() {
        return "the end of the file".to_owned();
    }
    let text = text.lines().next().unwrap_or_default().trim();
    if text.is_empty() { "the end of the line".to_owned() } else { format!("`{}`", cut(text)) }
}

fn cut(text: &str) -> String {
    const SHOWN_MAX: usize = 30;
    let mut shown: String = text.chars().take(SHOWN_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

fn sentence(kind: &SyntaxError, found: &str, language: Language) -> (String, Option<String>) {
    let plain = |message: String| (message, None);
    let hinted = |message: &str, hint: &str| (message.to_owned(), Some(hint.to_owned()));
    match kind {
        SyntaxError::Expected(expected, _) => {
            plain(format!("expected `{}`, found {found}", expected.trim_matches('\'')))
        }
        SyntaxError::Unexpected { expected, .. } if expected.len() <= 40 => {
            plain(format!("unexpected {found}, expected {expected}"))
        }
        SyntaxError::Unexpected { .. } | SyntaxError::UnexpectedTokenWithSuggestions { .. } => {
            plain(format!("unexpected {found}"))
        }
        SyntaxError::TS1109 | SyntaxError::InvalidExpr => {
            plain(format!("expected an expression, found {found}"))
        }
        SyntaxError::TS1110 => plain(format!("expected a type, found {found}")),
        SyntaxError::ExpectedIdent | SyntaxError::TS1003 => plain(format!("expected a name, found {found}")),
        SyntaxError::Eof => plain("the file ends in the middle of something".to_owned()),
        SyntaxError::ExpectedSemi | SyntaxError::ExpectedSemiForExprStmt { .. } | SyntaxError::TS1005 => {
            plain(format!("expected `;` or a new line, found {found}"))
        }
        SyntaxError::AwaitInFunction | SyntaxError::InvalidIdentInAsync => {
            hinted("`await` in a function that is not async", "write `async` in front of the function")
        }
        SyntaxError::TopLevelAwaitInScript if language.commonjs => hinted(
            "`await` at the top level of a CommonJS file",
            "give the file an ending of ES modules (.ts, .mts, .js, .mjs)",
        ),
        SyntaxError::ReturnNotAllowed => plain("`return` outside of a function".to_owned()),
        SyntaxError::TS1105 => plain("`break` outside of a loop or `switch`".to_owned()),
        SyntaxError::TS1115 => plain(
            "`continue` outside of a loop, or to a label that is not one of a loop around it".to_owned(),
        ),
        SyntaxError::TS1116 => plain("`break` to a label that is not around it".to_owned()),
        SyntaxError::TS2406 | SyntaxError::InvalidAssignTarget | SyntaxError::NotSimpleAssign => {
            plain(format!("{found} cannot be assigned to: only variables and properties can"))
        }
        SyntaxError::TS1100 => plain(format!("{found} cannot be assigned to in a module")),
        SyntaxError::WithInStrict | SyntaxError::TS2410 => {
            plain("`with` is not allowed in a module".to_owned())
        }
        SyntaxError::TS1085 | SyntaxError::LegacyOctal | SyntaxError::LegacyDecimal => {
            hinted("a number with a leading zero is not allowed in a module", "write octal numbers as `0o17`")
        }
        SyntaxError::ConstDeclarationsRequireInitialization => {
            plain(format!("{found} is `const`, so it needs a value"))
        }
        SyntaxError::PatVarWithoutInit => plain("a destructuring declaration needs a value".to_owned()),
        SyntaxError::UnaryInExp { .. } => {
            plain("the left side of `**` needs parentheses around its unary operator".to_owned())
        }
        SyntaxError::NullishCoalescingWithLogicalOp => {
            plain("`??` beside `||` or `&&` needs parentheses".to_owned())
        }
        SyntaxError::NonTopLevelImportExport => {
            plain("`import` and `export` are allowed at the top level only".to_owned())
        }
        SyntaxError::TS1185 => {
            hinted("a merge conflict marker", "resolve the conflict and delete the markers")
        }
        other => plain(lowered(&other.msg())),
    }
}

/// As our own messages are: without a capital in front and a full stop behind.
fn lowered(message: &str) -> String {
    let message = message.trim_end_matches('.');
    let second_is_lower = message.chars().nth(1).is_some_and(|c| c.is_lowercase() || c == ' ');
    match message.chars().next() {
        Some(first) if second_is_lower => first.to_lowercase().chain(message.chars().skip(1)).collect(),
        _ => message.to_owned(),
    }
}
