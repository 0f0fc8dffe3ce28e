//! Masking from message to message of a WebSocket. A body's pieces can wait for each other; a message cannot: the next
//! one may be the answer to what the script says to this one. So what ends a message and begins a value is masked at
//! once if it is long enough, and remembered however short it is: the next message's share of the value is masked then.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::{Mask, Patterns};
use crate::limits::SECRET_PIECE_BYTES_MAX;

pub struct MaskMessages {
    patterns: Arc<Patterns>,
    /// The end of what came, as far as a value may go on in the next message: shorter than the longest value.
    begun: Vec<u8>,
    /// It was masked already.
    was_masked: bool,
}

impl MaskMessages {
    pub fn new(mask: &Mask) -> MaskMessages {
        MaskMessages { patterns: mask.0.clone(), begun: Vec::new(), was_masked: false }
    }

    pub fn text(&mut self, text: &str) -> String {
        // Values begin and end between characters, as messages of text do.
        String::from_utf8_lossy(&self.masked(text.as_bytes())).into_owned()
    }

    pub fn bytes(&mut self, bytes: &[u8]) -> Bytes {
        self.masked(bytes).into()
    }

    fn masked(&mut self, message: &[u8]) -> Vec<u8> {
        let told = self.begun.len();
        let joined = [&self.begun, message].concat();
        let mut masked = Vec::with_capacity(message.len());
        let mut from = told;
        let spans = self.spans(&joined);
        for (span, shown) in &spans {
            if span.end <= told {
                continue;
            }
            masked.extend_from_slice(&joined[from..span.start.max(from)]);
            // Of a value over several messages, the first that shows something shows its name.
            if span.start >= told || !self.was_masked {
                masked.extend_from_slice(shown.as_bytes());
            }
            from = span.end;
        }
        masked.extend_from_slice(&joined[from..]);
        let begun = self.patterns.unfinished(&joined);
        self.was_masked =
            spans.last().is_some_and(|(span, _)| span.start <= begun && span.end == joined.len());
        self.begun = joined[begun..].to_vec();
        masked
    }

    /// What is to be masked, one behind the other: whole values, and the beginning of one at the end.
    fn spans(&self, joined: &[u8]) -> Vec<(Range<usize>, &str)> {
        let found = self.patterns.search.find_iter(joined);
        let mut spans: Vec<(Range<usize>, &str)> =
            found.map(|found| (found.range(), self.patterns.shown(found.pattern()))).collect();
        let Some((start, shown)) = self.beginning(joined) else { return spans };
        let mut last = start..joined.len();
        while let Some((span, _)) = spans.pop_if(|(span, _)| span.end > last.start) {
            last.start = last.start.min(span.start);
        }
        spans.push((last, shown));
        spans
    }

    /// Where a value begins of which enough is there to be worth something.
    fn beginning(&self, joined: &[u8]) -> Option<(usize, &str)> {
        let first = self.patterns.unfinished(joined);
        (first..joined.len()).find_map(|at| {
            let tail = &joined[at..];
            let begun = |form: &[u8]| {
                tail.len() > SECRET_PIECE_BYTES_MAX.min(form.len() / 2)
                    && form.len() > tail.len()
                    && form.starts_with(tail)
            };
            let (_, shown) = self.patterns.patterns.iter().find(|(form, _)| begun(form))?;
            Some((at, shown.as_str()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str = "sk-live-0123456789abcdef";

    fn over(messages: &[&str]) -> Vec<String> {
        let mask = Mask::new([("KEY", LONG), ("PIN", "4711")]).unwrap();
        let mut masking = MaskMessages::new(&mask);
        messages.iter().map(|message| masking.text(message)).collect()
    }

    #[test]
    fn values_over_several_messages() {
        let cases: &[(&[&str], &[&str])] = &[
            (&["<sk-live-0123456789abcdef>"], &["<[secret KEY]>"]),
            (&["<sk-live-012345", "6789abcdef>"], &["<[secret KEY]", ">"]),
            (&["<sk-l", "ive-0123456789abcdef>"], &["<sk-l", "[secret KEY]>"]),
            (&["sk-l", "ive-01", "23456789abcde", "f."], &["sk-l", "[secret KEY]", "", "."]),
            (&["47", "11"], &["47", "[secret PIN]"]),
            (&["471", "1"], &["[secret PIN]", ""]),
            // What did not go on is nothing, and the next message stands for itself.
            (&["sk-l", "ost", "ive-0123456789abcdef"], &["sk-l", "ost", "ive-0123456789abcdef"]),
            (&["sk-live-0123", "other"], &["[secret KEY]", "other"]),
            (&["sk-live-0123", "sk-live-0123456789abcdef"], &["[secret KEY]", "[secret KEY]"]),
            // One value whole, and another begun.
            (&["4711 sk-live-01", "23456789abcdef 4711"], &["[secret PIN] [secret KEY]", " [secret PIN]"]),
            (&["", "sk-live-0123456789abcde", "", "f"], &["", "[secret KEY]", "", ""]),
            (&["sk-sk-live-", "0123456789abcdef"], &["sk-[secret KEY]", ""]),
        ];
        for (messages, expected) in cases {
            assert_eq!(over(messages), *expected, "{messages:?}");
        }
    }

    #[test]
    fn never_more_than_a_few_bytes_of_a_value() {
        for cut in 1..LONG.len() {
            for second in cut..LONG.len() {
                let told = over(&[&LONG[..cut], &LONG[cut..second], &LONG[second..]]).concat();
                let told = told.replace("[secret KEY]", "");
                assert!(
                    told.len() <= SECRET_PIECE_BYTES_MAX && LONG.starts_with(&told),
                    "{cut} {second} {told}"
                );
            }
        }
    }
}
