//! JSONata in its own processes: what batches come to, and what hostile expressions do to nobody else.

use std::path::PathBuf;

use bytes::Bytes;
use millrace::event::{Expression, Json};
use millrace::jsonata::{Evaluators, Outcome, Program};

fn evaluators() -> Evaluators {
    Evaluators::new(PathBuf::from(env!("CARGO_BIN_EXE_millrace")))
}

fn program(filter: &str, transform: &str) -> Program {
    let parse = |text: &str| (!text.is_empty()).then(|| Expression::parse(text).unwrap());
    Program::new(parse(filter), parse(transform))
}

fn events(count: usize) -> Vec<Bytes> {
    (1..=count)
        .map(|offset| Bytes::from(format!(r#"{{"type":"t","payload":{{"n":{offset}}},"offset":{offset}}}"#)))
        .collect()
}

/// `-` for skipped, the value of a match, `!` and the code of a failure.
fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Skipped => "-".into(),
        Outcome::Matched(value) => value.as_ref().map_or("none", Json::as_str).into(),
        Outcome::Failed(failure) => format!("!{}", failure.code),
    }
}

#[tokio::test]
async fn a_batch_is_answered_event_by_event() {
    let evaluators = evaluators();
    let cases = [
        ("payload.n = 2", "", "-,none,-"),
        (
            "payload.n > 1",
            "{'type': 'u', 'payload': {'m': payload.n * 2}}",
            r#"-,{"type":"u","payload":{"m":4}},{"type":"u","payload":{"m":6}}"#,
        ),
        ("", "payload.n = 2 ? $error('two') : payload.n", "1,!D3137,3"),
        ("payload.n = 1 ? type + 1", "true", "!T2001,-,-"),
        ("true", "payload.nothing", "none,none,none"),
        ("", "", "none,none,none"),
    ];
    for (filter, transform, expected) in cases {
        let outcomes = evaluators.run(&program(filter, transform), &events(3)).await.unwrap();
        let told: Vec<String> = outcomes.iter().map(told).collect();
        assert_eq!(told.join(","), expected, "{filter} | {transform}");
    }
    let many = evaluators.run(&program("payload.n % 2 = 0", ""), &events(20_000)).await.unwrap();
    assert_eq!(many.iter().filter(|outcome| **outcome != Outcome::Skipped).count(), 10_000);
    assert_eq!(evaluators.stats().ended, 0);
    evaluators.shutdown().await;
}

/// Each of them is the second of three events: the others are answered all the same, and so is whoever asks beside.
#[tokio::test]
async fn hostile_expressions_end_alone() {
    let evaluators = evaluators();
    let beside = evaluators.clone();
    let quiet = tokio::spawn(async move {
        let mut answered = 0;
        for _ in 0..50 {
            answered += beside.run(&program("payload.n = 2", ""), &events(3)).await.unwrap().len();
        }
        answered
    });
    let cases = [
        ("$pad('x', 100000000000)", &["!out-of-memory"][..]),
        (
            "($f := function($s, $n) {$n = 0 ? $s : $f($s & $s, $n - 1)}; $length($f('aaaaaaaa', 60)))",
            &["!timeout", "!out-of-memory"],
        ),
        (
            "($f := function($s, $n) {$n = 0 ? $s : $f([$s, $s], $n - 1)}; $count($f([1, 2, 3], 60)))",
            &["!timeout", "!out-of-memory"],
        ),
        (
            "($f := function($s, $n) {$n = 0 ? $s : $f({'a': $s, 'b': $s}, $n - 1)}; $f(1, 60))",
            &["!limit", "!timeout"],
        ),
        ("($f := function($x) {$f($x + 1)}; $f(0))", &["!timeout"]),
        ("($f := function($x) {1 + $f($x + 1)}; $f(0))", &["!stack-overflow"]),
        ("$map([1..100000], function($x) {$map([1..100000], function($y) {$x * $y})})", &["!timeout"]),
        ("$match($join([1..100000].'a'), /(a+)+b/)", &["none", "!timeout"]),
        ("($x := function($n) {{'a': $n > 300 ? 1 : $x($n + 1)}}; $x(0))", &["!limit"]),
    ];
    for (hostile, codes) in cases {
        let transform = format!("payload.n = 2 ? {hostile} : payload.n");
        let (program, events) = (program("", &transform), events(3));
        let mut outcomes = Vec::new();
        while outcomes.len() < events.len() {
            outcomes.extend(evaluators.run(&program, &events[outcomes.len()..]).await.unwrap());
        }
        let told: Vec<String> = outcomes.iter().map(told).collect();
        assert_eq!((told[0].as_str(), told[2].as_str()), ("1", "3"), "{hostile}");
        assert!(codes.contains(&told[1].as_str()), "{hostile}: {}", told[1]);
    }
    assert_eq!(quiet.await.unwrap(), 150);
    evaluators.shutdown().await;
}
