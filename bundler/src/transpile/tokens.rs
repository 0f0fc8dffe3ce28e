//! A rough reading of a script, token by token and without calling itself, so that it can look at text on
//! which a parser would run out of stack, or which no parser accepts.
//! Rough: where only a grammar could tell a regular expression from a division, it guesses by what stands before.

/// What encloses a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bracket {
    Paren,
    /// Of `if (…)`, `while (…)` and the like: what follows is a statement.
    Head,
    Square,
    /// Of a block or body.
    Block,
    /// Of an object literal or a pattern.
    Object,
    /// `${…}` in a template.
    Hole,
    /// `{…}` in JSX.
    JsxHole,
    /// Between `<` and `>` of a JSX tag; true when no children follow it.
    JsxTag(bool),
    /// Between an opening and a closing tag.
    JsxChildren,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Word,
    /// A number, string, template part or regular expression.
    Literal,
    Open(Bracket),
    /// None: nothing was open.
    Close(Option<Bracket>),
    /// An operator or separator, by its first byte.
    Sign(u8),
}

#[derive(Clone, Copy, Debug)]
pub struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
    /// A line begins between the token before and this one.
    pub on_new_line: bool,
    /// An expression may begin with it.
    pub begins_operand: bool,
}

impl Token {
    /// Whether what follows stands in a bracket that begins here.
    pub fn opens(&self) -> bool {
        let of_jsx = [Some(Bracket::JsxTag(false)), Some(Bracket::JsxChildren)];
        match self.kind {
            Kind::Open(_) => true,
            Kind::Close(bracket) => of_jsx.contains(&bracket),
            _ => false,
        }
    }
}

pub struct Tokens<'a> {
    text: &'a [u8],
    jsx: bool,
    at: usize,
    open: Vec<Bracket>,
    /// What the last token was, for telling operands from operators.
    last: Last,
    start: usize,
    /// A hole has just ended: the template goes on.
    in_template: bool,
    on_new_line: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    /// A statement may begin here.
    Statement,
    /// An expression may go on here.
    Operator,
    /// An expression has just ended.
    Operand,
    /// `if`, `while`, `for`, `with`.
    HeadWord,
    Dot,
    /// `)` of a function's parameters or of a call.
    CloseParen,
    /// `)` of a statement's head, the `=>` of an arrow, `else` and its like.
    BodyAhead,
}

