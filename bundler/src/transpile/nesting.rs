//! Refuses what is nested so deeply that the compiler, which calls itself for each level, could not bear it.

use swc_core::common::{BytePos, Span};
use swc_core::ecma::ast::{Class, Program};
use swc_core::ecma::visit::{Visit, VisitWith, noop_visit_type};

use super::source::Source;
use super::syntax::bytes;
use super::tokens::{Bracket, Kind, Token, Tokens};
use crate::Diagnostic;
use crate::limits::{
    AMBIGUOUS_DEPTH_MAX, ANGLES_MAX, BRACKETS_OPEN_MAX, HERITAGE_DEPTH_MAX, STATEMENT_TOKENS_MAX,
};

pub fn check(source: &Source<'_>, jsx: bool) -> Result<(), Diagnostic> {
    let mut tokens = Tokens::new(source.text, jsx);
    let mut statements = Statements::default();
    let too_much = loop {
        let Some(token) = tokens.next() else { return Ok(()) };
        statements.take(&token, &source.text[token.start..token.end]);
        if let Some(complaint) = statements.complaint() {
            break (token, complaint);
        }
    };
    let (token, message) = too_much;
    let mut diagnostic = source.diagnostic(token.start, token.end, "nested-too-deeply", message);
    diagnostic.hint = Some("split it, or put data into a .json file and import that".to_owned());
    Err(diagnostic)
}

/// Refuses classes that extend classes that are written there, over and over: swc's resolver visits what a class
/// extends twice, so its time doubles with each.
pub fn check_heritage(program: &Program, source: &Source<'_>, start: BytePos) -> Result<(), Diagnostic> {
    let mut heritage = Heritage::default();
    program.visit_with(&mut heritage);
    let Some(span) = heritage.too_deep else { return Ok(()) };
    let (from, to) = bytes(span, start);
    let message = format!("more than {HERITAGE_DEPTH_MAX} classes extend one another in one expression");
    let mut diagnostic = source.diagnostic(from, to, "nested-too-deeply", message);
    diagnostic.hint = Some("give the classes names".to_owned());
    Err(diagnostic)
}

#[derive(Default)]
struct Heritage {
    depth: usize,
    too_deep: Option<Span>,
}

impl Visit for Heritage {
    noop_visit_type!();

    fn visit_class(&mut self, class: &Class) {
        if self.depth > HERITAGE_DEPTH_MAX {
            self.too_deep.get_or_insert(class.span);
            return;
        }
        self.depth += 1;
        class.super_class.visit_with(self);
        self.depth -= 1;
        class.decorators.visit_with(self);
        class.body.visit_with(self);
    }
}

/// What stands unfinished at some place: one statement in each open bracket.
#[derive(Default)]
struct Statements {
    /// The outermost first.
    around: Vec<Around>,
    here: Statement,
    /// Of all of them together.
    tokens: usize,
    retried: usize,
    last: Last,
}

/// An open bracket, and the statement that it interrupts.
#[derive(Clone, Copy, Default)]
struct Around {
    outer: Statement,
    after_question: bool,
    /// One if what is in it may be read twice.
    ambiguous: usize,
}

/// A statement, member or element, as far as it has come.
#[derive(Clone, Copy, Default)]
struct Statement {
    tokens: usize,
    /// `<` that no `>` has followed.
    angles: usize,
    /// `? (…) :` that may turn out to be an arrow function with a return type.
    undecided: usize,
    /// `extends` was seen.
    conditional: bool,
    /// What a parser may read in two ways, and twice for that, so that its time doubles with each one in another.
    retried: usize,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Last {
    #[default]
    Operator,
    Operand,
    BlockEnd,
    Question,
    Less,
    /// `? (…)`.
    QuestionParen,
    /// `>`, which may end type arguments.
    Angle,
}

impl Statements {
    fn take(&mut self, token: &Token, text: &str) {
        let last = std::mem::take(&mut self.last);
        match token.kind {
            Kind::Open(bracket) => {
                self.count();
                // Type parameters or a tag; type arguments, of which only what follows shows that they are some.
                let ambiguous = match bracket {
                    Bracket::JsxTag(_) => token.begins_operand,
                    Bracket::Hole | Bracket::Paren => last == Last::Angle,
                    _ => false,
                };
                let ambiguous = usize::from(ambiguous || last == Last::Less);
                self.retried += ambiguous;
                let outer = std::mem::take(&mut self.here);
                self.around.push(Around { outer, after_question: last == Last::Question, ambiguous });
            }
            Kind::Close(Some(bracket)) => {
                self.drop_here();
                let Around { outer, after_question, ambiguous } = self.around.pop().unwrap_or_default();
                self.here = outer;
                self.retried -= ambiguous;
                self.last = match bracket {
                    Bracket::Block => Last::BlockEnd,
                    Bracket::Paren if after_question => Last::QuestionParen,
                    // A statement follows, and belongs to this one.
                    Bracket::Head => Last::Operator,
                    _ => Last::Operand,
                };
            }
            Kind::Sign(b';' | b',') => self.drop_here(),
            Kind::Word => {
                let continues = match last {
                    Last::BlockEnd => CONTINUING_WORDS.contains(&text),
                    Last::Operand | Last::QuestionParen => !token.on_new_line,
                    Last::Operator | Last::Question | Last::Less | Last::Angle => true,
                };
                if !continues {
                    self.drop_here();
                }
                self.count();
                self.here.conditional |= text == "extends";
                self.last = if last == Last::Question && text == "async" { last } else { Last::Operand };
            }
            Kind::Literal | Kind::Close(None) => {
                self.count();
                if last == Last::Angle && text.starts_with('`') {
                    self.retry();
                }
                self.last = Last::Operand;
            }
            Kind::Sign(_) => self.sign(token, text, last),
        }
    }

