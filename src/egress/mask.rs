//! Masking: the values of secrets in what comes back, also in the forms that a server which echoes a request
//! gives them, and also when a value comes in several pieces.

mod messages;

use std::collections::BTreeMap;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind, PatternID};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use zeroize::Zeroizing;

pub use messages::MaskMessages;

/// Searches for some values; shared by all answers that may have them.
#[derive(Clone)]
pub struct Mask(Arc<Patterns>);

struct Patterns {
    search: AhoCorasick,
    patterns: Vec<(Zeroizing<Vec<u8>>, String)>,
    /// Whether a pattern begins with this byte.
    begins: [bool; 256],
    longest: usize,
}

impl Mask {
    /// Names and values. None when there is nothing to be masked, or more than can be searched for.
    pub fn new<'a>(secrets: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<Mask> {
        let mut forms: BTreeMap<Vec<u8>, String> = BTreeMap::new();
        for (name, value) in secrets {
            for form in forms_of(value) {
                forms.entry(form).or_insert_with(|| format!("[secret {name}]"));
            }
        }
        if forms.is_empty() {
            return None;
        }
        let search =
            AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(forms.keys()).ok()?;
        let mut begins = [false; 256];
        for form in forms.keys() {
            begins[usize::from(form[0])] = true;
        }
        let longest = forms.keys().map(Vec::len).max().unwrap_or_default();
        let patterns = forms.into_iter().map(|(form, shown)| (Zeroizing::new(form), shown)).collect();
        Some(Mask(Arc::new(Patterns { search, patterns, begins, longest })))
    }

    pub fn text(&self, text: &str) -> String {
        // What is searched for is UTF-8 as well, so that no character is cut.
        String::from_utf8_lossy(&self.0.replace(text.as_bytes())).into_owned()
    }

    pub fn bytes(&self, bytes: &[u8]) -> Bytes {
        self.0.replace(bytes).into()
    }

    /// For what comes message by message.
    pub fn messages(&self) -> MaskMessages {
        MaskMessages::new(self)
    }

    pub fn stream(&self) -> MaskStream {
        MaskStream { patterns: self.0.clone(), held: Vec::new() }
    }
}

impl Patterns {
    fn replace(&self, bytes: &[u8]) -> Vec<u8> {
        let mut masked = Vec::with_capacity(bytes.len());
        self.replace_into(bytes, bytes.len(), &mut masked);
        masked
    }

    /// Masks what begins in front of `until`; where the rest begins.
    fn replace_into(&self, bytes: &[u8], until: usize, masked: &mut Vec<u8>) -> usize {
        let mut from = 0;
        for found in self.search.find_iter(bytes) {
            if found.start() >= until {
                break;
            }
            masked.extend_from_slice(&bytes[from..found.start()]);
            masked.extend_from_slice(self.shown(found.pattern()).as_bytes());
            from = found.end();
        }
        let rest = from.max(until);
        masked.extend_from_slice(&bytes[from..rest]);
        rest
    }

    /// What stands for a value.
    fn shown(&self, pattern: PatternID) -> &str {
        &self.patterns[pattern.as_usize()].1
    }

    /// Where the first piece of a value begins that the bytes end within.
    fn unfinished(&self, bytes: &[u8]) -> usize {
        let first = bytes.len().saturating_sub(self.longest.saturating_sub(1));
        let begins = |at: &usize| {
            let tail = &bytes[*at..];
            self.begins[usize::from(tail[0])]
                && self.patterns.iter().any(|(form, _)| form.len() > tail.len() && form.starts_with(tail))
        };
        (first..bytes.len()).find(begins).unwrap_or(bytes.len())
    }
}

/// Masks a body as it comes. Only what may be the beginning of a value is held back.
pub struct MaskStream {
    patterns: Arc<Patterns>,
    held: Vec<u8>,
}

impl MaskStream {
    pub fn push(&mut self, piece: Bytes) -> Bytes {
        let joined = if self.held.is_empty() {
            piece
        } else {
            let mut joined = std::mem::take(&mut self.held);
            joined.extend_from_slice(&piece);
            joined.into()
        };
        let until = self.patterns.unfinished(&joined);
        if until == joined.len() && self.patterns.search.find(&joined[..]).is_none() {
            return joined;
        }
        let mut masked = Vec::with_capacity(joined.len());
        let rest = self.patterns.replace_into(&joined, until, &mut masked);
        self.held = joined[rest..].to_vec();
        masked.into()
    }

    /// What was held back, at the end of the body.
    pub fn finish(&mut self) -> Bytes {
        let held = std::mem::take(&mut self.held);
        self.patterns.replace(&held).into()
    }
}

/// As `encodeURIComponent` leaves them.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// A form's values.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*');

