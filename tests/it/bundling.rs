//! Sources in, answers out (contract §3): what compiles runs, and what does not is told exactly, in the author's own
//! files. None of these needs a package, so none needs a network.

use serde_json::{Value, json};

use crate::harness::{Client, Server, assert_subset, get, shared};

/// Appends a source; what the bundler has to say of it.
fn answer(millrace: &Client, path: &str, payload: Value) -> Value {
    let source = source(millrace, path, payload);
    let events =
        millrace.wait_for(path, "the bundler's answer", |events| answer_in(events, &source).is_some());
    answer_in(&events, &source).cloned().expect("it has just been seen")
}

fn source(millrace: &Client, path: &str, payload: Value) -> Value {
    let mut payload = payload;
    payload["typecheck"].take();
    let mut members = json!({"slug": "p", "typecheck": "off"});
    for (name, value) in payload.as_object().unwrap().iter().filter(|(_, value)| !value.is_null()) {
        members[name.as_str()] = value.clone();
    }
    let stored = millrace.append(path, json!({"type": "processor/source-configured", "payload": members}));
    assert_eq!(stored["type"], "processor/source-configured", "{stored:#}");
    stored
}

fn answer_in<'a>(events: &'a [Value], source: &Value) -> Option<&'a Value> {
    events.iter().find(|event| {
        event["payload"]["sourceOffset"] == source["offset"]
            || event["payload"]["bundle"]["sourceOffset"] == source["offset"]
    })
}

const PONG: &str = "export default { async afterAppend({ event, append }) { if (event.type === 'ping') await append({ type: 'pong' }); } };";

/// A processor that answers each ping with the value of an expression.
fn answering(prelude: &str, expression: &str) -> String {
    format!(
        "{prelude}\nexport default {{\n  async afterAppend({{ event, append }}: any) {{\n    if (event.type === 'ping') await append({{ type: 'pong', payload: {{ value: {expression} }} }});\n  }},\n}};\n"
    )
}

#[test]
fn what_compiles_runs() {
    let millrace = shared();
    let cases: Vec<(&str, Value, Value)> = vec![
        (
            "types",
            json!({"processor.ts": answering("type A = { a: number }; const a: A = { a: 1 } satisfies A;", "a!.a")}),
            json!(1),
        ),
        (
            "enum",
            json!({"processor.ts": answering("enum E { A = 3, B } namespace N { export const c = E.B; }", "N.c")}),
            json!(4),
        ),
        (
            "decorators",
            json!({"processor.ts": answering("function twice(f: any, _: any) { return function (this: any) { return f.call(this) * 2; }; } class C { n = 4; @twice get() { return this.n; } }", "new C().get()")}),
            json!(8),
        ),
        (
            "tsx",
            json!({"processor.tsx": answering("const React = { createElement: (t: string, p: any, ...c: any[]) => `${t}(${c.join('')})` };", "<b>hi</b>")}),
            json!("b(hi)"),
        ),
        (
            "files",
            json!({
                "processor.ts": answering("import { twice } from './lib/twice'; import data from './data.json'; import text from './note.txt' with { type: 'text' };", "[twice(data.n), text]"),
                "lib/twice.ts": "import { two } from './two.js';\nexport const twice = (n: number): number => n * two();\n",
                "lib/two.ts": "export function two() { return 2; }\n",
                "data.json": "{\"n\": 21}",
                "note.txt": "a note",
            }),
            json!([42, "a note"]),
        ),
        (
            "paths",
            json!({
                "src/index.ts": answering("import { a } from '@lib/a';", "a"),
                "src/lib/a.ts": "export const a = 'aliased';",
                "tsconfig.json": "{ // with a comment\n \"compilerOptions\": { \"paths\": { \"@lib/*\": [\"./src/lib/*\"] } } }",
            }),
            json!("aliased"),
        ),
        (
            "cycle",
            json!({
                "processor.ts": answering("import { even } from './even';", "even(10)"),
                "even.ts": "import { odd } from './odd';\nexport function even(n: number): boolean { return n === 0 || odd(n - 1); }",
                "odd.ts": "import { even } from './even';\nexport function odd(n: number): boolean { return n !== 0 && even(n - 1); }",
            }),
            json!(true),
        ),
        (
            "chain",
            json!({"processor.ts": answering(&format!("const a = {}1;", "1 + ".repeat(4_000)), "a")}),
            json!(4_001),
        ),
        (
            "commonjs",
            json!({
                "processor.ts": answering("import two from './two.cjs';", "two.two + two.three"),
                "two.cjs": "const { three } = require('./three.cjs');\nmodule.exports = { two: 2, three };\n",
                "three.cjs": "exports.three = 3;\n",
            }),
            json!(5),
        ),
        (
            "sdk",
            json!({"processor.ts": "import { defineProcessor } from 'millrace';\nimport { defineProcessor as same } from 'ai-engineer-workshop';\nexport default defineProcessor(() => ({ async afterAppend({ event, append }: any) { if (event.type === 'ping') await append({ type: 'pong', payload: { value: same === defineProcessor } }); } }));"}),
            json!(true),
        ),
        (
            "under-a-name-of-its-own",
            json!({"processor.ts": "import { defineProcessor } from 'millrace';\nexport const answering = defineProcessor(() => ({ async afterAppend({ event, append }) { if (event.type === 'ping') await append({ type: 'pong', payload: { value: 5 } }); } }));\nexport const schema = { reduce: 1 }; // the end"}),
            json!(5),
        ),
    ];
    for (name, files, value) in cases {
        let path = format!("/{name}");
        let configured = answer(&millrace, &path, json!({"files": files}));
        assert_subset(
            name,
            &configured,
            &json!({"type": "processor/configured", "payload": {"slug": "p", "script": "<any>", "sourceMap": {"version": 3}, "bundle": {"sha256": "<any>", "bytes": configured["payload"]["script"].as_str().map(str::len)}},
                "source": {"kind": "processor", "slug": "bundler", "cause": {"streamPath": path, "offset": configured["payload"]["bundle"]["sourceOffset"]}}}),
        );
        let activated = millrace.wait_type(&path, "processor/activated");
        assert_eq!(activated["payload"]["configuredOffset"], configured["offset"], "{name}");
        millrace.append(&path, json!({"type": "ping"}));
        assert_eq!(millrace.wait_type(&path, "pong")["payload"]["value"], value, "{name}");
    }
}

