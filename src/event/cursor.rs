//! Where a read begins or ends, as readers write it: an offset, `start` or `end`. Always exclusive.

use super::Offset;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cursor {
    /// In front of the first event.
    Start,
    At(Offset),
    /// Behind the last event that there is when the read begins.
    End,
}

impl Cursor {
    /// The error says what the text must be; the caller puts its name in front.
    pub fn parse(text: &str) -> Result<Cursor, String> {
        match text {
            "start" => Ok(Cursor::Start),
            "end" => Ok(Cursor::End),
            digits => match digits.parse::<u64>() {
                Ok(offset) if offset > 0 => Ok(Cursor::At(Offset(offset))),
                _ => Err(format!("must be a positive integer, `start` or `end`, not {text:?}")),
            },
        }
    }

    /// The offset behind which a read begins.
    pub fn after(self, tail: Offset) -> Offset {
        match self {
            Cursor::Start => Offset::START,
            Cursor::At(offset) => offset,
            Cursor::End => tail,
        }
    }

    /// The offset in front of which a read ends.
    pub fn before(self, tail: Offset) -> Offset {
        match self {
            Cursor::Start => Offset(1),
            Cursor::At(offset) => offset,
            Cursor::End => tail.next(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_as_they_are_written() {
        let cases = [
            ("start", Some(Cursor::Start)),
            ("end", Some(Cursor::End)),
            ("7", Some(Cursor::At(Offset(7)))),
            ("0", None),
            ("-1", None),
            ("7.0", None),
            ("End", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(Cursor::parse(text).ok(), expected, "{text:?}");
        }
    }

    #[test]
    fn both_ends_are_exclusive() {
        let tail = Offset(9);
        let cases = [(Cursor::Start, 0, 1), (Cursor::At(Offset(4)), 4, 4), (Cursor::End, 9, 10)];
        for (cursor, after, before) in cases {
            assert_eq!((cursor.after(tail), cursor.before(tail)), (Offset(after), Offset(before)));
        }
    }
}
