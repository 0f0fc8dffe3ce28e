//! Which stretch of a file a syntax error spoils: the smallest statement, member or property around it that
//! can be taken out without unbalancing the brackets.

use std::ops::Range;

use super::tokens::{Bracket, Kind, Token, Tokens};

/// The tokens of a file with the bracket each stands in.
pub struct Regions<'a> {
    text: &'a str,
    tokens: Vec<Placed>,
}

struct Placed {
    token: Token,
    /// Index of the opening bracket around this token; a bracket stands in the one around it.
    around: Option<usize>,
    /// Index of the token before it in the same bracket.
    before: Option<usize>,
    /// Of an opening bracket: the index of what closes it.
    closed_at: Option<usize>,
    /// It has no closing bracket of its own: what came next shows where it ends.
    torn: bool,
}

impl Placed {
    /// Whether `token` shows that this parenthesis should have been closed before it.
    fn is_left_by(&self, text: &str, token: &Token) -> bool {
        matches!(self.token.kind, Kind::Open(Bracket::Paren | Bracket::Head | Bracket::Square))
            && token.on_new_line
            && STATEMENT_WORDS.contains(&&text[token.start..token.end])
            && indent(text, self.token.start) >= indent(text, token.start)
    }
}

/// Of the line in which a byte stands.
fn indent(text: &str, byte: usize) -> usize {
    let line = text[..byte].rfind('\n').map_or(0, |newline| newline + 1);
    text[line..].bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

impl<'a> Regions<'a> {
    pub fn new(text: &'a str, jsx: bool) -> Regions<'a> {
        let mut tokens: Vec<Placed> = Vec::new();
        // What is open, outermost first, and the last token directly in each.
        let mut open: Vec<usize> = Vec::new();
        let mut last: Vec<Option<usize>> = vec![None];
        let mut reader = Tokens::new(text, jsx);
        while let Some(token) = reader.next() {
            let index = tokens.len();
            // A line that begins a statement, no deeper than the line of an open parenthesis, is not within it.
            let left = open.iter().rev().take_while(|at| tokens[**at].is_left_by(text, &token)).count();
            (0..left).for_each(|_| reader.forget_innermost());
            let inside = reader.depth() - usize::from(token.opens());
            // A closing bracket closes the outermost of those that end with it.
            let closes = usize::from(matches!(token.kind, Kind::Close(Some(_))));
            while open.len() > inside {
                last.pop();
                if let Some(at) = open.pop() {
                    tokens[at].closed_at = Some(index);
                    tokens[at].torn = closes == 0 || open.len() > inside;
                }
            }
            let before = last.last_mut().and_then(|before| before.replace(index));
            tokens.push(Placed { token, around: open.last().copied(), before, closed_at: None, torn: false });
            if token.opens() {
                open.push(index);
                last.push(None);
            }
        }
        Regions { text, tokens }
    }

    /// The bracket of which the author most likely forgot the end, when the file ends too early.
    pub fn unclosed(&self) -> Option<(usize, u8)> {
        let stays_open =
            |placed: &&Placed| matches!(placed.token.kind, Kind::Open(_)) && placed.closed_at.is_none();
        let innermost = self.tokens.iter().rev().find(stays_open)?;
        // One that a brace further to the left closed was not meant by it.
        let misaligned = self.tokens.iter().find(|placed| {
            placed.closed_at.is_some_and(|close| {
                let close = &self.tokens[close].token;
                close.on_new_line
                    && close.start > innermost.token.start
                    && matches!(placed.token.kind, Kind::Open(_))
                    && indent(self.text, close.start) < indent(self.text, placed.token.start)
            })
        });
        let token = &misaligned.unwrap_or(innermost).token;
        Some((token.start, self.text.as_bytes()[token.end - 1]))
    }

    /// Where the statements of the top level begin.
    pub fn statements(&self) -> Vec<usize> {
        let top = (0..self.tokens.len()).filter(|index| self.tokens[*index].around.is_none());
        top.filter(|index| self.begins(*index, false)).map(|index| self.tokens[index].token.start).collect()
    }

    /// Whether a property begins a line at this byte, in an object: the comma before it may be missing.
    pub fn begins_property(&self, byte: usize) -> bool {
        let placed = self.tokens.iter().find(|placed| placed.token.start == byte);
        let in_object = |open: usize| self.tokens[open].token.kind == Kind::Open(Bracket::Object);
        placed.is_some_and(|placed| placed.token.on_new_line && placed.around.is_some_and(in_object))
    }

    /// Stretches around a byte, the smallest first.
    pub fn around(&self, byte: usize) -> Vec<Range<usize>> {
        let Some(mut at) = self.tokens.iter().position(|placed| placed.token.end > byte) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        loop {
            let around = self.tokens[at].around;
            let bracket = around.map(|open| self.tokens[open].token.kind);
            // Nothing is mended by mending what stands in a torn bracket.
            let outside = std::iter::successors(around, |open| self.tokens[*open].around);
            let is_whole = !outside.into_iter().any(|open| self.tokens[open].torn);
            if is_whole && matches!(bracket, None | Some(Kind::Open(Bracket::Block | Bracket::Object))) {
                let Some(stretch) = self.stretch(at, bracket == Some(Kind::Open(Bracket::Object))) else {
                    return found;
                };
                if found.last() != Some(&stretch) {
                    found.push(stretch);
                }
            }
            match around {
                Some(open) => at = open,
                None => return found,
            }
        }
    }

    /// From the boundary in front of token `at` to the one behind it, in the bracket where it stands.
    /// None when a bracket in there stays open.
    fn stretch(&self, at: usize, by_commas: bool) -> Option<Range<usize>> {
        let around = self.tokens[at].around;
        let back = std::iter::successors(Some(at), |index| self.tokens[*index].before);
        let first = back.take_while(|index| self.tokens[*index].around == around);
        let first = first.into_iter().find(|index| self.begins(*index, by_commas)).unwrap_or(at);
        let ahead = (at + 1..self.tokens.len()).filter(|index| self.tokens[*index].around == around);
        let next = ahead.into_iter().find(|index| self.begins(*index, by_commas));
        let start = self.tokens[first].token.start;
        let end = match (next, around) {
            (Some(next), _) => self.tokens[next].token.start,
            // Up to the bracket's end, which must be there.
            (None, Some(open)) => self.tokens[self.tokens[open].closed_at?].token.start,
            (None, None) => self.text.len(),
        };
        let inside = |placed: &&Placed| (start..end).contains(&placed.token.start);
        let stays_open =
            |placed: &Placed| matches!(placed.token.kind, Kind::Open(_)) && placed.closed_at.is_none();
        let balanced = !self.tokens.iter().filter(inside).any(stays_open);
        balanced.then_some(start..end)
    }

    /// Whether a statement, member or property begins with this token.
    fn begins(&self, index: usize, by_commas: bool) -> bool {
        let Some(before) = self.tokens[index].before else { return true };
        let before = &self.tokens[before];
        let token = &self.tokens[index].token;
        if by_commas {
            return before.token.kind == Kind::Sign(b',');
        }
        let word = &self.text[token.start..token.end];
        match before.token.kind {
            Kind::Sign(b';') => true,
            _ if !token.on_new_line || matches!(token.kind, Kind::Close(_)) => false,
            _ if ["else", "catch", "finally"].contains(&word) => false,
            Kind::Close(Some(Bracket::Head)) => false,
            Kind::Word | Kind::Literal | Kind::Close(_) => {
                matches!(token.kind, Kind::Word | Kind::Open(Bracket::Block)) || word == "*"
            }
            _ => STATEMENT_WORDS.contains(&word),
        }
    }
}

/// Words that begin a statement or member wherever they begin a line, whatever stands unfinished before.
const STATEMENT_WORDS: [&str; 26] = [
    "abstract",
    "break",
    "class",
    "const",
    "continue",
    "declare",
    "do",
    "enum",
    "export",
    "for",
    "function",
    "if",
    "import",
    "interface",
    "let",
    "namespace",
    "private",
    "protected",
    "public",
    "return",
    "static",
    "switch",
    "throw",
    "try",
    "var",
    "while",
];
