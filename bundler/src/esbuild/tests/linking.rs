//! What becomes of modules, and what is said of those that are wrong.

use super::{build, line, lines, request};
use crate::esbuild::{BuildFailure, Esbuild};
use crate::package::Packages;
use crate::tree::tests::packages;

type Files<'a> = &'a [(&'a str, &'a str)];

fn none() -> Packages {
    Packages::default()
}

#[tokio::test]
async fn plain() {
    let files = [
        ("main.ts", "import { a } from './lib/a.js';\nexport default (x: number): number => a + x;\n"),
        ("lib/a.ts", "export const a: number = 1;\nexport const unused = () => 'not in there';\n"),
    ];
    let output = build(&files, &none()).await.unwrap();
    assert!(output.code.contains("var a = 1;") && output.code.contains("export {"), "{}", output.code);
    assert!(!output.code.contains("not in there"), "{}", output.code);
    assert!(!output.code.contains("sourceMappingURL"), "{}", output.code);
    let map: serde_json::Value = serde_json::from_str(&output.map).unwrap();
    assert_eq!(map["sources"], serde_json::json!(["lib/a.ts", "main.ts"]));
    assert!(map.get("ignoreList").is_none());
    assert_eq!(map["sourcesContent"], serde_json::json!([files[1].1, files[0].1]));
    assert!(output.warnings.is_empty() && output.metafile.is_none());
}

