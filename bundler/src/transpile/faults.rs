//! Every syntax error of a file, although the parser stops at the first that it cannot get over: the statement
//! that holds it is blanked out, and the rest is read again.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use swc_core::common::sync::Lrc;
use swc_core::common::{SourceMap, Spanned};
use swc_core::ecma::parser::error::{Error, SyntaxError};

use super::regions::Regions;
use super::source::{Language, Source};
use super::syntax::{self, Parsed};
use super::wording::word;
use crate::Diagnostic;
use crate::limits::{SYNTAX_ROUNDS_BYTES_MAX, SYNTAX_ROUNDS_MAX, SYNTAX_ROUNDS_TIME_MAX};

/// The tree of a file without fault, or all its syntax errors in order.
pub fn parse(
    map: &Lrc<SourceMap>,
    source: &Source<'_>,
    language: Language,
) -> Result<Parsed, Vec<Diagnostic>> {
    let errors = match read(map, source.name, source.text, language) {
        Ok(parsed) => return Ok(parsed),
        Err(Errors { panicked: true, .. }) => return Err(vec![indigestible(map, source, language)]),
        Err(errors) => errors,
    };
    Err(match misnamed(source, language, &errors) {
        Some(diagnostic) => vec![diagnostic],
        None => Rounds::new(source, language).all(map, errors),
    })
}

/// What one reading finds, as bytes of the text.
struct Errors {
    /// What the parser got over, in order.
    faults: Vec<(Range<usize>, SyntaxError)>,
    /// Where it stopped.
    fatal: Option<(Range<usize>, SyntaxError)>,
    /// The parser broke.
    panicked: bool,
}

fn read(map: &Lrc<SourceMap>, name: &str, text: &str, language: Language) -> Result<Parsed, Errors> {
    let placed = |error: Error, start| {
        let (from, to) = syntax::bytes(error.span(), start);
        (from..to, error.into_kind())
    };
    // Some broken scripts break the parser as well.
    let outcome = catch_unwind(AssertUnwindSafe(|| syntax::parse(map, name, text, language)));
    let Ok(outcome) = outcome else {
        return Err(Errors { faults: Vec::new(), fatal: None, panicked: true });
    };
    match outcome {
        Ok(parsed) if parsed.faults.is_empty() => Ok(parsed),
        Ok(parsed) => {
            let faults = parsed.faults.into_iter().map(|fault| placed(fault, parsed.start)).collect();
            Err(Errors { faults, fatal: None, panicked: false })
        }
        Err(refused) => {
            let faults = refused.faults.into_iter().map(|fault| placed(fault, refused.start)).collect();
            Err(Errors { faults, fatal: Some(placed(refused.fatal, refused.start)), panicked: false })
        }
    }
}

/// The statement that broke the parser: the last of the fewest that do.
fn indigestible(map: &Lrc<SourceMap>, source: &Source<'_>, language: Language) -> Diagnostic {
    let starts = Regions::new(source.text, language.jsx).statements();
    let breaks = |count: usize| {
        let end = starts.get(count).copied().unwrap_or(source.text.len());
        matches!(read(map, source.name, &source.text[..end], language), Err(Errors { panicked: true, .. }))
    };
    let (mut fine, mut broken) = (0, starts.len());
    while broken - fine > 1 {
        let middle = fine.midpoint(broken);
        if breaks(middle) {
            broken = middle;
        } else {
            fine = middle;
        }
    }
    let start = starts.get(broken.saturating_sub(1)).copied().unwrap_or(0);
    let end = starts.get(broken).copied().unwrap_or(source.text.len());
    let end = start + source.text[start..end].trim_end().len();
    let message = "this statement is broken in a way that the parser cannot tell".to_owned();
    source.diagnostic(start, end, "syntax-error", message)
}

/// JSX in a `.ts` file and types in a `.js` file are not a hundred errors but one name.
fn misnamed(source: &Source<'_>, language: Language, errors: &Errors) -> Option<Diagnostic> {
    let stem = source.name.rsplit_once('.')?.0;
    let with_jsx = Language { jsx: true, unambiguous: false, ..language };
    let with_types = Language { typescript: true, ..language };
    let with_both = Language { typescript: true, ..with_jsx };
    let candidates = [
        (with_jsx, "JSX", if language.typescript { "tsx" } else { "jsx" }),
        (with_types, "TypeScript", if language.jsx { "tsx" } else { "ts" }),
        (with_both, "TypeScript and JSX", "tsx"),
    ];
    let reads = |candidate: Language| {
        candidate != language && read(&Lrc::default(), source.name, source.text, candidate).is_ok()
    };
    let (_, what, extension) = candidates.into_iter().find(|(candidate, ..)| reads(*candidate))?;
    let range = &errors.fatal.as_ref().or(errors.faults.first())?.0;
    let message = format!("`{}` holds {what}, which its name does not allow", source.name);
    let mut diagnostic = source.diagnostic(range.start, range.end, "syntax-error", message);
    diagnostic.hint = Some(format!("name it `{stem}.{extension}`"));
    Some(diagnostic)
}

