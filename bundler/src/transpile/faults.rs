//! Every syntax error of a file, although the parser stops at the first that it cannot get over: the statement
//! that holds it is blanked out, and the rest is read again.

use std::ops::Range;

use swc_core::common::SourceMap;
use swc_core::common::Spanned;
use swc_core::common::sync::Lrc;
use swc_core::ecma::parser::error::{Error, SyntaxError};

use super::regions::Regions;
use super::source::{Language, Source};
use super::syntax::{self, Parsed, Refused};
use super::wording::word;
use crate::Diagnostic;
use crate::limits::{SYNTAX_ROUNDS_BYTES_MAX, SYNTAX_ROUNDS_MAX};

/// The tree of a file without fault, or all its syntax errors in order.
pub fn parse(
    map: &Lrc<SourceMap>,
    source: &Source<'_>,
    language: Language,
) -> Result<Parsed, Vec<Diagnostic>> {
    match syntax::parse(map, source.name, source.text, language) {
        Ok(parsed) if parsed.faults.is_empty() => Ok(parsed),
        Ok(parsed) => {
            let mut found = Found::default();
            found.add(parsed.faults, parsed.start.0 as usize);
            Err(found.diagnostics(source, language, None))
        }
        Err(refused) => match misnamed(source, language, &refused) {
            Some(diagnostic) => Err(vec![diagnostic]),
            None => Err(Rounds::new(source, language).all(map, refused)),
        },
    }
}

/// JSX in a `.ts` file and types in a `.js` file are not a hundred errors but one name.
fn misnamed(source: &Source<'_>, language: Language, refused: &Refused) -> Option<Diagnostic> {
    let stem = source.name.rsplit_once('.')?.0;
    let candidates = [
        (
            Language { jsx: true, unambiguous: false, ..language },
            "JSX",
            if language.typescript { "tsx" } else { "jsx" },
        ),
        (Language { typescript: true, ..language }, "TypeScript", if language.jsx { "tsx" } else { "ts" }),
        (Language { typescript: true, jsx: true, ..language }, "TypeScript and JSX", "tsx"),
    ];
    let reads = |candidate: Language| {
        candidate != language
            && matches!(syntax::parse(&Lrc::default(), source.name, source.text, candidate), Ok(parsed) if parsed.faults.is_empty())
    };
    let (_, what, extension) = candidates.into_iter().find(|(candidate, ..)| reads(*candidate))?;
    let (start, end) = syntax::bytes(refused.fatal.span(), refused.start);
    let message = format!("`{}` holds {what}, which its name does not allow", source.name);
    let mut diagnostic = source.diagnostic(start, end, "syntax-error", message);
    diagnostic.hint = Some(format!("name it `{stem}.{extension}`"));
    Some(diagnostic)
}

/// Errors by where they begin: one place has one error, the first that is found there.
#[derive(Default)]
struct Found(Vec<(Range<usize>, SyntaxError)>);

impl Found {
    fn add(&mut self, errors: impl IntoIterator<Item = Error>, file_start: usize) {
        for error in errors {
            let span = error.span();
            let at = |position: u32| (position as usize).saturating_sub(file_start);
            let range = at(span.lo.0)..at(span.hi.0);
            if !self.0.iter().any(|(known, _)| known.start == range.start) {
                self.0.push((range, error.into_kind()));
            }
        }
    }

    fn diagnostics(
        mut self,
        source: &Source<'_>,
        language: Language,
        unclosed: Option<(usize, u8)>,
    ) -> Vec<Diagnostic> {
        self.0.sort_by_key(|(range, _)| range.start);
        self.0.iter().map(|(range, kind)| word(source, language, range.clone(), kind, unclosed)).collect()
    }
}

struct Rounds<'a> {
    source: &'a Source<'a>,
    language: Language,
    regions: Regions<'a>,
    /// The file's text, with blanks where errors were.
    text: String,
    found: Found,
}

impl<'a> Rounds<'a> {
    fn new(source: &'a Source<'a>, language: Language) -> Rounds<'a> {
        let regions = Regions::new(source.text, language.jsx);
        Rounds { source, language, regions, text: source.text.to_owned(), found: Found::default() }
    }

    fn all(mut self, map: &Lrc<SourceMap>, first: Refused) -> Vec<Diagnostic> {
        let mut budget = SYNTAX_ROUNDS_MAX.min(SYNTAX_ROUNDS_BYTES_MAX / self.text.len().max(1));
        let mut refused = Some(first);
        while let Some(Refused { fatal, faults, start }) = refused.take() {
            let at = syntax::bytes(fatal.span(), start).0;
            self.found.add(faults.into_iter().chain([fatal]), start.0 as usize);
            for region in self.regions.around(at) {
                if budget == 0 || refused.is_some() {
                    break;
                }
                budget -= 1;
                self.blank(&region);
                match syntax::parse(map, self.source.name, &self.text, self.language) {
                    Ok(parsed) => {
                        self.found.add(
                            behind(parsed.faults, parsed.start.0 as usize, region.end),
                            parsed.start.0 as usize,
                        );
                        break;
                    }
                    // What stands before the blank was fine: this comes from the hole, so a larger one is tried.
                    Err(next) if syntax::bytes(next.fatal.span(), next.start).0 < region.end => {}
                    Err(next) => {
                        let faults = behind(next.faults, next.start.0 as usize, region.end);
                        refused = Some(Refused { faults, ..next });
                    }
                }
            }
        }
        let unclosed = self.regions.unclosed();
        self.found.diagnostics(self.source, self.language, unclosed)
    }

    fn blank(&mut self, region: &Range<usize>) {
        let kept: String = self.text[region.clone()]
            .chars()
            .flat_map(|c| {
                let filler = if c == '\n' { '\n' } else { ' ' };
                std::iter::repeat_n(filler, c.len_utf8())
            })
            .collect();
        self.text.replace_range(region.clone(), &kept);
    }
}

fn behind(faults: Vec<Error>, file_start: usize, from: usize) -> Vec<Error> {
    faults
        .into_iter()
        .filter(|fault| (fault.span().lo.0 as usize).saturating_sub(file_start) >= from)
        .collect()
}