#[test]
fn what_does_not_compile_is_told_exactly() {
    let millrace = shared();
    let at = |code: &str, file: &str, line: u64, column: u64| json!({"severity": "error", "code": code, "file": file, "line": line, "column": column});
    let cases: Vec<(&str, Value, &str, Value)> = vec![
        (
            "syntax",
            json!({"files": {"processor.ts": "export default {\n  a: = 1,\n};\n"}}),
            "parse",
            json!([at("syntax-error", "processor.ts", 2, 6)]),
        ),
        (
            "no-export",
            json!({"files": {"processor.ts": "import {\n  defineProcesor,\n} from \"millrace\";\nimport x, { type Any, other as y } from \"ai-engineer-workshop\";\nexport default defineProcesor({ reduce() { return [x, y] as Any; } });"}}),
            "resolve",
            json!([
                {"code": "missing-export", "message": "`millrace` has no export `defineProcesor`", "file": "processor.ts", "line": 2, "column": 3, "hint": "did you mean `defineProcessor`?"},
                at("missing-export", "processor.ts", 4, 8),
                at("missing-export", "processor.ts", 4, 23),
            ]),
        ),
        (
            "undeclared",
            json!({"files": {"processor.ts": "import { z } from \"zod\";\nexport default { reduce() { return z; } };"}}),
            "resolve",
            json!([{"code": "undeclared-dependency", "file": "processor.ts", "line": 1, "column": 19, "hint": "~zod", "snippet": "~> 1 | import { z } from \"zod\";"}]),
        ),
        (
            "nearest",
            json!({"files": {"processor.ts": "import { a } from './lib/wrods';\nexport default { a };", "lib/words.ts": "export const a = 1;"}}),
            "resolve",
            json!([{"code": "unresolved-import", "file": "processor.ts", "line": 1, "column": 19, "hint": "~./lib/words"}]),
        ),
        (
            "json",
            json!({"files": {"processor.ts": PONG, "package.json": "{\n  \"name\": \"x\",\n}"}}),
            "parse",
            json!([at("json-syntax", "package.json", 3, 1)]),
        ),
        (
            "escape",
            json!({"files": {"processor.ts": PONG, "../../etc/passwd": "x"}}),
            "parse",
            json!([{"code": "bad-file-path", "file": "../../etc/passwd"}]),
        ),
        (
            "entry",
            json!({"files": {"processor.ts": PONG}, "entry": "agent.ts"}),
            "parse",
            json!([{"code": "entry-not-found", "file": "processor.ts", "hint": "~processor.ts"}]),
        ),
        (
            "export",
            json!({"files": {"processor.ts": "export const answer = 42;\n"}}),
            "parse",
            json!([{"code": "no-processor-export", "file": "processor.ts"}]),
        ),
        (
            "missing-export",
            json!({"files": {"processor.ts": "import { b } from './a';\nexport default { b };", "a.ts": "export const a = 1;"}}),
            "link",
            json!([at("missing-export", "processor.ts", 1, 10)]),
        ),
        (
            "git",
            json!({"files": {"processor.ts": "import x from 'x';\nexport default x;"}, "packageJson": {"dependencies": {"x": "git+https://example.com/x.git"}}}),
            "install",
            json!([{"code": "unsupported-dependency", "file": "package.json", "line": 3, "column": 10}]),
        ),
        (
            "development",
            json!({"files": {"processor.ts": "import x from 'x';\nexport default x;"}, "packageJson": {"devDependencies": {"x": "1"}}}),
            "resolve",
            json!([{"code": "undeclared-dependency", "line": 1, "column": 15, "hint": "~devDependencies"}]),
        ),
        (
            "computed",
            json!({"files": {"processor.ts": "const name: string = './a';\nexport default { async afterAppend() { await import(name); } };"}}),
            "resolve",
            json!([at("dynamic-import", "processor.ts", 2, 53)]),
        ),
        (
            "no-code",
            json!({"files": {"a.json": "{}"}, "entry": "a.json"}),
            "parse",
            json!([{"code": "entry-not-code", "file": "a.json"}]),
        ),
    ];
    let lock = |integrity: &str| {
        json!({
            "version": 1, "requirements": {"dependencies": {"a": "1"}}, "roots": {"a": "a@1.0.0"},
            "packages": {"a@1.0.0": {"name": "a", "version": "1.0.0", "integrity": integrity}},
        })
    };
    let bad_lock = |message: &str| json!([{"code": "bad-lock", "file": "processor.ts", "message": message}]);
    let locked = |lock: Value| json!({"files": {"processor.ts": PONG}, "lock": lock});
    let cases = cases.into_iter().chain([
        (
            "no-entry",
            json!({"files": {"a.ts": PONG, "b.ts": PONG}}),
            "parse",
            json!([at("entry-not-found", "a.ts", 1, 1)]),
        ),
        ("lock-of-garbage", locked(lock("garbage")), "install", bad_lock("~`a@1.0.0` has the integrity")),
        ("lock-of-nothing", locked(lock("")), "install", bad_lock("~`a@1.0.0` has the integrity")),
        ("lock-of-md5", locked(lock("md5-1B2M2Y8AsgTpgAmY7PhCfg==")), "install", bad_lock("~`a@1.0.0`")),
        ("no-lock", locked(json!(5)), "install", bad_lock("~it must be an object, and is `5`")),
    ]);
    for (name, payload, stage, diagnostics) in cases {
        let failed = answer(&millrace, &format!("/{name}"), payload);
        let expected = json!({"type": "processor/compile-failed", "payload": {"slug": "p", "stage": stage, "diagnostics": diagnostics}});
        assert_subset(name, &failed, &expected);
    }
}

