//! Where a failure really stands. The engine remembers the place of the operand that it evaluated last, and looks
//! at its clock only now and then; an author wants the call, the `new`, the property, the loop. The file's own tree
//! says which one that is.

mod nodes;

use swc_core::common::SourceMap;
use swc_core::common::sync::Lrc;
use swc_core::ecma::visit::VisitWith as _;

use nodes::{Nodes, Site};

use crate::limits::PLACED_FILE_BYTES_MAX;
use crate::transpile::syntax::{self, Parsed};
use crate::transpile::{Source, compile, readable};

/// What happened at the place that the engine gives.
#[derive(Clone, Copy, Debug)]
pub enum Happened<'a> {
    /// A function was called there, by its own name where it has one, and did not return.
    Called { function: Option<&'a str> },
    /// An error was made there, or by something built in that was called there.
    Threw { name: &'a str, message: &'a str },
    /// The script was stopped somewhere behind it, because it went on for too long.
    Stopped,
}

/// The line and column (from 1, UTF-16 units) of what happened, given those of the engine. None where the engine's own
/// are as good as any.
pub fn place(name: &str, text: &str, at: (u32, u32), happened: Happened<'_>) -> Option<(u32, u32)> {
    if text.len() > PLACED_FILE_BYTES_MAX {
        return None;
    }
    let (source, language) = readable(name, text).ok()?;
    let found = compile(name, || {
        let map: Lrc<SourceMap> = Lrc::default();
        let Ok(Parsed { program, start, .. }) = syntax::parse(&map, name, source.text, language) else {
            return Ok(None);
        };
        let Some(byte) = byte_at(&source, at) else { return Ok(None) };
        let mut nodes = Nodes::around(byte, start);
        program.visit_with(&mut nodes);
        Ok(match happened {
            Happened::Called { function } => called(&nodes.sites, byte, function),
            Happened::Threw { name, message } => threw(&nodes.sites, byte, name, message),
            Happened::Stopped => stopped(&nodes, byte),
        })
    });
    let byte = found.ok()??;
    let place = source.place(byte, byte);
    Some((place.line, place.column))
}

/// The innermost call around the place that names the function, or else the innermost.
fn called(sites: &[Site], byte: usize, function: Option<&str>) -> Option<usize> {
    let around = || sites.iter().rev().filter(|site| site.is_call() && site.span.contains(&byte));
    let name = function.map(|name| name.rsplit(['.', ' ']).next().unwrap_or(name));
    let named = name.and_then(|name| around().find(|site| site.name.as_deref() == Some(name)));
    named.or_else(|| around().next()).map(|site| site.at)
}

fn threw(sites: &[Site], byte: usize, name: &str, message: &str) -> Option<usize> {
    let around = || sites.iter().rev().filter(|site| site.span.contains(&byte));
    if let Some(property) = unreadable(message) {
        return around().find(|site| site.is_member(property)).map(|site| site.at);
    }
    let made = |site: &&Site| site.is_new() && (site.thrown || site.name.as_deref() == Some(name));
    if let Some(site) = around().find(made) {
        return Some(site.at);
    }
    if name == "TypeError" && !message.ends_with("not a function") || name == "ReferenceError" {
        return None;
    }
    called(sites, byte, None)
}

/// The property in `cannot read property 'y' of undefined`, and its like.
fn unreadable(message: &str) -> Option<&str> {
    let rest = message
        .strip_prefix("cannot read property '")
        .or_else(|| message.strip_prefix("cannot set property '"))?;
    rest.split_once('\'').map(|(property, _)| property)
}

/// The loop around the place; or the first behind it in its function that has no end, or else the first at all.
fn stopped(nodes: &Nodes, byte: usize) -> Option<usize> {
    let around = nodes.loops.iter().rev().find(|found| found.span.contains(&byte));
    let behind = || nodes.loops.iter().filter(|found| found.span.start >= byte);
    let found = around.or_else(|| behind().find(|found| found.endless)).or_else(|| behind().next());
    found.map(|found| found.span.start)
}