    fn sign(&mut self, token: &Token, text: &str, last: Last) {
        self.count();
        match text {
            "?" => {
                self.last = Last::Question;
                // No type goes on like that, unless it is a conditional one.
                if !self.here.conditional {
                    self.here.undecided = 0;
                }
            }
            "!" if last == Last::Operand => self.last = last,
            ":" if last == Last::QuestionParen => self.here.undecided += 1,
            "=>" if self.here.undecided > 0 => {
                self.here.undecided -= 1;
                self.retry();
            }
            "<" => {
                self.last = Last::Less;
                self.here.angles += 1;
                if token.begins_operand {
                    self.retry();
                }
            }
            ">" => {
                self.here.angles = self.here.angles.saturating_sub(1);
                self.last = Last::Angle;
            }
            _ => {}
        }
    }

    fn complaint(&self) -> Option<String> {
        if self.around.len() > BRACKETS_OPEN_MAX {
            Some(format!("more than {BRACKETS_OPEN_MAX} brackets are open here"))
        } else if self.tokens > STATEMENT_TOKENS_MAX {
            Some(format!("a statement of more than {STATEMENT_TOKENS_MAX} words and signs"))
        } else if self.retried > AMBIGUOUS_DEPTH_MAX || self.here.angles > ANGLES_MAX {
            Some(
                "this can be read in too many ways: arrow functions and type assertions in one another"
                    .to_owned(),
            )
        } else {
            None
        }
    }

    fn count(&mut self) {
        self.here.tokens += 1;
        self.tokens += 1;
    }

    fn retry(&mut self) {
        self.here.retried += 1;
        self.retried += 1;
    }

    fn drop_here(&mut self) {
        let here = std::mem::take(&mut self.here);
        self.tokens -= here.tokens;
        self.retried -= here.retried;
    }
}

/// What goes on with a statement behind a block; any other word begins a new one, or a member.
const CONTINUING_WORDS: [&str; 10] =
    ["else", "catch", "finally", "while", "in", "instanceof", "of", "as", "satisfies", "from"];

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
            times("(", BRACKETS_OPEN_MAX),
            times("function f(){}", STATEMENT_TOKENS_MAX),
            format!("class A {{{}}}", times("m(){}", STATEMENT_TOKENS_MAX)),
            format!("x = {}", times("a ? (b) : c ? () => d : ", 500)),
            format!("x = [{}]", times("a ? (b) : (c) => d, ", 1_000)),
            format!("type A = {}", times("B<C> | ", 1_000)),
            times("const a = <T>(b);\n", 1_000),
            format!("x{}", times(".a<T>(b)", 1_000)),
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
            times("a?(b):c=>(", 30),
            times("a?(b):c=>", 30),
            times("a ? async (b): c => {", 30),
            times("a?(b):c extends d?e:f=>(", 30),
            times("<T>(a=", 30),
            times("(<T>", 30),
            times("b?<a>", 30),
            times("b<a>`${", 30),
            times("<T>(...", 30),
            times("{'s'<", 30),
            times("@a <a>(", 30),
            times("f<", 1_000),
        ];
        for text in refused {
            let diagnostic = check(&Source::new("a.ts", &text), false).unwrap_err();
            assert_eq!(diagnostic.code, "nested-too-deeply", "{}", &text[..8]);
        }
    }
}
