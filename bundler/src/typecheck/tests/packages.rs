//! Real packages and small uses of them.

use bytes::Bytes;
use serde_json::{Value, json};

use super::packages_cases::CASES;
use super::*;
use crate::tree::Tree;

/// A name, a source, and what is found in it.
pub type Case<'a> = (&'a str, &'a str, &'a [&'a str]);

#[tokio::test]
async fn real_packages() {
    let dependencies = json!({
        "@anthropic-ai/sdk": "1.12.0",
        "@modelcontextprotocol/sdk": "1.32.2",
        "@tanstack/ai": "0.58.0",
        "@tanstack/ai-openai": "0.23.1",
        "ai": "6.0.326",
        "ajv": "8.20.0",
        "date-fns": "4.4.0",
        "dedent": "1.7.2",
        "hono": "4.13.19",
        "jsonata": "2.2.2",
        "just-bash": "3.4.2",
        "lodash": "4.18.1",
        "marked": "18.2.1",
        "openai": "6.49.0",
        "uuid": "14.0.3",
        "yaml": "2.9.1",
        "zod": "4.6.7",
    });
    check_all(&dependencies, CASES).await;
}

/// Beside `@types/node`, which declares the globals once more.
#[tokio::test]
async fn with_types_of_node() {
    let dependencies = json!({
        "@types/lodash": "4",
        "@types/node": "24",
        "hono": "4.13.19",
        "lodash": "4.18.1",
        "openai": "6.49.0",
    });
    let cases: &[Case<'_>] = &[
        (
            "fs",
            "import { readFile } from 'node:fs/promises';\nimport { EventEmitter } from 'events';\nnew EventEmitter().onn;\nexport const a = await readFile('x', 'utf8');\na.lengthh;\n",
            &["TS2339 3:20", "TS2551 5:3"],
        ),
        (
            "globals",
            "export default { async afterAppend({ event, append, signal }) {\n  const r = await fetch(new URL('/a', 'http://x'), { signal, headers: new Headers({ a: 'b' }), method: 'POST', body: JSON.stringify(event) });\n  const b = Buffer.from(await r.arrayBuffer());\n  for await (const c of r.body!) c.byteLength;\n  setTimeout(() => {}, 1); signal.addEventListener('abort', () => {});\n  console.log(process.env.A, new TextDecoder().decode(b), crypto.randomUUID(), structuredClone(r.status), new AbortController().signal.aborted);\n  await append({ type: 'x', payload: { n: r.stat } });\n} };\n",
            &["TS2339 7:45"],
        ),
        (
            "lodash",
            "import _ from 'lodash';\nexport default { reduce: () => ({ a: _.chunk([1], 'x') }) };\n",
            &["TS2345 2:51"],
        ),
        ("openai", "import OpenAI from 'openai';\nconst c = new OpenAI({ apiKey: 1 });\n", &["TS2322 2:24"]),
        (
            "hono",
            "import { Hono } from 'hono';\nconst r = await new Hono().request('/'); r.statuss; export {};\n",
            &["TS2551 2:44"],
        ),
    ];
    check_all(&dependencies, cases).await;
}

async fn check_all(dependencies: &Value, cases: &[Case<'_>]) {
    let packages = testing::packages(dependencies).await;
    let checker = checker();
    let mut wrong = String::new();
    for (name, source, expected) in cases {
        let files = [("main.ts".to_owned(), Bytes::copy_from_slice(source.as_bytes()))];
        let program = Program {
            files: Arc::new(Tree::new(files, &packages)),
            entry: "main.ts".to_owned(),
            sources: vec!["main.ts".to_owned()],
        };
        let found = checker.check(&program).await.unwrap();
        let places: Vec<_> =
            found.iter().map(|one| format!("{} {}:{}", one.code, one.line, one.column)).collect();
        if places != *expected {
            wrong.push_str(&format!("{name}: {places:?} {found:#?}\n"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