/// The byte at a line and column.
fn byte_at(source: &Source<'_>, (line, column): (u32, u32)) -> Option<usize> {
    let mut start = 0;
    let mut lines = source.text.split_inclusive('\n');
    for _ in 1..line {
        start += lines.next()?.len();
    }
    let mut units = column.saturating_sub(1) as usize;
    let mut byte = start;
    for character in lines.next()?.chars() {
        if units == 0 {
            break;
        }
        units = units.saturating_sub(character.len_utf16());
        byte += character.len_utf8();
    }
    Some(byte)
}

#[cfg(test)]
mod tests {
    use super::{Happened, place};

    const CALLED: Happened<'_> = Happened::Called { function: None };
    const UNREADABLE: Happened<'_> =
        Happened::Threw { name: "TypeError", message: "cannot read property 'y' of undefined" };
    const ERROR: Happened<'_> = Happened::Threw { name: "Error", message: "no" };
    const SYNTAX: Happened<'_> = Happened::Threw { name: "SyntaxError", message: "unexpected token" };

    /// `‹` marks what the engine says, `›` what is to be found; the markers are no part of the text.
    fn check(marked: &str, happened: Happened<'_>) {
        let text = marked.replace(['‹', '›'], "");
        let place_of = |marker: char| {
            let before: String = marked[..marked.find(marker).unwrap()].replace(['‹', '›'], "");
            let line = before.matches('\n').count() as u32 + 1;
            let column = before.rsplit('\n').next().unwrap().encode_utf16().count() as u32 + 1;
            (line, column)
        };
        let found = place("processor.ts", &text, place_of('‹'), happened);
        assert_eq!(found, Some(place_of('›')), "{marked}");
    }

    #[test]
    fn what_the_engine_means() {
        let named = |function| Happened::Called { function: Some(function) };
        for (marked, happened) in [
            ("function f(event: any) {\n  ›boom(\n    ‹event,\n  );\n}", CALLED),
            ("›boom<number>(‹event);", named("boom")),
            ("›outer(inner(‹x));", named("outer")),
            ("outer(›inner(‹x));", named("inner")),
            ("outer(›inner(‹x));", named("renamed")),
            ("o.a.›boom(o.‹b);", named("boom")),
            ("list.›map(‹each);", named("each")),
            ("new Thing(›boom(‹x));", named("boom")),
            ("const t = ›new Thing(‹x);", named("Thing")),
            ("›tag`a ${‹x}`;", named("tag")),
            ("const s = '😀'; ›boom(‹x);", CALLED),
            ("function f(o) {\n  return ‹o.x.›y;\n}", UNREADABLE),
            ("‹o.x\n  .›y.z(o);", UNREADABLE),
            ("‹o.x[›'y'] = 1;", UNREADABLE),
            (
                "throw ›new TypeError(\n  `no item in ${event.‹type}`,\n);",
                Happened::Threw { name: "TypeError", message: "no item" },
            ),
            ("throw ›new Error('x' +\n  a.‹type);", ERROR),
            ("const e = ›new Error(‹text); throw e;", ERROR),
            ("throw ›new Custom(‹text);", ERROR),
            ("JSON.›parse(event.‹text);", SYNTAX),
            ("o.›nope(‹x);", Happened::Threw { name: "TypeError", message: "not a function" }),
            ("if (‹a.b) x();\nlet i = 0;\n›while (true) {\n  i++;\n}", Happened::Stopped),
            ("f(‹a);\nfor (const x of y) z += x;\n›for (;;) {}", Happened::Stopped),
            ("f(‹a);\n›for (const x of y) z += x;", Happened::Stopped),
            ("for (const a of b) {\n  ›for (;;) {\n x += Math.sqrt(‹x);\n }\n}", Happened::Stopped),
        ] {
            check(marked, happened);
        }
    }

    #[test]
    fn what_is_left_as_it_is() {
        for (text, at, happened) in [
            // The call is around the function in which it happened, not in it.
            ("outer(() => { x; });", (1, 15), CALLED),
            ("const { a } = b;", (1, 15), UNREADABLE),
            ("f(() => { a; }); while (true) {}", (1, 11), Happened::Stopped),
            ("f(x", (1, 3), CALLED),
            ("", (7, 9), CALLED),
            ("f(1n + x);", (1, 8), Happened::Threw { name: "TypeError", message: "cannot mix BigInt" }),
        ] {
            assert_eq!(place("processor.ts", text, at, happened), None, "{text}");
        }
    }
}
