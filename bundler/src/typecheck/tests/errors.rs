//! Sources and where their errors stand.

use super::*;

/// Files, and what is found in them.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);

async fn check_all(cases: &[Case<'_>]) {
    let checker = checker();
    let mut wrong = String::new();
    for (files, expected) in cases {
        let found = checker.check(&program(files)).await.unwrap();
        if places(&found) != *expected {
            let messages: Vec<_> = found.iter().map(|one| &one.message).collect();
            wrong.push_str(&format!(
                "\n{files:#?}\nexpected {expected:?}\n{:?}\n{messages:#?}",
                places(&found)
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[tokio::test]
async fn positions() {
    check_all(&[
        (&[("main.ts", "export const a: number = 1;\n")], &[]),
        (&[("main.ts", "const a: number = 'x';\nexport {};\n")], &["TS2322 main.ts:1:7"]),
        // Columns count UTF-16 units, lines end with either of two ends, a byte order mark counts for nothing.
        (&[("main.ts", "/*\u{1f600}*/ const a: number = 'x';")], &["TS2322 main.ts:1:14"]),
        (&[("main.ts", "\u{feff}let a = 1;\r\n\ta = 'b';")], &["TS2322 main.ts:2:2"]),
        (
            &[
                ("main.ts", "import { b } from './lib/b.ts';\nb.c;"),
                ("lib/b.ts", "export const b = {};\nb.d;"),
            ],
            &["TS2339 lib/b.ts:2:3", "TS2339 main.ts:2:3"],
        ),
        // What does not parse has no types.
        (
            &[("main.ts", "const a = ;\nconst b: number = 'x';\nfunction ( {}")],
            &["TS1109 main.ts:1:11", "TS1003 main.ts:3:10", "TS1005 main.ts:3:14"],
        ),
    ])
    .await;
}

#[tokio::test]
async fn all_errors_of_syntax_in_all_files() {
    let checker = checker();
    let files = [
        ("main.ts", "import x from 'nowhere';\nconst a = ;\nlet b = 1\nlet c: = 2;"),
        ("b.js", "export const a = (;"),
        ("c.tsx", "export const d = <a>;"),
    ];
    let found = checker.syntax(&program(&files)).await.unwrap();
    let expected = ["TS1109 b.js:1:19", "TS1109 main.ts:2:11", "TS1110 main.ts:4:8"];
    let places = places(&found);
    assert!(expected.iter().all(|place| places.iter().any(|found| found == place)), "{places:?}");
    assert!(places.iter().any(|place| place.contains("c.tsx:1:")), "{places:?}");
}

/// One checker sees sources that change: files come and go, and so do packages.
#[tokio::test]
async fn a_second_look_sees_what_has_changed() {
    let checker = checker();
    let main =
        ("main.ts", "import { b } from './b.ts';\nimport { z } from 'zed';\nexport const c: string = b + z;");
    let zed = ("node_modules/zed/index.d.ts", "export declare const z: number;");
    let texts = ("node_modules/zed/index.d.ts", "export declare const z: string;");
    let b = ("b.ts", "export const b = 1;");
    let strict = ("tsconfig.json", r#"{"compilerOptions": {"noUnusedLocals": true}}"#);
    let rounds: [Case<'_>; 9] = [
        (&[main], &["TS2307 main.ts:1:19", "TS2307 main.ts:2:19"]),
        (&[main, b], &["TS2307 main.ts:2:19"]),
        (&[main, b, zed], &["TS2322 main.ts:3:14"]),
        (&[main, ("b.ts", "export const b = '';"), zed], &[]),
        (&[main, ("b.ts", "export const b = '';\nlet d;"), zed, strict], &["TS6133 b.ts:2:5"]),
        (&[main, b, zed], &["TS2322 main.ts:3:14"]),
        (&[main, zed], &["TS2307 main.ts:1:19"]),
        (&[("other.ts", "import './main.ts';"), main, b], &["TS2307 main.ts:2:19"]),
        (&[main, b, texts], &[]),
    ];
    for (files, expected) in rounds {
        let found = checker.check(&program(files)).await.unwrap();
        assert_eq!(places(&found), *expected, "{files:#?}\n{found:#?}");
        assert!(checker.syntax(&program(files)).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn configurations() {
    let implicit = ("main.ts", "export function f(a) { return a; }\nlet unused;\n");
    let aliased =
        ("main.ts", "import { b } from '@/b';\nimport { c } from 'lib/c';\nexport const d: string = b + c;");
    let (b, c) = (("src/b.ts", "export const b = 1;"), ("src/lib/c.ts", "export const c = 1;"));
    let of = |options: &'static str| ("tsconfig.json", options);
    check_all(&[
        (&[implicit], &["TS7006 main.ts:1:19"]),
        (&[implicit, of(r#"{"compilerOptions": {"strict": false}}"#)], &[]),
        (&[implicit, of(r#"{"compilerOptions": {"strict": false, "noUnusedLocals": true}}"#)], &["TS6133 main.ts:2:5"]),
        (
            &[implicit, of(r#"{"extends": "./base.json"}"#), ("base.json", r#"{"compilerOptions": {"noImplicitAny": false}}"#)],
            &[],
        ),
        (&[implicit, of("{ // a comment\n  \"compilerOptions\": {\"strict\": false,},\n}")], &[]),
        // What the isolates have of Node is declared without its package.
        (&[("main.ts", "import 'node:events'; export const f = (a) => process.env.A ?? a;"), of(r#"{"compilerOptions": {"types": ["node"], "strict": false}}"#)], &[]),
        (&[("main.ts", "export {}"), of(r#"{"compilerOptions": {"types": ["node", "nobody"]}}"#)], &["TS2688 tsconfig.json:1:1"]),
        (&[implicit, of(r#"{"extends": "./none.json"}"#)], &["TS7006 main.ts:1:19", "TS5083 tsconfig.json:1:1"]),
        (&[implicit, of("{\n  \"compilerOptions\": {\"stric\": false}\n}")], &["TS7006 main.ts:1:19", "TS5023 tsconfig.json:2:23"]),
        (&[implicit, of("{\n  \"compilerOptions\": {\"strict\": \n}")], &["TS7006 main.ts:1:19", "TS1109 tsconfig.json:3:1", "TS1328 tsconfig.json:3:1", "TS1005 tsconfig.json:3:2"]),
        // What the host decides is not the author's, and is no error either.
        (
            &[("main.ts", "export const a: number = ''; export const b = document;"), of(
                r#"{"compilerOptions": {"lib": ["dom"], "target": "es5", "module": "commonjs", "moduleResolution": "node",
                "skipLibCheck": false, "noEmit": false, "outDir": "dist", "rootDir": "src", "declaration": true, "composite": true,
                "incremental": true, "isolatedModules": false, "esModuleInterop": false, "noLib": true, "downlevelIteration": true,
                "allowJs": false, "checkJs": true, "sourceMap": true, "inlineSources": true, "isolatedDeclarations": true,
                "preserveSymlinks": true, "allowImportingTsExtensions": false, "emitDeclarationOnly": true, "noResolve": false,
                "customConditions": ["node"], "alwaysStrict": false}}"#,
            )],
            &["TS2322 main.ts:1:14", "TS2584 main.ts:1:47"],
        ),
        (&[aliased, b, c], &["TS2307 main.ts:1:19", "TS2307 main.ts:2:19"]),
        (&[aliased, b, c, of(r#"{"compilerOptions": {"baseUrl": "src", "paths": {"@/*": ["./*"]}}}"#)], &["TS2322 main.ts:3:14"]),
        (&[aliased, b, c, of(r#"{"compilerOptions": {"baseUrl": "src", "paths": {"@/*": ["*"]}}}"#)], &["TS2322 main.ts:3:14"]),
        (&[aliased, b, c, of(r#"{"compilerOptions": {"paths": {"@/*": ["./src/*"], "lib/*": ["./src/lib/*"]}}}"#)], &["TS2322 main.ts:3:14"]),
    ])
    .await;
}

#[tokio::test]
async fn imports_of_all_kinds() {
    check_all(&[
        (&[("main.ts", "import a from './a.json';\na.b.c;"), ("a.json", r#"{"b": {"d": 1}}"#)], &["TS2339 main.ts:2:5"]),
        (&[("main.ts", "import a from './a.md';\na.b;"), ("a.md", "# text")], &["TS2339 main.ts:2:3"]),
        (&[("main.ts", "import a from './a.png';\na.length; a.b;"), ("a.png", "")], &["TS2339 main.ts:2:13"]),
        // JavaScript gives types, and is not checked.
        (&[("main.ts", "import { a } from './a.js';\na().b;"), ("a.js", "export const a = (b) => 1; a.c.d;")], &["TS2339 main.ts:2:5"]),
        (&[("main.js", "export default { afterApend() {} }; let a = 1; a.b;")], &[]),
        (&[("main.js", "export {}"), ("b.ts", "import './c.js';"), ("c.js", "// @ts-check\nlet a = 1; a.b;")], &["TS2339 c.js:2:14"]),
        (&[("main.ts", "import './b.js';\nexport {};"), ("b.ts", "export const a: string = 1;")], &["TS2322 b.ts:1:14"]),
        (&[("main.ts", "import './b';\nexport {};"), ("b/index.ts", "export const a: string = 1;")], &["TS2322 b/index.ts:1:14"]),
        (&[("main.mts", "export const a: string = 1;")], &["TS2322 main.mts:1:14"]),
        (&[("main.ts", "import { readFile } from 'node:fs';\nexport { readFile };")], &["TS2591 main.ts:1:26"]),
        (&[("main.ts", "import { Buffer } from 'node:buffer';\nimport { join } from 'path';\nimport assert from 'node:assert';\nassert(Buffer.from('a').lengthh, join('a'));")], &["TS2551 main.ts:4:25"]),
        (&[("main.tsx", "const h = (a: string, b: object | null, ...c: unknown[]) => c;\n/** @jsx h */\nexport const a = <b>x</b>;")], &["TS7026 main.tsx:3:18", "TS2874 main.tsx:3:19", "TS7026 main.tsx:3:22"]),
    ])
    .await;
}

#[tokio::test]
async fn packages() {
    let types = ("node_modules/zed/index.d.ts", "export declare function z(a: number): string;");
    let manifest = (
        "node_modules/zed/package.json",
        r#"{"name": "zed", "exports": {".": {"worker": {"types": "./w.d.ts"}, "default": "./index.js"}}}"#,
    );
    let worker = ("node_modules/zed/w.d.ts", "export declare const worker: 1;");
    check_all(&[
        (&[("main.ts", "import { z } from 'zed';\nz('a');"), types], &["TS2345 main.ts:2:3"]),
        (
            &[("main.ts", "import { worker, z } from 'zed';\nworker;z;"), manifest, worker, types],
            &["TS2305 main.ts:1:18"],
        ),
        (
            &[("main.ts", "import z from 'zed';\nz;"), ("node_modules/zed/index.js", "module.exports = 1;")],
            &["TS7016 main.ts:1:15"],
        ),
        // Errors of packages are not the author's: neither in their declarations nor in the TypeScript that some ship.
        (
            &[
                ("main.ts", "import { z } from 'zed';\nz;"),
                ("node_modules/zed/index.d.ts", "export declare const z: Nowhere;"),
            ],
            &[],
        ),
        (
            &[
                ("main.ts", "import { z } from 'zed';\nz.a;"),
                ("node_modules/zed/index.ts", "export const z: number = '';\nz.b;"),
            ],
            &["TS2339 main.ts:2:3"],
        ),
        (
            &[
                ("main.ts", "import { z } from '@a/zed/sub.js';\nz.a;"),
                ("node_modules/@a/zed/sub.d.ts", "export declare const z: 1;"),
            ],
            &["TS2339 main.ts:2:3"],
        ),
    ])
    .await;
}

/// What a person, or a model, reads.
#[tokio::test]
async fn diagnostics_in_full() {
    let checker = checker();
    let main = "import { a } from 'zed/sub';\nexport default {\n  initialState: { n: 0 },\n  \
                reduce: () => ({ n: 'x' }),\n};\n";
    let files = [("main.ts", main), ("node_modules/zed/sub.js", ""), ("node_modules/zed/index.js", "")];
    let found = checker.check(&program(&files)).await.unwrap();
    let expected = serde_json::json!([
        {
            "severity": "error",
            "code": "TS7016",
            "message": "Could not find a declaration file for module 'zed/sub'. 'zed/sub.js' implicitly has an 'any' type.",
            "file": "main.ts", "line": 1, "column": 19, "endLine": 1, "endColumn": 28,
            "snippet": "> 1 | import { a } from 'zed/sub';\n    |                   ^\n  2 | export default {\n  \
                        3 |   initialState: { n: 0 },\n",
            "hint": "`zed` brings no types: add `@types/zed` to the `devDependencies` in package.json if it exists, or a \
                     file `zed.d.ts` with `declare module \"zed/sub\";`",
        },
        {
            "severity": "error",
            "code": "TS2322",
            "message": "Type '() => { n: string; }' is not assignable to type '(context: ReduceContext<{ n: number; }, \
                        Event>) => void | { n: number; }'.\n  Type '{ n: string; }' is not assignable to type 'void | { n: \
                        number; }'.\n    Type '{ n: string; }' is not assignable to type '{ n: number; }'.\n      Types \
                        of property 'n' are incompatible.\n        Type 'string' is not assignable to type 'number'.",
            "file": "main.ts", "line": 4, "column": 3, "endLine": 4, "endColumn": 9,
            "snippet": "  2 | export default {\n  3 |   initialState: { n: 0 },\n> 4 |   reduce: () => ({ n: 'x' }),\n    \
                        |   ^\n  5 | };\n",
        },
    ]);
    assert_eq!(serde_json::to_value(&found).unwrap(), expected);
}
