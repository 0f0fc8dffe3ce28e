//! Refuses what is nested so deeply that the compiler, which calls itself for each level, could not bear it.

use super::source::Source;
use super::tokens::{Bracket, Kind, Token, Tokens};
use crate::Diagnostic;
use crate::limits::{BRACKETS_OPEN_MAX, STATEMENT_TOKENS_MAX};

pub fn check(source: &Source<'_>, jsx: bool) -> Result<(), Diagnostic> {
    let mut tokens = Tokens::new(source.text, jsx);
    let mut statements = Statements::default();
    let mut deepest = None;
    while let Some(token) = tokens.next() {
        statements.take(&token);
        if tokens.depth() > BRACKETS_OPEN_MAX {
            let message = format!("more than {BRACKETS_OPEN_MAX} brackets are open here");
            deepest = Some((token, message));
        } else if statements.pending > STATEMENT_TOKENS_MAX {
            let message = format!("a statement of more than {STATEMENT_TOKENS_MAX} words and signs");
            deepest = Some((token, message));
        }
        if deepest.is_some() {
            break;
        }
    }
    let Some((token, message)) = deepest else { return Ok(()) };
    let mut diagnostic = source.diagnostic(token.start, token.end, "nested-too-deeply", message);
    diagnostic.hint = Some("split it, or put data into a .json file and import that".to_owned());
    Err(diagnostic)
}

/// How many tokens the statements that are open at some place have at most: no tree is deeper than that.
#[derive(Default)]
struct Statements {
    /// Of the statement in each open bracket, those of the outermost first.
    counts: Vec<usize>,
    /// Their sum and the outermost statement's own.
    pending: usize,
    here: usize,
    operand_before: bool,
}

impl Statements {
    fn take(&mut self, token: &Token) {
        match token.kind {
            Kind::Open(_) => {
                self.counts.push(self.here + 1);
                self.pending += 1;
                self.here = 0;
            }
            Kind::Close(Some(_)) => {
                self.pending -= self.here;
                self.here = self.counts.pop().unwrap_or(0);
            }
            Kind::Sign(b';' | b',') => self.begin(),
            Kind::Word if token.on_new_line && self.operand_before => self.begin(),
            _ => {
                self.here += 1;
                self.pending += 1;
            }
        }
        self.operand_before = match token.kind {
            Kind::Word | Kind::Literal => true,
            Kind::Close(bracket) => bracket != Some(Bracket::Head),
            _ => false,
        };
    }

    fn begin(&mut self) {
        self.pending -= self.here;
        self.here = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::limits::{BRACKETS_OPEN_MAX, STATEMENT_TOKENS_MAX};
    use crate::transpile::Source;

    #[test]
    fn only_what_is_nested_is_counted() {
        let times = |text: &str, n: usize| text.repeat(n);
        let fine = [
            times("call(a)[1]\n", STATEMENT_TOKENS_MAX),
            times("x.y = `a${b}c` / 2; if (a) /'/.test(b)\n", STATEMENT_TOKENS_MAX),
            format!("x = [{}]", times("{a: 1}, ", STATEMENT_TOKENS_MAX)),
            times("function f() { return 1 }\n", STATEMENT_TOKENS_MAX),
            "(".repeat(BRACKETS_OPEN_MAX),
        ];
        for text in fine {
            assert_eq!(check(&Source::new("a.ts", &text), false), Ok(()), "{}", &text[..40]);
        }
        let refused = [
            times("(", BRACKETS_OPEN_MAX + 1),
            times("{a:", BRACKETS_OPEN_MAX + 1),
            times("`${", BRACKETS_OPEN_MAX + 1),
            times("! ", STATEMENT_TOKENS_MAX + 1),
            times("a +\n", STATEMENT_TOKENS_MAX),
            times("for(;;)\n", STATEMENT_TOKENS_MAX),
        ];
        for text in refused {
            let diagnostic = check(&Source::new("a.ts", &text), false).unwrap_err();
            assert_eq!(diagnostic.code, "nested-too-deeply", "{}", &text[..8]);
        }
    }
}