impl<'a> Tokens<'a> {
    pub fn new(text: &'a str, jsx: bool) -> Tokens<'a> {
        let mut tokens = Tokens {
            text: text.as_bytes(),
            jsx,
            at: 0,
            open: Vec::new(),
            last: Last::Statement,
            start: 0,
            in_template: false,
            on_new_line: true,
        };
        if text.starts_with("#!") {
            tokens.skip_line();
        }
        tokens
    }

    /// Brackets that are open behind the token that came last.
    pub fn depth(&self) -> usize {
        self.open.len()
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.text.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn skip_line(&mut self) {
        while self.at < self.text.len() && self.text[self.at] != b'\n' {
            self.at += 1;
        }
    }

    fn skip_blank(&mut self) {
        loop {
            match self.peek(0) {
                b'\n' => {
                    self.on_new_line = true;
                    self.at += 1;
                }
                b' ' | b'\t' | b'\r' | 0x0b | 0x0c => self.at += 1,
                b'/' if self.peek(1) == b'/' => self.skip_line(),
                b'/' if self.peek(1) == b'*' => self.skip_comment(),
                _ => return,
            }
        }
    }

    fn skip_comment(&mut self) {
        self.at += 2;
        while self.at < self.text.len() && !(self.peek(0) == b'*' && self.peek(1) == b'/') {
            self.on_new_line |= self.peek(0) == b'\n';
            self.at += 1;
        }
        self.at = (self.at + 2).min(self.text.len());
    }

    /// Takes the innermost bracket for closed although nothing closed it.
    pub fn forget_innermost(&mut self) {
        self.open.pop();
    }

    fn read(&mut self) -> Option<Kind> {
        if std::mem::take(&mut self.in_template) {
            self.start = self.at;
            return Some(self.template());
        }
        if self.open.last() == Some(&Bracket::JsxChildren) {
            return self.read_child();
        }
        self.skip_blank();
        self.start = self.at;
        let byte = *self.text.get(self.at)?;
        let in_tag = matches!(self.open.last(), Some(Bracket::JsxTag(_)));
        Some(match byte {
            b'"' | b'\'' if in_tag => self.quoted(byte, true),
            b'"' | b'\'' => self.quoted(byte, false),
            b'`' => {
                self.at += 1;
                self.template()
            }
            b'(' => self.opened(if self.last == Last::HeadWord { Bracket::Head } else { Bracket::Paren }),
            b'[' => self.opened(Bracket::Square),
            b'{' if in_tag => self.opened(Bracket::JsxHole),
            b'{' => self.opened(if self.last == Last::Operator { Bracket::Object } else { Bracket::Block }),
            b')' | b']' | b'}' => self.closed(byte),
            b'>' if in_tag => self.tag_ends(),
            b'/' if in_tag && self.peek(1) == b'>' => {
                self.at += 2;
                self.open.pop();
                self.last = Last::Operand;
                Kind::Close(Some(Bracket::JsxTag(true)))
            }
            b'<' if self.jsx && !in_tag && self.begins_jsx() => self.tag_begins(),
            b'/' if !in_tag && self.regex_may_begin() => self.regex(),
            b'0'..=b'9' => self.number(),
            b'.' if self.peek(1).is_ascii_digit() => self.number(),
            byte if is_word(byte) => self.word(in_tag),
            _ => self.sign(byte),
        })
    }

    fn opened(&mut self, bracket: Bracket) -> Kind {
        self.at += 1;
        self.open.push(bracket);
        self.last = if bracket == Bracket::Block { Last::Statement } else { Last::Operator };
        Kind::Open(bracket)
    }

    fn closed(&mut self, byte: u8) -> Kind {
        self.at += 1;
        let matching = |bracket: &Bracket| match byte {
            b')' => matches!(bracket, Bracket::Paren | Bracket::Head),
            b']' => *bracket == Bracket::Square,
            _ => matches!(bracket, Bracket::Block | Bracket::Object | Bracket::Hole | Bracket::JsxHole),
        };
        // A brace closes the parentheses in it that nobody closed; a parenthesis never closes a brace.
        let braces = |bracket: &Bracket| !matches!(bracket, Bracket::Paren | Bracket::Head | Bracket::Square);
        let at = self.open.iter().rposition(|bracket| matching(bracket) || byte != b'}' && braces(bracket));
        let bracket = at.map(|at| self.open[at]).filter(matching);
        if let (Some(at), Some(_)) = (at, bracket) {
            self.open.truncate(at);
        }
        self.last = match bracket {
            Some(Bracket::Head) => Last::BodyAhead,
            Some(Bracket::Paren) => Last::CloseParen,
            Some(Bracket::Block) => Last::Statement,
            Some(Bracket::Hole) => {
                self.in_template = true;
                Last::Operand
            }
            _ => Last::Operand,
        };
        Kind::Close(bracket)
    }

    fn quoted(&mut self, quote: u8, lines: bool) -> Kind {
        self.at += 1;
        while self.at < self.text.len() {
            match self.peek(0) {
                b'\\' if !lines => self.at += 1,
                b'\n' if !lines => break,
                byte if byte == quote => {
                    self.at += 1;
                    break;
                }
                _ => {}
            }
            self.at += 1;
        }
        self.at = self.at.min(self.text.len());
        self.last = Last::Operand;
        Kind::Literal
    }

    /// Behind a backtick, or behind a hole: as far as the next hole or the end.
    fn template(&mut self) -> Kind {
        while self.at < self.text.len() {
            match self.peek(0) {
                b'\\' => self.at += 1,
                b'`' => {
                    self.at += 1;
                    break;
                }
                b'$' if self.peek(1) == b'{' => {
                    self.at += 1;
                    return self.opened(Bracket::Hole);
                }
                _ => {}
            }
            self.at += 1;
        }
        self.at = self.at.min(self.text.len());
        self.last = Last::Operand;
        Kind::Literal
    }

    fn regex_may_begin(&self) -> bool {
        matches!(self.last, Last::Statement | Last::Operator | Last::BodyAhead)
    }

    fn regex(&mut self) -> Kind {
        self.at += 1;
        let mut in_class = false;
        while self.at < self.text.len() {
            match self.peek(0) {
                b'\\' => self.at += 1,
                b'[' => in_class = true,
                b']' => in_class = false,
                b'/' if !in_class => {
                    self.at += 1;
                    break;
                }
                b'\n' => break,
                _ => {}
            }
            self.at += 1;
        }
        self.at = self.at.min(self.text.len());
        self.last = Last::Operand;
        Kind::Literal
    }

    fn number(&mut self) -> Kind {
        while is_word(self.peek(0)) || self.peek(0) == b'.' {
            self.at += 1;
        }
        self.last = Last::Operand;
        Kind::Literal
    }

    fn word(&mut self, in_tag: bool) -> Kind {
        let start = self.at;
        while is_word(self.peek(0)) || in_tag && self.peek(0) == b'-' {
            self.at += 1;
        }
        self.last = match &self.text[start..self.at] {
            _ if in_tag || self.last == Last::Dot => Last::Operand,
            b"if" | b"while" | b"for" | b"with" => Last::HeadWord,
            // `for await (`
            b"await" if self.last == Last::HeadWord => Last::HeadWord,
            b"return" | b"typeof" | b"case" | b"in" | b"of" | b"instanceof" | b"new" | b"delete"
            | b"void" | b"throw" | b"yield" | b"await" | b"default" | b"extends" | b"as" | b"satisfies" => {
                Last::Operator
            }
            b"do" | b"else" | b"try" | b"finally" => Last::BodyAhead,
            _ => Last::Operand,
        };
        Kind::Word
    }

    fn sign(&mut self, byte: u8) -> Kind {
        self.at += 1;
        self.last = match byte {
            b'.' if self.text[self.at..].starts_with(b"..") => {
                self.at += 2;
                Last::Operator
            }
            b'.' => Last::Dot,
            b'=' if self.peek(0) == b'>' => {
                self.at += 1;
                Last::BodyAhead
            }
            b'+' | b'-' if self.peek(0) == byte => {
                self.at += 1;
                self.last
            }
            // `x!` of TypeScript.
            b'!' if self.last == Last::Operand && !self.on_new_line && self.peek(0) != b'=' => Last::Operand,
            // Nobody compares with a regular expression; a closing tag may be in the wrong place.
            b'<' if self.peek(0) == b'/' => Last::Operand,
            b';' => Last::Statement,
            _ => Last::Operator,
        };
        Kind::Sign(byte)
    }

    fn begins_jsx(&self) -> bool {
        let next = self.peek(1);
        self.regex_may_begin() && (next == b'>' || is_word(next) && !self.type_parameters())
    }

    /// `<T,>(…) =>` and `<T extends …>(…) =>`, which JSX files may hold too.
    fn type_parameters(&self) -> bool {
        let rest = &self.text[self.at + 1..];
        let name = rest.iter().take_while(|byte| is_word(**byte)).count();
        let rest = rest[name..].trim_ascii_start();
        rest.starts_with(b",") || rest.starts_with(b"extends ")
    }

    fn tag_begins(&mut self) -> Kind {
        let kind = self.opened(Bracket::JsxTag(false));
        self.last = Last::Operand;
        kind
    }

    fn tag_ends(&mut self) -> Kind {
        self.at += 1;
        let tag = self.open.pop();
        self.last = Last::Operand;
        if tag == Some(Bracket::JsxTag(false)) {
            self.open.push(Bracket::JsxChildren);
        }
        Kind::Close(tag)
    }

    /// Text of JSX, up to the next tag or hole.
    fn read_child(&mut self) -> Option<Kind> {
        self.start = self.at;
        while self.at < self.text.len() && !matches!(self.text[self.at], b'<' | b'{') {
            self.on_new_line |= self.text[self.at] == b'\n';
            self.at += 1;
        }
        if self.at > self.start {
            return Some(Kind::Literal);
        }
        match self.text.get(self.at)? {
            b'{' => Some(self.opened(Bracket::JsxHole)),
            _ if self.peek(1) == b'/' => {
                self.at += 2;
                self.open.pop();
                self.open.push(Bracket::JsxTag(true));
                Some(Kind::Close(Some(Bracket::JsxChildren)))
            }
            _ => Some(self.tag_begins()),
        }
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        self.on_new_line = self.at == 0;
        let before = self.last;
        let kind = self.read()?;
        let begins_operand = matches!(before, Last::Statement | Last::Operator | Last::BodyAhead);
        Some(Token { kind, start: self.start, end: self.at, on_new_line: self.on_new_line, begins_operand })
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'#' | b'@' | b'\\') || byte >= 0x80
}
