//! References to secrets in header values: `getSecret({secretKey: "NAME"})`, with any quotes or none, and with any
//! of its characters percent-encoded, as libraries do that put a key into a cookie.

/// A reference, as the bytes of the text that it takes.
#[derive(Debug, PartialEq, Eq)]
pub struct Reference {
    pub start: usize,
    pub end: usize,
    pub name: String,
}

/// Ours, and the original's.
const FUNCTIONS: [&str; 2] = ["getSecret", "getIterateSecret"];

pub fn is_in(text: &str) -> bool {
    !find(text).is_empty()
}

/// All references of a text, in order. What only looks like one is left alone.
pub fn find(text: &str) -> Vec<Reference> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find("get").map(|at| from + at) {
        let function = FUNCTIONS.iter().find(|name| text[at..].starts_with(**name));
        let parsed = function.and_then(|name| Reader { text, at: at + name.len() }.arguments());
        match parsed {
            Some((name, end)) => {
                found.push(Reference { start: at, end, name });
                from = end;
            }
            None => from = at + 3,
        }
    }
    found
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    /// The name of the secret, and where the call ends.
    fn arguments(mut self) -> Option<(String, usize)> {
        self.expect('(')?;
        self.expect('{')?;
        let quote = self.quote();
        for letter in "secretKey".chars() {
            (self.next()? == letter).then_some(())?;
        }
        if let Some(quote) = quote {
            self.expect(quote)?;
        }
        self.expect(':')?;
        let quote = self.quote();
        let mut name = String::new();
        loop {
            let before = self.at;
            let c = self.next()?;
            let ends = match quote {
                Some(quote) => c == quote,
                None => c == '}' || c == ' ',
            };
            if ends && quote.is_none() {
                self.at = before;
            }
            if ends {
                break;
            }
            name.push(c);
        }
        self.expect('}')?;
        self.expect(')')?;
        (!name.is_empty()).then_some((name, self.at))
    }

    /// The next character, behind white space.
    fn expect(&mut self, wanted: char) -> Option<()> {
        self.skip_space();
        (self.next()? == wanted).then_some(())
    }

    fn quote(&mut self) -> Option<char> {
        self.skip_space();
        let before = self.at;
        match self.next() {
            Some(quote @ ('"' | '\'' | '`')) => Some(quote),
            _ => {
                self.at = before;
                None
            }
        }
    }

    fn skip_space(&mut self) {
        loop {
            let before = self.at;
            // A form's spaces are written as plus signs.
            if !self.next().is_some_and(|c| matches!(c, ' ' | '\t' | '+')) {
                self.at = before;
                return;
            }
        }
    }

    /// A character, or the one that a percent-encoding stands for.
    fn next(&mut self) -> Option<char> {
        let rest = self.text.get(self.at..)?;
        let encoded = rest.strip_prefix('%').and_then(|digits| digits.get(..2));
        if let Some(byte) = encoded.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            self.at += 3;
            return Some(char::from(byte));
        }
        let c = rest.chars().next()?;
        self.at += c.len_utf8();
        Some(c)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        let cases = [
            (r#"getSecret({secretKey: "K"})"#, vec!["K"]),
            ("Bearer getSecret({secretKey: 'OPENAI_API_KEY'})", vec!["OPENAI_API_KEY"]),
            ("getIterateSecret({secretKey:'a.b-c'})", vec!["a.b-c"]),
            ("getSecret({secretKey: K})", vec!["K"]),
            ("getSecret( { secretKey : K } )", vec!["K"]),
            (r#"getSecret({"secretKey":"K"})"#, vec!["K"]),
            ("getSecret({'secretKey':`K`})", vec!["K"]),
            ("getIterateSecret%28%7BsecretKey%3A%20%22name%22%7D%29", vec!["name"]),
            ("getIterateSecret%28%7bsecretKey%3a+%27name%27%7d%29", vec!["name"]),
            ("a getSecret({secretKey: 'x'}) b getSecret({secretKey: 'y'}) c", vec!["x", "y"]),
            ("getgetSecret({secretKey: 'x'})", vec!["x"]),
            ("getSecret({secretKey: ''})", vec![]),
            ("getSecret({key: 'x'})", vec![]),
            ("getSecret({secretKey: 'x'", vec![]),
            ("getSecret('x')", vec![]),
            ("GETSECRET({secretKey: 'x'})", vec![]),
            ("getSecret%", vec![]),
            ("getSecret(é", vec![]),
        ];
        for (text, names) in cases {
            let found: Vec<String> = find(text).into_iter().map(|reference| reference.name).collect();
            assert_eq!(found, names, "{text}");
        }
        let text = "Bearer getSecret({secretKey: 'K'})!";
        assert_eq!(find(text), [Reference { start: 7, end: text.len() - 1, name: "K".into() }]);
    }
}
