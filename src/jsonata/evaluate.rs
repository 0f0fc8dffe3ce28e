//! One expression over one input, within its bounds of time, depth and size. Its memory is bounded by the process alone,
//! which is why nothing but an evaluator calls this for a user.

use std::borrow::Cow;
use std::io::{self, Write};
use std::time::Instant;

use jsonata_core::ast::AstNode;
use jsonata_core::evaluator::{Context, Evaluator, EvaluatorError, EvaluatorOptions};
use jsonata_core::parser;
use jsonata_core::value::JValue;

use super::{Bindings, Failure, Part, TIMEOUT};
use crate::event::Expression;
use crate::limits::{
    EVALUATION_DEPTH_MAX, EVALUATION_RESULT_BYTES_MAX, EVALUATION_SEQUENCE_MAX, EVALUATION_TIMEOUT,
};

/// Ready to be evaluated again and again.
pub enum Compiled {
    /// Run by the crate's own machine, where it can be.
    Plain(jsonata_core::Expression),
    /// Calls functions that the crate does not have, and that are lent to it.
    Lent(AstNode),
}

/// What the reference implementation has and the crate has not.
const LENT: [&str; 3] = ["$random", "$clone", "$now"];

impl Compiled {
    /// None when it does not parse: an `Expression` always does.
    pub fn new(expression: &Expression) -> Option<Compiled> {
        let ast = parser::parse(&expression.readable()).ok()?;
        let lends = LENT.iter().any(|name| expression.as_str().contains(name));
        Some(if lends {
            Compiled::Lent(ast)
        } else {
            Compiled::Plain(jsonata_core::Expression::from_ast(ast))
        })
    }

    pub fn evaluate(&self, input: &JValue, part: Part) -> Result<JValue, Failure> {
        let value = match self {
            Compiled::Plain(expression) => expression.evaluate_with_options(input, options()),
            Compiled::Lent(ast) => lend(Context::new()).and_then(|mut lent| lent.evaluate(ast, input)),
        };
        value.map_err(|error| failure(&error, part))
    }
}

fn options() -> EvaluatorOptions {
    EvaluatorOptions {
        timeout_ms: Some(EVALUATION_TIMEOUT.as_millis() as u64),
        max_stack_depth: Some(EVALUATION_DEPTH_MAX),
        max_sequence_length: Some(EVALUATION_SEQUENCE_MAX),
        ..EvaluatorOptions::default()
    }
}

fn lend(context: Context) -> Result<Evaluator, EvaluatorError> {
    let mut evaluator = Evaluator::with_options(context, options());
    evaluator.register_fn_override("random", |_: &[JValue]| Ok(JValue::Number(random())))?;
    evaluator.register_fn_override("clone", |args: &[JValue]| {
        Ok(args.first().cloned().unwrap_or(JValue::Undefined))
    })?;
    evaluator.register_fn_override("now", now)?;
    Ok(evaluator)
}