fn kit() -> Packages {
    packages(
        &[("esm", "esm@1.0.0"), ("@s/cjs", "@s/cjs@1.0.0")],
        &[
            (
                "esm@1.0.0",
                "esm",
                &[("cjs", "@s/cjs@1.0.0")],
                &[
                    ("package.json", r#"{"type": "module", "main": "./index.js", "sideEffects": false}"#),
                    (
                        "index.js",
                        "import cjs from 'cjs';\nexport { dropped } from './dropped.js';\nexport const twice = (x) => cjs.add(x, x);\n",
                    ),
                    ("dropped.js", "console.log('side effect');\nexport const dropped = 'dropped';\n"),
                ],
            ),
            (
                "@s/cjs@1.0.0",
                "@s/cjs",
                &[],
                &[
                    ("package.json", r#"{"browser": {"fs": false}}"#),
                    (
                        "index.js",
                        "const fs = require('fs');\nlet native;\ntry { native = require('native-thing'); } catch {}\nexports.add = (a, b) => a + b;\nexports.fs = fs;\n",
                    ),
                ],
            ),
        ],
    )
}

#[tokio::test]
async fn packages_in_memory() {
    let main = "import { twice } from 'esm';\nimport { add } from '@s/cjs';\nimport data from './data.json';\n\
        import note from './note.txt';\nimport bytes from './logic.wasm';\nimport raw from './data.json' with { type: 'text' };\n\
        import { Buffer } from 'node:buffer';\nimport { append } from 'millrace';\n\
        export default [twice, add, data.name, note, bytes, raw, Buffer, append, process.env.NODE_ENV];\n";
    let files = [
        ("main.ts", main),
        ("data.json", "{\"name\": \"n\"}"),
        ("note.txt", "a note"),
        ("logic.wasm", "\0asm"),
    ];
    let mut request = request(&files, &kit());
    request.metafile = true;
    let output = super::esbuild().build(request).await.unwrap();
    let code = &output.code;
    for expected in [
        "__commonJS",
        "import { Buffer as Buffer2 } from \"node:buffer\"",
        "import { append } from \"millrace\"",
        "\"a note\"",
        "\"production\"",
        "__toBinary(\"AGFzbQ==\")",
        r#"Cannot find module 'native-thing': package `@s/cjs` imports `native-thing`"#,
    ] {
        assert!(code.contains(expected), "{expected} is not in\n{code}");
    }
    assert!(!code.contains("side effect"), "{code}");
    let map: serde_json::Value = serde_json::from_str(&output.map).unwrap();
    let sources: Vec<&str> =
        map["sources"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert!(sources.contains(&"@s/cjs/index.js") && sources.contains(&"esm/index.js"), "{sources:?}");
    for (index, source) in sources.iter().enumerate() {
        let is_ignored = map["ignoreList"].as_array().unwrap().contains(&index.into());
        assert_eq!(map["sourcesContent"][index].is_null(), !source.ends_with(".ts"), "{source}");
        assert_eq!(is_ignored, source.contains(['/', ':']), "{source}");
    }
    let metafile: serde_json::Value = serde_json::from_str(&output.metafile.unwrap()).unwrap();
    assert!(metafile["inputs"].as_object().unwrap().len() >= 6, "{metafile}");
    let warnings: Vec<String> = output.warnings.iter().map(line).collect();
    let expected = "@s/cjs/index.js:3:24-38 undeclared-dependency package `@s/cjs` imports `native-thing`, which is not among its dependencies";
    assert_eq!(warnings, [expected]);
}

#[tokio::test]
async fn errors_with_positions() {
    let kit = kit();
    let cases: &[(Files, &[&str])] = &[
        (
            &[("main.ts", "import { thrice } from 'esm';\nexport default thrice;\n")],
            &["main.ts:1:10-16  No matching export in \"esm/index.js\" for import \"thrice\""],
        ),
        (
            &[("main.ts", "const a = '😀ä'; import { b } from './b.ts';\nexport default [a, b];\n")],
            &["main.ts:1:36-44 unresolved-import `./b.ts` leads to no file, seen from main.ts"],
        ),
        (
            &[
                ("main.ts", "import './a';\nimport 'zod';\nimport 'https://esm.sh/x';\n"),
                ("a.ts", "export const x = ;\n\tlet y = 1; let y = 2;\n"),
            ],
            &[
                "a.ts:1:18-19  Unexpected \";\"",
                "main.ts:2:8-13 undeclared-dependency `zod` is imported, but package.json does not declare it",
                "main.ts:3:8-26 url-import `https://esm.sh/x` is a URL, and modules are not fetched from URLs",
            ],
        ),
        (
            &[
                ("main.ts", "import './a';\nimport './b';\n"),
                ("a.ts", "let x = 1;\nlet x = 2;"),
                ("b.ts", "\n\treturn = 1;\n"),
            ],
            &["a.ts:2:5-6  The symbol \"x\" has already been declared", "b.ts:2:9-10  Unexpected \"=\""],
        ),
        (&[("main.ts", "export const f = () => {\n")], &["main.ts:2:1-1  Unexpected end of file"]),
        (
            &[("main.ts", "import x from './d.json';\nx;"), ("d.json", "{,}")],
            &["d.json:1:2-3  Expected string in JSON but found \",\""],
        ),
    ];
    for (files, expected) in cases {
        assert_eq!(lines(build(files, &kit).await.unwrap_err()), *expected, "{files:?}");
    }
}

#[tokio::test]
async fn problems_come_back() {
    let BuildFailure::Messages(messages) =
        build(&[("main.ts", "import './b';"), ("a.ts", "")], &none()).await.unwrap_err()
    else {
        panic!("no messages")
    };
    let problem = messages[0].problem.as_ref().unwrap();
    assert_eq!((problem.code, problem.hint.as_deref()), ("unresolved-import", Some("did you mean `./a`?")));
    assert_eq!(messages[0].location.as_ref().unwrap().line_text, "import './b';");
}

#[tokio::test]
async fn notes() {
    let files = [("main.ts", "const x = 1;\nconst x = 2;\n")];
    let BuildFailure::Messages(messages) = build(&files, &none()).await.unwrap_err() else { panic!() };
    let note = &messages[0].notes[0];
    assert_eq!(
        note.location.as_ref().map(|at| (at.file.as_str(), at.line, at.column)),
        Some(("main.ts", 1, 7))
    );
}

#[tokio::test]
async fn unusual_but_right() {
    let cases: &[(&str, Files)] = &[
        (
            "cycle",
            &[
                ("main.ts", "import { b } from './b';\nexport const a = () => b;\n"),
                ("b.ts", "import { a } from './main';\nexport const b = () => a;\n"),
            ],
        ),
        ("top-level await", &[("main.ts", "export default await Promise.resolve(1);\n")]),
        (
            "dynamic import",
            &[("main.ts", "export default () => import('./b');\n"), ("b.ts", "export const b = 1;\n")],
        ),
        (
            "decorators",
            &[(
                "main.ts",
                "const d = (v: unknown, c: unknown) => {};\n@d class A { @d accessor x = 1; }\nexport default A;\n",
            )],
        ),
        ("using", &[("main.ts", "export default () => { using x = null; };\n")]),
        ("enum", &[("main.ts", "enum E { A, B }\nexport default E.B;\n")]),
        ("byte order mark", &[("main.ts", "\u{feff}export default 1;\n")]),
        ("hashbang", &[("main.ts", "#!/usr/bin/env node\nexport default 1")]),
        ("nothing", &[("main.ts", "")]),
    ];
    for (name, files) in cases {
        let output = build(files, &none()).await.unwrap_or_else(|failure| panic!("{name}: {failure:?}"));
        assert!(output.warnings.is_empty(), "{name}: {:?}", output.warnings);
    }
}

#[tokio::test]
async fn defines_and_tsconfig() {
    let files = [("main.ts", "class A { x = 1 }\nexport default [process.env.NODE_ENV, VERSION, A];\n")];
    let mut request = request(&files, &none());
    request.define.insert("process.env.NODE_ENV".into(), "\"test\"".into());
    request.define.insert("VERSION".into(), "3".into());
    request.tsconfig_raw = Some(r#"{"compilerOptions": {"useDefineForClassFields": false}}"#.into());
    let code = super::esbuild().build(request).await.unwrap().code;
    assert!(code.contains("[\"test\", 3, A]") && code.contains("this.x = 1"), "{code}");
}

#[tokio::test]
async fn inline_maps_lead_to_the_author() {
    struct Mapped;
    impl crate::esbuild::Plugin for Mapped {
        fn resolve<'a>(
            &'a self,
            _: &'a str,
            _: &'a str,
            _: crate::resolve::Kind,
        ) -> crate::esbuild::BoxFuture<'a, Result<crate::resolve::Resolved, crate::resolve::ResolveProblem>>
        {
            unreachable!("nothing is imported")
        }
        fn load<'a>(
            &'a self,
            _: &'a str,
        ) -> crate::esbuild::BoxFuture<'a, Result<crate::esbuild::Loaded, String>> {
            let map = r#"{"version":3,"sources":["lib/main.ts"],"sourcesContent":["the author's text"],"names":[],"mappings":"AAAA"}"#;
            Box::pin(async move {
                Ok(crate::esbuild::Loaded {
                    contents: "export default 1;\n//# sourceMappingURL=/etc/other.map".into(),
                    loader: Some(crate::esbuild::Loader::Js),
                    inline_map: Some(map.into()),
                })
            })
        }
        fn shown(&self, path: &str) -> String {
            path.trim_start_matches("/p/").to_owned()
        }
    }
    let request = crate::esbuild::BuildRequest::new("/p/lib/main.ts", std::sync::Arc::new(Mapped));
    let esbuild: Esbuild = super::esbuild();
    let map: serde_json::Value = serde_json::from_str(&esbuild.build(request).await.unwrap().map).unwrap();
    assert_eq!(map["sources"], serde_json::json!(["lib/main.ts"]));
    assert_eq!(map["sourcesContent"], serde_json::json!(["the author's text"]));
}

#[tokio::test]
async fn eight_at_once() {
    let esbuild = super::esbuild();
    let builds = (0..8).map(|number| {
        let text = format!("export default {number};");
        let request = request(&[("main.ts", text.as_str())], &kit());
        let esbuild = &esbuild;
        async move { (number, esbuild.build(request).await.unwrap().code) }
    });
    for (number, code) in futures_util::future::join_all(builds).await {
        assert!(code.contains(&format!("main_default = {number}")), "{code}");
    }
}

#[tokio::test]
async fn imports_by_pattern() {
    let index = "exports.load = (name) => require('./locale/' + name);\nexports.other = (n) => import(`./x/${n}.js`);\n";
    let packages =
        packages(&[("moment", "moment@1")], &[("moment@1", "moment", &[], &[("index.js", index)])]);
    let code = build(&[("main.ts", "export * from 'moment';")], &packages).await.unwrap().code;
    assert!(code.contains("\"./locale/\" + name") && code.contains("./x/${n}.js"), "{code}");
    let failure = build(&[("main.ts", "export const f = (n: string) => import('./lib/' + n);")], &packages)
        .await
        .unwrap_err();
    let expected = "main.ts:1:40-52 dynamic-import which module this imports is only known when it runs, and an isolate has but the bundled ones";
    assert_eq!(lines(failure), [expected]);
}

#[tokio::test]
async fn default_imports_as_node_has_them() {
    let common = "exports.__esModule = true;\nexports.a = 1;\n";
    let esm = "import all from 'common';\nexport const a = all.a;\n";
    for (package_json, expected) in
        [(r#"{"type": "module"}"#, "__toESM(require_common(), 1)"), ("{}", "__toESM(require_common())")]
    {
        let packages = packages(
            &[("esm", "esm@1")],
            &[
                (
                    "esm@1",
                    "esm",
                    &[("common", "common@1")],
                    &[("package.json", package_json), ("index.js", esm)],
                ),
                ("common@1", "common", &[], &[("index.js", common)]),
            ],
        );
        let output = build(&[("main.ts", "export * from 'esm';")], &packages).await.unwrap();
        assert!(output.code.contains(expected), "{package_json}: {}", output.code);
        assert!(output.map.contains(r#""esm/index.js""#), "{}", output.map);
    }
}

#[tokio::test]
async fn errors_in_packages_lead_back_to_the_author() {
    let deep = [("index.js", "export * from './deep.js';"), ("deep.js", "export const x = ;")];
    let packages = packages(
        &[("outer", "outer@1")],
        &[
            ("outer@1", "outer", &[("inner", "inner@1")], &[("index.js", "export * from 'inner';")]),
            ("inner@1", "inner", &[], &deep),
        ],
    );
    let files = [("main.ts", "export * from './lib/a';"), ("lib/a.ts", "export * from 'outer';")];
    let BuildFailure::Messages(messages) = build(&files, &packages).await.unwrap_err() else { panic!() };
    assert_eq!(line(&messages[0]), "inner/deep.js:1:18-19  Unexpected \";\"");
    let through = messages[0].through.as_ref().unwrap();
    assert_eq!((through.file.as_str(), through.specifier.as_str()), ("lib/a.ts", "outer"));
}

#[tokio::test]
async fn unusual_names() {
    let name = "lib/ä b#1%20.ts";
    let files = [("main.ts", "export * from './lib/ä b#1%20';"), (name, "export const a: number = 1;")];
    let output = build(&files, &none()).await.unwrap();
    let map: serde_json::Value = serde_json::from_str(&output.map).unwrap();
    assert_eq!(map["sources"], serde_json::json!([name]));
    let files = [files[0], (name, "export const a: = 1;")];
    assert_eq!(
        lines(build(&files, &none()).await.unwrap_err()),
        [format!("{name}:1:17-18  Unexpected \"=\"")]
    );
}