#[test]
fn a_lock_that_nobody_gave_and_that_is_none_is_left_out() {
    let server = Server::start(&["--offline"]);
    let millrace = server.client("public");
    let lock = json!({
        "version": 1, "requirements": {"dependencies": {"a": "1"}}, "roots": {"a": "a@1.0.0"},
        "packages": {"a@1.0.0": {"name": "a", "version": "1.0.0", "integrity": "garbage"}},
    });
    let script = "export default { async afterAppend() {} };";
    millrace.deploy_with("/a", json!({"slug": "p", "script": script, "bundle": {"lock": lock}}));
    let source = json!({"files": {"processor.ts": PONG}, "packageJson": {"dependencies": {"a": "1"}}});
    // Without a lock the registry would be asked.
    let failed = answer(&millrace, "/a", source);
    assert_subset("without", &failed["payload"], &json!({"diagnostics": [{"code": "offline"}]}));
}

#[test]
fn all_syntax_errors_of_all_files_are_told() {
    let millrace = shared();
    let files = json!({
        "processor.ts": "import './b';\nconst a = ;\nexport default {};\nlet c = = 2;\n",
        "b.ts": "function f( {\n}\n",
    });
    let failed = answer(&millrace, "/a", json!({"files": files}));
    let places: Vec<(String, u64)> = failed["payload"]["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["file"].as_str().unwrap().to_string(), it["line"].as_u64().unwrap()))
        .collect();
    for expected in [("processor.ts", 2), ("processor.ts", 4), ("b.ts", 3)] {
        assert!(places.contains(&(expected.0.to_string(), expected.1)), "{expected:?}: {places:?}");
    }
}

#[test]
fn failures_are_told_in_the_authors_files() {
    let millrace = shared();
    let files = json!({
        "processor.ts": "import { boom } from './lib/boom';\n\ninterface Payload {\n  name: string;\n}\n\nexport default {\n  async afterAppend({ event }: any) {\n    if (event.type === 'boom') boom(event.payload as Payload);\n  },\n};\n",
        "lib/boom.ts": "type Named = { name: string };\n\nexport function boom(it: Named): never {\n  throw new TypeError(`no ${it.name}`);\n}\n",
    });
    answer(&millrace, "/a", json!({"files": files}));
    millrace.wait_type("/a", "processor/activated");
    millrace.append("/a", json!({"type": "boom", "payload": {"name": "luck"}}));
    let failed = millrace.wait_type("/a", "processor/failed");
    let frames =
        json!([{"file": "lib/boom.ts", "line": 4, "function": "boom"}, {"file": "processor.ts", "line": 9}]);
    assert_subset(
        "the failure",
        &failed["payload"],
        &json!({"phase": "afterAppend", "error": {"name": "TypeError", "message": "no luck", "frames": frames, "stack": "~lib/boom.ts:4:", "snippet": "~> 4 |   throw new TypeError"}}),
    );
}

#[test]
fn logged_errors_are_told_in_the_authors_files() {
    let millrace = shared();
    let files = json!({
        "processor.ts": "import { make } from './make';\n\nexport default {\n  afterAppend({ event }: any) {\n    if (event.type !== 'boom') return;\n    console.log(make('shown'));\n    console.log(make('text').stack);\n    console.log('at least\\n    at noon');\n  },\n};\n",
        "make.ts": "interface Unused {}\n\nexport const make = (name: string) => new Error(name);\n",
    });
    answer(&millrace, "/a", json!({"files": files}));
    millrace.wait_type("/a", "processor/activated");
    millrace.append("/a", json!({"type": "boom"}));
    let lines = millrace.wait_for("/a/_logs/p", "three lines", |events| {
        events.iter().filter(|event| event["type"] == "processor/logged").count() == 3
    });
    let told: Vec<&str> = lines.iter().filter_map(|event| event["payload"]["message"].as_str()).collect();
    let stack = |line: u32| {
        format!("    at make (make.ts:3:COLUMN)\n    at afterAppend (processor.ts:{line}:COLUMN)")
    };
    let without_column = |line: &str| match line.rsplit_once(':') {
        Some((place, column))
            if line.starts_with("    at ") && column.trim_end_matches(')').parse::<u32>().is_ok() =>
        {
            format!("{place}:COLUMN{}", if column.ends_with(')') { ")" } else { "" })
        }
        _ => line.to_string(),
    };
    let told: Vec<String> =
        told.iter().map(|text| text.lines().map(without_column).collect::<Vec<_>>().join("\n")).collect();
    assert_eq!(told, [format!("Error: shown\n{}", stack(6)), stack(7), "at least\n    at noon".into()]);
}

#[test]
fn a_failed_source_leaves_what_runs_and_its_repair_replaces_it() {
    let millrace = shared();
    answer(&millrace, "/a", json!({"files": {"processor.ts": PONG}}));
    millrace.wait_type("/a", "processor/activated");
    answer(&millrace, "/a", json!({"files": {"processor.ts": "export default {"}}));
    millrace.append("/a", json!({"type": "ping"}));
    millrace.wait_type("/a", "pong");
    let report = millrace.run([get("/api/processors/a").answers(
        200,
        json!([{"slug": "p", "status": "active", "source": {"status": "failed"}, "lastError": {"phase": "compile"}}]),
    )]);
    assert!(report[0]["source"]["offset"].as_u64() > report[0]["configuredOffset"].as_u64(), "{report:#}");
    let repaired =
        answer(&millrace, "/a", json!({"files": {"processor.ts": PONG.replace("'pong'", "'pong-2'")}}));
    assert_eq!(repaired["type"], "processor/configured");
    millrace.wait_for("/a", "the second activation", |events| {
        events.iter().filter(|event| event["type"] == "processor/activated").count() == 2
    });
    millrace.append("/a", json!({"type": "ping"}));
    millrace.wait_type("/a", "pong-2");
}

#[test]
fn the_later_of_two_quick_sources_runs() {
    let millrace = shared();
    for round in 0..5 {
        let path = format!("/r{round}");
        let sources: Vec<Value> = (0..4)
            .map(|n| json!({"type": "processor/source-configured", "payload": {"slug": "p", "typecheck": "off", "files": {"processor.ts": PONG.replace("'pong'", &format!("'pong-{n}'"))}}}))
            .collect();
        millrace.append(&path, Value::Array(sources[..2].to_vec()));
        millrace.append(&path, sources[2].clone());
        let last = millrace.append(&path, sources[3].clone());
        millrace.wait_for(&path, "the last one's activation", |events| {
            let configured = answer_in(events, &last);
            configured.is_some_and(|configured| {
                events.iter().any(|event| {
                    event["type"] == "processor/activated"
                        && event["payload"]["configuredOffset"] == configured["offset"]
                })
            })
        });
        millrace.append(&path, json!({"type": "ping"}));
        millrace.wait_type(&path, "pong-3");
    }
}

#[test]
fn a_removal_takes_back_what_is_being_built() {
    let millrace = shared();
    let source = json!({"type": "processor/source-configured", "payload": {"slug": "p", "typecheck": "off", "files": {"processor.ts": PONG}}});
    let removed = json!({"type": "processor/removed", "payload": {"slug": "p"}});
    millrace.append("/a", json!([source, removed, {"type": "ping"}]));
    let script = json!({"type": "processor/configured", "payload": {"slug": "q", "script": PONG}});
    millrace.append("/a", script);
    millrace.wait_type("/a", "processor/activated");
    millrace.run([get("/api/processors/a").answers(200, json!([{"slug": "q"}]))]);
}

#[test]
fn the_same_source_changes_nothing() {
    let millrace = shared();
    let first = answer(&millrace, "/a", json!({"files": {"processor.ts": PONG}}));
    millrace.wait_type("/a", "processor/activated");
    let second = answer(&millrace, "/a", json!({"files": {"processor.ts": PONG}}));
    assert_eq!(first["payload"]["bundle"]["sha256"], second["payload"]["bundle"]["sha256"]);
    millrace.append("/a", json!({"type": "ping"}));
    millrace.wait_type("/a", "pong");
    millrace.settle("/a");
    let activations =
        millrace.read("/a").iter().filter(|event| event["type"] == "processor/activated").count();
    assert_eq!(activations, 1);
}

#[test]
fn a_source_that_is_no_source_is_an_invalid_event() {
    let millrace = shared();
    let cases = [
        (json!({"slug": "p"}), "files"),
        (json!({"slug": "p", "files": {}}), "files"),
        (json!({"slug": "p", "files": {"a.ts": 1}}), "files"),
        (json!({"slug": "p", "files": {"a.ts": ""}, "typecheck": "maybe"}), "typecheck"),
        (json!({"slug": "p", "files": {"a.ts": ""}, "more": 1}), "more"),
        (json!({"slug": "bundler", "files": {"a.ts": ""}}), "bundler"),
    ];
    for (payload, word) in cases {
        let stored =
            millrace.append("/a", json!({"type": "processor/source-configured", "payload": payload}));
        assert_subset(
            word,
            &stored,
            &json!({"type": "stream/invalid-event-appended", "payload": {"error": format!("~{word}")}}),
        );
    }
}
