//! A span as it will be exported, and its place in a trace.

use std::fmt::Debug;

use tracing::field::{Field, Visit};

/// Where a span is: the identifiers of W3C Trace Context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    pub trace: [u8; 16],
    pub span: [u8; 8],
}

impl Context {
    /// A span of its own trace, or of another span's.
    pub fn fresh(parent: Option<Context>) -> Context {
        let mut random = [0; 24];
        // Without randomness the spans are of no trace, which a collector drops: no reason to end.
        let _ = getrandom::fill(&mut random);
        let (trace, span) = random.split_at(16);
        Context {
            trace: parent.map_or_else(|| trace.try_into().expect("16 bytes"), |parent| parent.trace),
            span: span.try_into().expect("8 bytes"),
        }
    }

    /// Of a `traceparent` header: `version-trace-span-flags`. One that says that it is not sampled counts too: the server's
    /// own decision is to export.
    pub fn parse(text: &str) -> Option<Context> {
        let mut parts = text.trim().split('-');
        let version = parts.next().filter(|version| version.len() == 2 && *version != "ff")?;
        let (trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?);
        let is_known = version != "00" || (flags.len() == 2 && parts.next().is_none());
        let context = Context { trace: bytes(trace)?, span: bytes(span)? };
        (is_known && context.trace != [0; 16] && context.span != [0; 8]).then_some(context)
    }
}

fn bytes<const N: usize>(hex: &str) -> Option<[u8; N]> {
    if hex.len() != 2 * N || !hex.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase()) {
        return None;
    }
    let mut bytes = [0; N];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[derive(Clone, Debug)]
pub struct SpanRecord {
    pub name: &'static str,
    pub context: Context,
    pub parent: Option<[u8; 8]>,
    pub links: Vec<Context>,
    /// Nanoseconds since 1970.
    pub started: u64,
    pub ended: u64,
    pub fields: Fields,
}

/// What a span says of itself.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    pub shown: Vec<(&'static str, String)>,
    /// Why it failed.
    pub error: Option<String>,
    /// What a client said of where it comes from.
    pub remote: Option<Context>,
}

impl Fields {
    pub fn text(&self, name: &str) -> Option<&str> {
        self.shown.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    pub fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    fn add(&mut self, field: &Field, value: String) {
        match field.name() {
            "error" => self.error = Some(value),
            "traceparent" => self.remote = Context::parse(&value),
            "message" => {}
            name => {
                self.shown.retain(|(known, _)| *known != name);
                self.shown.push((name, value));
            }
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::Context;

    #[test]
    fn contexts_of_clients() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let context = Context::parse(good).expect("a context");
        assert_eq!((context.trace[0], context.span[7]), (0x0a, 0x31));
        assert_eq!(
            Context::parse("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more"),
            Some(context)
        );
        for wrong in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319é-b7ad6b7169203331-01",
        ] {
            assert_eq!(Context::parse(wrong), None, "{wrong}");
        }
    }
}
