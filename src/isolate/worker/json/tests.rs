//! What is read here is what `JSON.parse` makes of it; and two that are read at once have nothing in common.

use rquickjs::{Context, Ctx, Function, Runtime, Value};

use super::{Names, Stop};

/// Texts, and whether they are read here: the others are left to `JSON.parse`.
const TEXTS: &[(&str, bool)] = &[
    (
        r#"{"streamPath":"/a","offset":7,"type":"t","payload":{"n":1,"text":"x"},"createdAt":"2026-01-01T00:00:00.000Z"}"#,
        true,
    ),
    (" { \"a\" : [ 1 , 2 , { } , [ ] ] , \"b\" : null }\n", true),
    ("[true,false,null,\"\"]", true),
    (r#""\"\\\/\b\f\n\r\t\u00e9\u20ac\ud83d\ude00 end""#, true),
    (r#"{"\u0061":1,"a\n":2,"é":3,"\u00c3\u00a9":4,"ключ":5,"😀":6}"#, true),
    ("\"é ключ 😀 \u{2028}\"", true),
    (
        "[0,-0,1,-1,999999999,-999999999,1000000000,2147483648,9007199254740993,1e2,1E-2,-1.5e+3,0.1,1.0,5e-324,1e400,0e0]",
        true,
    ),
    (r#"{"a":1,"b":2,"a":{"c":3}}"#, true),
    (
        r#"{"__proto__":{"x":1},"constructor":2,"toString":3,"2":"b","1":"a","-1":"c","01":"d","4294967295":"e"}"#,
        true,
    ),
    (r#"{"":{"":[""]}}"#, true),
    (r#""\ud800""#, false),
    (r#""\ud800\u0041""#, false),
    ("01", false),
    ("1.", false),
    (".5", false),
    ("+1", false),
    ("-", false),
    ("1e", false),
    ("--1", false),
    ("tru", false),
    ("[1,]", false),
    ("{\"a\":1,}", false),
    ("{a:1}", false),
    ("\"\n\"", false),
    ("\"a", false),
    (r#""\x""#, false),
    (r#""\u00g0""#, false),
    ("{} {}", false),
    ("", false),
];

/// Whether two values are the same, down to the order of their members.
const SAME: &str = "(function same(a, b) {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b) || Array.isArray(a) !== Array.isArray(b)) return false;
  const [names, others] = [a, b].map((value) => JSON.stringify(Object.entries(Object.getOwnPropertyDescriptors(value)).map(([name, { value: _, ...flags }]) => [name, flags])));
  return names === others && Object.keys(a).every((name) => same(Object.getOwnPropertyDescriptor(a, name).value, Object.getOwnPropertyDescriptor(b, name).value));
})";
const APART: &str = "(function apart(a, b) {
  if (typeof a !== 'object' || a === null) return true;
  return a !== b && Object.keys(a).every((name) => apart(Object.getOwnPropertyDescriptor(a, name).value, Object.getOwnPropertyDescriptor(b, name).value));
})";

fn with_context(body: impl FnOnce(&Ctx<'_>)) {
    let runtime = Runtime::new().unwrap();
    Context::full(&runtime).unwrap().with(|ctx| body(&ctx));
}

#[test]
fn as_json_parse_has_it() {
    with_context(|ctx| {
        let [same, apart] = [SAME, APART].map(|code| ctx.eval::<Function<'_>, _>(code).unwrap());
        let names = Names::default();
        // Twice: the second time the names are known.
        for (text, is_read_here) in TEXTS.iter().chain(TEXTS) {
            let read = names.read(ctx, text.as_bytes(), true);
            assert_eq!(read.is_ok(), *is_read_here, "{text}");
            assert!(!matches!(read, Err(Stop::Thrown)), "{text}");
            let Ok(expected) = ctx.json_parse(*text) else {
                ctx.catch();
                assert!(names.value(ctx, text.as_bytes()).is_err(), "{text}");
                ctx.catch();
                continue;
            };
            let value = names.value(ctx, text.as_bytes()).unwrap();
            let (one, other) = names.values(ctx, text.as_bytes(), true).unwrap();
            assert_eq!(other.is_some(), *is_read_here, "{text}");
            for made in [Some(&value), Some(&one), other.as_ref()].into_iter().flatten() {
                assert!(same.call::<_, bool>((made.clone(), expected.clone())).unwrap(), "{text}");
            }
            assert!(other.is_none_or(|other| apart.call::<_, bool>((one, other)).unwrap()), "{text}");
        }
    });
}

#[test]
fn a_polluted_prototype_is_not_asked() {
    with_context(|ctx| {
        let () = ctx
            .eval("Object.defineProperty(Object.prototype, 'a', { set() { throw 1 }, get() { throw 2 } }); Array.prototype[0] = 3")
            .unwrap();
        let value: Value<'_> = Names::default().value(ctx, br#"{"a":[7]}"#).unwrap();
        let text = ctx.json_stringify(value).unwrap().unwrap().to_string().unwrap();
        assert_eq!(text, r#"{"a":[7]}"#);
    });
}

#[test]
fn many_names_and_deep_ones() {
    with_context(|ctx| {
        let names = Names::default();
        let members: Vec<String> = (0..1_000).map(|n| format!("\"name{n}\":{n}")).collect();
        let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        for text in [format!("{{{}}}", members.join(",")), format!("{{\"{}\":1}}", "n".repeat(100)), deep(64)]
        {
            let value = names.value(ctx, text.as_bytes()).unwrap();
            assert_eq!(ctx.json_stringify(value).unwrap().unwrap().to_string().unwrap(), text);
        }
        assert!(matches!(names.read(ctx, deep(65).as_bytes(), false), Err(Stop::Unusual)));
        assert!(names.value(ctx, deep(1_000).as_bytes()).is_ok());
        let long = format!("[{}1]", "1,".repeat(40_000));
        assert!(matches!(names.read(ctx, long.as_bytes(), false), Err(Stop::Unusual)));
        assert!(names.value(ctx, long.as_bytes()).is_ok());
    });
}