/// From 0 up to 1, as even as a double can be.
fn random() -> f64 {
    let bits = getrandom::u64().unwrap_or_default();
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

/// `$now(picture, timezone)`; the crate's own takes no arguments.
fn now(args: &[JValue]) -> Result<JValue, EvaluatorError> {
    if args.is_empty() {
        return jsonata_core::Expression::from_ast(call("now", Vec::new())).evaluate(&JValue::Undefined);
    }
    let literal = |value: &JValue| match value {
        JValue::String(text) => AstNode::String(text.to_string()),
        _ => AstNode::Undefined,
    };
    let mut from = vec![call("millis", Vec::new())];
    from.extend(args.iter().map(literal));
    jsonata_core::Expression::from_ast(call("fromMillis", from)).evaluate(&JValue::Undefined)
}

fn call(name: &str, args: Vec<AstNode>) -> AstNode {
    AstNode::Function { name: name.to_string(), args, is_builtin: true }
}

fn failure(error: &EvaluatorError, part: Part) -> Failure {
    let said = error.message();
    let (code, message) = coded(said).unwrap_or(("evaluation", said));
    let word = match code {
        "D1012" => TIMEOUT,
        "D1011" | "U1001" => "stack-overflow",
        "D2015" => "limit",
        _ => code,
    };
    Failure { code: word.to_string(), message: message.trim().to_string(), part }
}

/// The code within a message, mostly at its beginning, and what is said behind it.
fn coded(said: &str) -> Option<(&str, &str)> {
    said.match_indices(':').find_map(|(colon, _)| {
        let code = said.get(colon.checked_sub(5)?..colon)?;
        let is_code = code.starts_with(|c: char| c.is_ascii_uppercase())
            && code[1..].bytes().all(|digit| digit.is_ascii_digit());
        is_code.then(|| (code, &said[colon + 1..]))
    })
}

/// Whether a filter with this value lets an event through: JSONata's `$boolean`, with false for no value.
pub fn is_true(value: &JValue) -> bool {
    match value {
        JValue::Bool(value) => *value,
        JValue::Number(number) => *number != 0.0 && !number.is_nan(),
        JValue::String(text) => !text.is_empty(),
        JValue::Array(items) => items.iter().any(is_true),
        JValue::Object(members) => !members.is_empty(),
        _ => false,
    }
}

/// The JSON text of a value; none when it is no value.
pub fn write(value: &JValue, part: Part) -> Result<Option<Vec<u8>>, Failure> {
    if value.is_undefined() || value.is_function() {
        return Ok(None);
    }
    // A value may share its parts, and be exponentially larger as a text than it is in memory.
    let mut text = Bounded { text: Vec::new(), writes: 0, began: Instant::now() };
    match serde_json::to_writer(&mut text, value) {
        Ok(()) => Ok(Some(text.text)),
        Err(_) if text.is_late() => {
            let message = "it takes too long to write the result as JSON".to_string();
            Err(Failure { code: TIMEOUT.into(), message, part })
        }
        Err(_) => {
            let message = format!("the result has more than {EVALUATION_RESULT_BYTES_MAX} bytes as JSON");
            Err(Failure { code: "limit".into(), message, part })
        }
    }
}

struct Bounded {
    text: Vec<u8>,
    writes: u32,
    began: Instant,
}

impl Bounded {
    fn is_late(&self) -> bool {
        self.began.elapsed() > EVALUATION_TIMEOUT
    }
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        /// Pieces of a few bytes each between two looks at the clock.
        const WRITES: u32 = 4_096;
        self.writes += 1;
        let is_late = self.writes.is_multiple_of(WRITES) && self.is_late();
        if is_late || self.text.len() + bytes.len() > EVALUATION_RESULT_BYTES_MAX {
            return Err(io::Error::other("too much"));
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An event's wire text as a value.
pub fn read(text: &str, part: Part) -> Result<JValue, Failure> {
    let read = JValue::from_json_str(text).or_else(|_| JValue::from_json_str(&without_lone_surrogates(text)));
    read.map_err(|error| Failure {
        code: "input".into(),
        message: format!("the event is no input for an expression: {error}"),
        part,
    })
}

/// Half a pair is no character, and an event may have one: it is read as U+FFFD, as everywhere on the web.
fn without_lone_surrogates(text: &str) -> Cow<'_, str> {
    let unit = |at: usize| {
        let escape = text.get(at..at + 6).filter(|escape| escape.starts_with("\\u"))?;
        u16::from_str_radix(&escape[2..], 16).ok()
    };
    let mut mended = String::with_capacity(text.len());
    let (mut copied, mut at) = (0, 0);
    while let Some(found) = text[at..].find('\\') {
        at += found;
        match unit(at) {
            Some(0xd800..=0xdbff) if unit(at + 6).is_some_and(|low| (0xdc00..=0xdfff).contains(&low)) => {
                at += 12
            }
            Some(0xd800..=0xdfff) => {
                mended.push_str(&text[copied..at]);
                mended.push_str("\\ufffd");
                at += 6;
                copied = at;
            }
            // The backslash and what it escapes, which is a character of one byte.
            _ => at = (at + 2).min(text.len()),
        }
    }
    mended.push_str(&text[copied..]);
    Cow::Owned(mended)
}

/// Evaluates in this very process, and without a bound on memory: for the reference's own tests, and for whoever has
/// written the expression himself.
pub fn evaluate_here(
    expression: &Expression,
    input: Option<&str>,
    bindings: &Bindings,
) -> Result<Option<String>, Failure> {
    let part = Part::Transform;
    let compiled = Compiled::new(expression).expect("an expression parses");
    let input = match input {
        Some(text) => read(text, part)?,
        None => JValue::Undefined,
    };
    let value = match (&compiled, bindings.is_empty()) {
        (_, true) => compiled.evaluate(&input, part)?,
        (Compiled::Lent(ast), false) => bound(ast, &input, bindings)?,
        (Compiled::Plain(plain), false) => bound(plain.ast(), &input, bindings)?,
    };
    let text = write(&value, part)?;
    Ok(text.map(|text| String::from_utf8(text).expect("JSON is text")))
}

fn bound(ast: &AstNode, input: &JValue, bindings: &Bindings) -> Result<JValue, Failure> {
    let mut context = Context::new();
    for (name, value) in bindings {
        context.bind(name.clone(), JValue::from(value.clone()));
    }
    lend(context)
        .and_then(|mut evaluator| evaluator.evaluate(ast, input))
        .map_err(|error| failure(&error, Part::Transform))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"streamPath":"/a","type":"order-placed","payload":{"items":[{"sku":"t","price":3,"n":2},{"sku":"c","price":10,"n":1}],"user":{"id":"U1"},"note":"héllo wörld"},"offset":7,"createdAt":"2023-11-14T22:13:20.123Z"}"#;

    fn evaluated(text: &str) -> Result<Option<String>, Failure> {
        let expression = Expression::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        evaluate_here(&expression, Some(EVENT), &Bindings::new())
    }

    #[test]
    fn what_expressions_come_to() {
        let cases = [
            ("type", Some(r#""order-placed""#)),
            ("type = 'order-placed' and payload.items[price > 5]", Some("true")),
            ("payload.nothing", None),
            ("payload.nothing = 1", Some("false")),
            ("$sum(payload.items.(price * n))", Some("16")),
            ("payload.items.sku", Some(r#"["t","c"]"#)),
            ("payload.items[price = 3].sku", Some(r#""t""#)),
            ("payload.items[price = 3].sku[]", Some(r#"["t"]"#)),
            ("payload.items{sku: price}", Some(r#"{"t":3,"c":10}"#)),
            ("payload.items^(>price).sku", Some(r#"["c","t"]"#)),
            ("payload.items.sku ~> $join('-')", Some(r#""t-c""#)),
            ("payload.items.price.{'p': $, 'of': %.sku}", Some(r#"[{"p":3,"of":"t"},{"p":10,"of":"c"}]"#)),
            (
                "{'type': 'x', 'payload': {'a': payload.user.id, 'b': payload.nothing}}",
                Some(r#"{"type":"x","payload":{"a":"U1"}}"#),
            ),
            ("$uppercase(payload.note)", Some(r#""HÉLLO WÖRLD""#)),
            ("$replace(payload.note, /(w\\S+)/, '<$1>')", Some(r#""héllo <wörld>""#)),
            ("$match('a/b', /[/]b/).match", Some(r#""/b""#)),
            ("$toMillis(createdAt)", Some("1700000000123")),
            ("$fromMillis(0, '[Y0001]-[M01]-[D01]')", Some(r#""1970-01-01""#)),
            ("payload ~> |items|{'price': price * 2}, 'n'|.items.price", None),
            ("(payload ~> |items|{'price': price * 2}, 'n'|).items.price", Some("[6,20]")),
            ("($f := function($n) {$n < 2 ? 1 : $n * $f($n - 1)}; $f(10))", Some("3628800")),
            ("$random() >= 0 and $random() < 1", Some("true")),
            ("$now('[Y0001]') = $substring($now(), 0, 4)", Some("true")),
            ("$map([1, 2], function($v) {$clone({'v': $v})})", Some(r#"[{"v":1},{"v":2}]"#)),
            ("function($x) {$x}", None),
            ("null", Some("null")),
            ("1/3", Some("0.3333333333333333")),
            ("2 ~> $power(60)", Some("1152921504606846976")),
        ];
        for (text, expected) in cases {
            // A transform operator is a function: a path behind it is not one of its result.
            if text == "payload ~> |items|{'price': price * 2}, 'n'|.items.price" {
                assert!(evaluated(text).is_err(), "{text}");
                continue;
            }
            assert_eq!(evaluated(text), Ok(expected.map(str::to_string)), "{text}");
        }
    }

    #[test]
    fn what_expressions_fail_with() {
        let cases = [
            ("type + 1", "T2001"),
            ("-type", "D1002"),
            ("$number('x')", "D3030"),
            ("$sum(type)", "T0412"),
            ("$undefined(1)", "T1006"),
            ("$error('so')", "D3137"),
            ("$toMillis('x', '[Q]')", "D3132"),
            ("($f := function($x) {$f($x)}; $f(1))", "timeout"),
            ("($f := function($x) {1 + $f($x)}; $f(1))", "stack-overflow"),
            ("$count([1..10000001])", "D2014"),
        ];
        for (text, code) in cases {
            assert_eq!(evaluated(text).map_err(|failure| failure.code), Err(code.to_string()), "{text}");
        }
    }

    #[test]
    fn a_filter_is_true_as_boolean_has_it() {
        let cases = [
            "true",
            "false",
            "null",
            "0",
            "1",
            "-1",
            "''",
            "'0'",
            "'false'",
            "[]",
            "[0]",
            "[0, 0]",
            "[0, 1]",
            "[[]]",
            "[[], [1]]",
            "{}",
            "{'a': false}",
            "payload",
            "payload.nothing",
            "payload.items",
            "$sum",
            "function() {1}",
            "/a/",
            "[null]",
            "['']",
            "[{}]",
            "[{'a': 1}]",
        ];
        for text in cases {
            let compiled = Compiled::new(&Expression::parse(text).unwrap()).unwrap();
            let value = compiled.evaluate(&read(EVENT, Part::Filter).unwrap(), Part::Filter).unwrap();
            let expected = evaluated(&format!("$boolean({text}) = true")).unwrap();
            assert_eq!(Some(is_true(&value).to_string()), expected, "{text}");
        }
    }

    #[test]
    fn half_a_pair_is_read_as_what_stands_for_it() {
        let cases = [
            (r#"{"a":"\ud800"}"#, "\"\u{fffd}\""),
            (r#"{"a":"x\udc00\ud83d\ude00\\ud800"}"#, "\"x\u{fffd}\u{1F600}\\\\ud800\""),
            (r#"{"a":"\ud800\ud83d\ude00"}"#, "\"\u{fffd}\u{1F600}\""),
        ];
        for (text, expected) in cases {
            let expression = Expression::parse("a").unwrap();
            let found = evaluate_here(&expression, Some(text), &Bindings::new());
            assert_eq!(found, Ok(Some(expected.to_string())), "{text}");
        }
    }
}