struct Rounds<'a> {
    source: &'a Source<'a>,
    language: Language,
    regions: Regions<'a>,
    /// The file's text, with blanks where errors were.
    text: String,
    found: Vec<(Range<usize>, SyntaxError)>,
    /// Readings that are left.
    budget: usize,
    began: Instant,
}

impl<'a> Rounds<'a> {
    fn new(source: &'a Source<'a>, language: Language) -> Rounds<'a> {
        Rounds {
            source,
            language,
            regions: Regions::new(source.text, language.jsx),
            text: source.text.to_owned(),
            found: Vec::new(),
            budget: SYNTAX_ROUNDS_MAX.min(SYNTAX_ROUNDS_BYTES_MAX / source.text.len().max(1)),
            began: Instant::now(),
        }
    }

    fn all(mut self, map: &Lrc<SourceMap>, first: Errors) -> Vec<Diagnostic> {
        let mut errors = Some(first);
        while let Some(Errors { faults, fatal, .. }) = errors.take() {
            faults.into_iter().for_each(|fault| self.add(fault));
            if let Some(fatal) = fatal {
                errors = self.behind(map, &fatal);
                self.add(fatal);
            }
        }
        self.diagnostics()
    }

    /// One place has one error, and one statement that the parser could not get over as well: the first.
    fn add(&mut self, (range, kind): (Range<usize>, SyntaxError)) {
        let at_end = self.source.text[range.start.min(self.source.text.len())..].trim().is_empty();
        let is_echo = at_end && !self.found.is_empty() && self.regions.unclosed().is_none();
        if !is_echo && !self.found.iter().any(|(known, _)| known.start == range.start) {
            self.found.push((range, kind));
        }
    }

    /// What a reading finds behind an error, once the error is out of the way.
    fn behind(
        &mut self,
        map: &Lrc<SourceMap>,
        (range, kind): &(Range<usize>, SyntaxError),
    ) -> Option<Errors> {
        let wants_comma = matches!(kind, SyntaxError::Expected(comma, _) if comma == ",");
        if wants_comma
            && self.put_comma(range.start)
            && let Some(outcome) = self.read_on(map, range.start + 1)
        {
            return outcome;
        }
        for region in self.regions.around(range.start) {
            self.blank(&region);
            if let Some(outcome) = self.read_on(map, region.end) {
                // Of the same statement, the first complaint is enough.
                let first = self
                    .found
                    .iter()
                    .filter(|(known, _)| region.contains(&known.start))
                    .map(|(known, _)| known.start)
                    .min();
                self.found.retain(|(known, _)| !region.contains(&known.start) || Some(known.start) == first);
                return outcome;
            }
        }
        None
    }

    /// The errors behind a byte; none when another one stands before it, which the hole has made.
    fn read_on(&mut self, map: &Lrc<SourceMap>, from: usize) -> Option<Option<Errors>> {
        self.budget = self.budget.checked_sub(1).filter(|_| self.began.elapsed() < SYNTAX_ROUNDS_TIME_MAX)?;
        let Err(mut errors) = read(map, self.source.name, &self.text, self.language) else {
            return Some(None);
        };
        if errors.fatal.as_ref().is_some_and(|(range, _)| range.start < from) {
            return None;
        }
        errors.faults.retain(|(range, _)| range.start >= from);
        Some(Some(errors))
    }

    /// Between two properties of which the second begins a line.
    fn put_comma(&mut self, byte: usize) -> bool {
        let blank = byte.checked_sub(1).filter(|at| self.text.as_bytes()[*at].is_ascii_whitespace());
        match blank.filter(|_| self.regions.begins_property(byte)) {
            Some(at) => {
                self.text.replace_range(at..byte, ",");
                true
            }
            None => false,
        }
    }

    fn blank(&mut self, region: &Range<usize>) {
        let blank = |c: char| std::iter::repeat_n(if c == '\n' { '\n' } else { ' ' }, c.len_utf8());
        let blanks: String = self.text[region.clone()].chars().flat_map(blank).collect();
        self.text.replace_range(region.clone(), &blanks);
    }

    fn diagnostics(mut self) -> Vec<Diagnostic> {
        self.found.sort_by_key(|(range, _)| range.start);
        let unclosed = self.regions.unclosed();
        let worded = |(range, kind): &(Range<usize>, SyntaxError)| {
            word(self.source, self.language, range.clone(), kind, unclosed)
        };
        self.found.iter().map(worded).collect()
    }
}