/// A value as it may come back: as it is, in JSON, in a URL, in base64.
fn forms_of(value: &str) -> Vec<Vec<u8>> {
    let bytes = value.as_bytes();
    if bytes.is_empty() {
        return Vec::new();
    }
    let mut forms = vec![bytes.to_vec()];
    let mut add = |form: String| {
        if form.as_bytes() != bytes {
            forms.push(form.into_bytes());
        }
    };
    let json = serde_json::Value::from(value).to_string();
    let inner = json[1..json.len() - 1].to_string();
    add(inner.replace('/', "\\/"));
    add(ascii(&inner));
    add(inner);
    for set in [COMPONENT, FORM] {
        let encoded = percent_encode(bytes, set).to_string();
        add(lower_hex(&encoded));
        add(encoded.replace("%20", "+"));
        add(encoded);
    }
    add(value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;"));
    forms.extend(base64_of(bytes));
    forms
}

/// JSON as some write it: nothing beyond ASCII.
fn ascii(json: &str) -> String {
    let mut units = [0; 2];
    json.chars()
        .flat_map(|c| match c {
            c if c.is_ascii() => vec![c],
            c => {
                let units = c.encode_utf16(&mut units);
                units.iter().flat_map(|unit| format!("\\u{unit:04x}").chars().collect::<Vec<_>>()).collect()
            }
        })
        .collect()
}

fn lower_hex(encoded: &str) -> String {
    let mut pieces = encoded.split('%');
    let first = pieces.next().unwrap_or_default().to_string();
    pieces.fold(first, |text, piece| {
        let (digits, rest) = piece.split_at(piece.len().min(2));
        format!("{text}%{}{rest}", digits.to_ascii_lowercase())
    })
}

/// Those characters of a base64 text that the value alone decides, at each of its three places in a text.
fn base64_of(bytes: &[u8]) -> Vec<Vec<u8>> {
    /// Fewer would occur by chance.
    const CHARS_MIN: usize = 10;
    let mut forms = Vec::new();
    for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
        for (before, led) in [(0, 0), (1, 2), (2, 3)] {
            let encoded = engine.encode([&[0; 2][..before], bytes].concat());
            let trailed = usize::from(!(before + bytes.len()).is_multiple_of(3));
            let Some(own) = encoded.get(led..encoded.len() - trailed) else { continue };
            if own.len() >= CHARS_MIN {
                forms.push(own.as_bytes().to_vec());
            }
        }
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &str = "sk-live \"q\"/ö+%";

    fn mask() -> Mask {
        Mask::new([("KEY", VALUE), ("OTHER", "sk-live-other")]).unwrap()
    }

    #[test]
    fn echoes_in_every_form() {
        let basic =
            |before: &str| base64::engine::general_purpose::STANDARD.encode(format!("{before}{VALUE}!"));
        let cases = [
            format!("<{VALUE}>"),
            serde_json::json!({ "h": format!("Bearer {VALUE}") }).to_string(),
            r#"{"h":"sk-live \"q\"\/ö+%"}"#.to_string(),
            r#"{"h":"sk-live \"q\"/\u00f6+%"}"#.to_string(),
            "?k=sk-live%20%22q%22%2F%C3%B6%2B%25&".to_string(),
            "?k=sk-live%20%22q%22%2f%c3%b6%2b%25&".to_string(),
            "?k=sk-live+%22q%22%2F%C3%B6%2B%25&".to_string(),
            "<p>sk-live &quot;q&quot;/ö+%</p>".to_string(),
            basic(""),
            basic("u:"),
            basic("user"),
        ];
        for case in cases {
            let masked = mask().text(&case);
            assert!(masked.contains("[secret KEY]"), "{case} -> {masked}");
            assert!(!masked.contains(VALUE), "{masked}");
        }
    }

    #[test]
    fn values_across_pieces() {
        let text = format!("a{VALUE}b sk-live-other{VALUE}{VALUE}sk-liv");
        let expected = "a[secret KEY]b [secret OTHER][secret KEY][secret KEY]sk-liv";
        for size in 1..text.len() {
            let mut stream = mask().stream();
            let mut masked = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                masked.extend(stream.push(Bytes::copy_from_slice(piece)));
            }
            masked.extend(stream.finish());
            assert_eq!(String::from_utf8(masked).unwrap(), expected, "by {size}");
        }
    }

    #[test]
    fn nothing_else_is_held_back() {
        let mut stream = mask().stream();
        assert_eq!(stream.push("data: x\n\n".into()), "data: x\n\n");
        assert_eq!(stream.push("data: sk-l".into()), "data: ");
        assert_eq!(stream.push("ost".into()), "sk-lost");
    }

    #[test]
    fn there_may_be_nothing_to_mask() {
        assert!(Mask::new([]).is_none());
        assert!(Mask::new([("K", "")]).is_none());
    }
}
