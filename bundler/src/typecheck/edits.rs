//! Text put into a file on its way to the compiler, and the way back from positions in the result.

use super::position::utf16_offset;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Insertion {
    /// The byte offset in the author's text.
    pub at: usize,
    pub text: String,
}

/// A text of an author with insertions.
#[derive(Debug)]
pub struct Edited {
    pub original: String,
    pub text: String,
    /// In UTF-16 units: where in the original, and how long. In order.
    inserted: Vec<(u32, u32)>,
}

impl Edited {
    /// Several insertions at one place stand in the order given.
    pub fn new(original: String, mut insertions: Vec<Insertion>) -> Edited {
        insertions.sort_by_key(|insertion| insertion.at);
        let mut text = String::with_capacity(original.len() + 256);
        let mut inserted = Vec::new();
        let mut taken = 0;
        for Insertion { at, text: new } in insertions {
            text.push_str(&original[taken..at]);
            text.push_str(&new);
            taken = at;
            inserted.push((utf16_offset(&original, at), utf16_offset(&new, new.len())));
        }
        text.push_str(&original[taken..]);
        Edited { original, text, inserted }
    }

    /// The place in the original; none for what is inserted.
    pub fn start(&self, offset: u32) -> Option<u32> {
        let (place, inside) = self.place(offset);
        (!inside).then_some(place)
    }

    /// What ends inside an insertion ends before it.
    pub fn end(&self, offset: u32) -> u32 {
        self.place(offset).0
    }

    fn place(&self, offset: u32) -> (u32, bool) {
        let mut before = 0;
        for (at, length) in &self.inserted {
            if offset < at + before {
                break;
            }
            if offset < at + before + length {
                return (*at, true);
            }
            before += length;
        }
        (offset - before, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_lead_back() {
        let insertion = |at, text: &str| Insertion { at, text: text.to_owned() };
        // The smiley has four bytes and two UTF-16 units.
        let edited =
            Edited::new("a\u{1f600}{b}c".to_owned(), vec![insertion(8, ")"), insertion(5, "f(\u{e9}")]);
        assert_eq!(edited.text, "a\u{1f600}f(\u{e9}{b})c");
        let starts: Vec<_> = (0..=10).map(|offset| edited.start(offset)).collect();
        let expected =
            [Some(0), Some(1), Some(2), None, None, None, Some(3), Some(4), Some(5), None, Some(6)];
        assert_eq!(starts[..3], expected[..3]);
        assert_eq!(starts[3..6], [None, None, None]);
        assert_eq!(starts[6..], [Some(3), Some(4), Some(5), None, Some(6)]);
        assert_eq!((edited.end(9), edited.end(10)), (6, 6));
    }
}
