//! Imports, one in a line: from where, what, and what becomes of it.

use std::sync::Arc;

use bytes::Bytes;

use super::{Builtin, Kind, Provided, Resolved, Resolver};
use crate::package::PackageId;
use crate::tree::Tree;
use crate::tree::tests::packages;

const FILES: &[(&str, &str)] = &[
    (
        "package.json",
        r##"{"name": "mine", "dependencies": {}, "imports": {"#lib/*": "./lib/*.ts"}, "exports": {"./a": "./lib/a.ts"}}"##,
    ),
    (
        "tsconfig.json",
        "{\n// JSONC\n\"compilerOptions\": {\"baseUrl\": \".\", \"paths\": {\"~lib/*\": [\"lib/*\"]},},\n}",
    ),
    ("main.ts", ""),
    ("lib/a.ts", ""),
    ("lib/both.ts", ""),
    ("lib/both.js", ""),
    ("lib/util.tsx", ""),
    ("lib/m.mts", ""),
    ("lib/index.ts", ""),
    ("lib/Case.ts", ""),
    ("data.json", "{}"),
    ("note.txt", ""),
];

fn resolver() -> Resolver {
    let package = r#"{"exports": {".": {"types": "./i.d.ts", "node": "./node.js", "worker": "./worker.js", "default": "./index.js"},
        "./mini": {"import": "./mini.mjs", "require": "./mini.cjs"}, "./gone": "./gone.js", "./secret": null, "./package.json": "./package.json"},
        "sideEffects": ["*.css", "./worker.js"]}"#;
    let old = r#"{"name": "old", "browser": {"./index.js": "./browser.js", "fs": false, "./dropped.js": false}, "main": "index",
        "peerDependencies": {"left-out": "^2.1"}}"#;
    let packages = packages(
        &[
            ("cond", "cond@1"),
            ("@s/old", "@s/old@1"),
            ("buffer", "buffer@6"),
            ("process", "process@1"),
            ("hollow", "hollow@1"),
            ("bad", "bad@1"),
            ("dual", "dual@1"),
            ("native", "native@1"),
        ],
        &[
            (
                "cond@1",
                "cond",
                &[("buffer", "buffer@5"), ("@s/old", "@s/old@1")],
                &[
                    ("package.json", package),
                    ("worker.js", ""),
                    ("index.js", ""),
                    ("node.js", ""),
                    ("mini.mjs", ""),
                    ("mini.cjs", ""),
                    ("src/both.js", ""),
                    ("src/both.ts", ""),
                ],
            ),
            (
                "@s/old@1",
                "@s/old",
                &[],
                &[
                    ("package.json", old),
                    ("index.js", ""),
                    ("browser.js", ""),
                    ("dropped.js", ""),
                    ("lib/x.js", ""),
                ],
            ),
            ("buffer@5", "buffer", &[], &[("index.js", "")]),
            ("buffer@6", "buffer", &[], &[("index.js", "")]),
            (
                "process@1",
                "process",
                &[],
                &[
                    ("package.json", r#"{"main": "./index.js", "browser": "./browser.js"}"#),
                    ("index.js", ""),
                    ("browser.js", ""),
                ],
            ),
            ("hollow@1", "hollow", &[], &[("package.json", r#"{"types": "./i.d.ts"}"#), ("i.d.ts", "")]),
            ("bad@1", "bad", &[], &[("package.json", "{"), ("index.js", "")]),
            (
                "dual@1",
                "dual",
                &[],
                &[
                    ("package.json", r#"{"module": "./m.mjs", "main": "./c.js", "sideEffects": false}"#),
                    ("m.mjs", ""),
                    ("c.js", ""),
                ],
            ),
            (
                "native@1",
                "native",
                &[],
                &[
                    ("index.js", ""),
                    ("build/x.node", ""),
                    ("package.json", r#"{"name": "native", "dependencies": {"bindings": "1"}}"#),
                ],
            ),
            (
                "image@1",
                "image",
                &[],
                &[
                    ("index.js", ""),
                    (
                        "package.json",
                        r#"{"name": "image", "optionalDependencies": {"@i/image-linux-x64": "1"}}"#,
                    ),
                ],
            ),
            (
                "unenv@2",
                "unenv",
                &[],
                &[("runtime/fs.mjs", ""), ("package.json", r#"{"sideEffects": false, "exports": {}}"#)],
            ),
        ],
    );
    let files = FILES.iter().map(|(path, text)| (path.to_string(), Bytes::from(*text)));
    let tree = Arc::new(Tree::new(files, &packages));
    let polyfill = |path: &str| Builtin::File { package: PackageId("unenv@2".into()), path: path.into() };
    let provided = Provided {
        modules: [("millrace", "millrace"), ("ai-engineer-workshop", "millrace")]
            .map(|(name, target)| (name.to_owned(), target.to_owned()))
            .into(),
        builtins: [
            ("fs".to_owned(), polyfill("runtime/fs.mjs")),
            ("os".to_owned(), polyfill("runtime/os.mjs")),
            ("path".to_owned(), Builtin::External("node:path".into())),
            ("buffer".to_owned(), Builtin::External("node:buffer".into())),
        ]
        .into(),
    };
    Resolver::new(tree, Arc::new(provided))
}

const MAIN: &str = "/p/main.ts";
const COND: &str = "/s/cond@1/node_modules/cond/src/x.js";
const OLD: &str = "/s/@s%2Fold@1/node_modules/@s/old/lib/x.js";

/// What it resolves to, in one line.
fn outcome(resolver: &Resolver, importer: &str, specifier: &str, kind: Kind) -> String {
    match resolver.resolve(importer, specifier, kind) {
        Ok(Resolved::File { path, side_effects: None, .. }) => path,
        Ok(Resolved::File { path, side_effects: Some(value), .. }) => format!("{path} {value}"),
        Ok(Resolved::External { name }) => format!("external {name}"),
        Ok(Resolved::Empty) => "empty".into(),
        Ok(Resolved::Absent(problem)) => format!("absent {}", problem.code),
        Ok(Resolved::Lacking(problem)) => format!("lacking: {}", problem.message),
        Err(problem) => {
            format!("{}: {} [{}]", problem.code, problem.message, problem.hint.unwrap_or_default())
        }
    }
}

#[test]
fn found() {
    use Kind::{DynamicImport, Import, Require};
    let resolver = resolver();
    for (importer, specifier, kind, expected) in [
        (MAIN, "./lib/a", Import, "/p/lib/a.ts"),
        (MAIN, "./lib/a.ts", Import, "/p/lib/a.ts"),
        (MAIN, "./lib/a.js", Import, "/p/lib/a.ts"),
        (MAIN, "./lib/util.js", Import, "/p/lib/util.tsx"),
        (MAIN, "./lib/m.mjs", Import, "/p/lib/m.mts"),
        (MAIN, "./lib/both", Import, "/p/lib/both.ts"),
        (MAIN, "./lib/both.js", Import, "/p/lib/both.js"),
        (MAIN, "./lib", Import, "/p/lib/index.ts"),
        (MAIN, "./lib/", DynamicImport, "/p/lib/index.ts"),
        (MAIN, "./data.json", Import, "/p/data.json"),
        (MAIN, "./note.txt", Import, "/p/note.txt"),
        ("/p/lib/a.ts", "..//main", Import, "/p/main.ts"),
        (MAIN, "#lib/a", Import, "/p/lib/a.ts"),
        (MAIN, "mine/a", Import, "/p/lib/a.ts"),
        (MAIN, "~lib/a", Import, "/p/lib/a.ts"),
        (MAIN, "lib/a", Import, "/p/lib/a.ts"),
        (MAIN, "cond", Import, "/s/cond@1/node_modules/cond/worker.js true"),
        (MAIN, "cond/mini", Import, "/s/cond@1/node_modules/cond/mini.mjs false"),
        (MAIN, "cond/mini", Require, "/s/cond@1/node_modules/cond/mini.cjs false"),
        (COND, "cond/mini", Require, "/s/cond@1/node_modules/cond/mini.cjs false"),
        (COND, "./both", Import, "/s/cond@1/node_modules/cond/src/both.js false"),
        (MAIN, "@s/old", Import, "/s/@s%2Fold@1/node_modules/@s/old/browser.js"),
        (COND, "@s/old", Require, "/s/@s%2Fold@1/node_modules/@s/old/browser.js"),
        (MAIN, "dual", Import, "/s/dual@1/node_modules/dual/m.mjs false"),
        (MAIN, "dual", Require, "/s/dual@1/node_modules/dual/c.js false"),
        (OLD, "fs", Require, "empty"),
        (OLD, "../dropped", Import, "empty"),
        (MAIN, "buffer", Import, "/s/buffer@6/node_modules/buffer/index.js"),
        (COND, "buffer/", Require, "/s/buffer@5/node_modules/buffer/index.js"),
        (OLD, "buffer", Import, "external node:buffer"),
        (OLD, "buffer/", Import, "external node:buffer"),
        (MAIN, "node:buffer", Import, "external node:buffer"),
        (MAIN, "process/", Import, "/s/process@1/node_modules/process/browser.js"),
        (MAIN, "fs", Import, "/s/unenv@2/node_modules/unenv/runtime/fs.mjs"),
        (MAIN, "node:fs", Require, "/s/unenv@2/node_modules/unenv/runtime/fs.mjs"),
        (MAIN, "path", Import, "external node:path"),
        (MAIN, "millrace", Import, "external millrace"),
        (MAIN, "ai-engineer-workshop", Import, "external millrace"),
        (OLD, "not-there", Require, "absent undeclared-dependency"),
        // Nobody's but another package's: as where all lie side by side. With two of it, it would be anybody's guess.
        (OLD, "dual", Import, "/s/dual@1/node_modules/dual/m.mjs false"),
        (OLD, "dual", Require, "/s/dual@1/node_modules/dual/c.js false"),
        ("/s/dual@1/node_modules/dual/m.mjs", "buffer/", Import, "external node:buffer"),
        (OLD, "./not-there", DynamicImport, "absent unresolved-import"),
        (COND, "node:net", DynamicImport, "absent unavailable-builtin"),
        (
            OLD,
            "net",
            Import,
            "lacking: the built-in module `net`, which package `@s/old` imports, is not available in an isolate: what uses it there fails when it runs",
        ),
        (OLD, "node:pth", Require, "absent unavailable-builtin"),
        ("/s/native@1/node_modules/native/index.js", "./build/x.node", Require, "absent native-addon"),
        ("/s/native@1/node_modules/native/index.js", "node:net", Require, "absent native-addon"),
    ] {
        assert_eq!(outcome(&resolver, importer, specifier, kind), expected, "{specifier} from {importer}");
    }
}

#[test]
fn refused() {
    let resolver = resolver();
    for (importer, specifier, expected) in [
        (
            MAIN,
            "./lib/b",
            "unresolved-import: `./lib/b` leads to no file, seen from main.ts [did you mean `./lib/a`?]",
        ),
        (
            MAIN,
            "./lib/case.ts",
            "unresolved-import: `./lib/case.ts` leads to no file, seen from main.ts [did you mean `./lib/Case`?]",
        ),
        (
            "/p/lib/a.ts",
            "./main",
            "unresolved-import: `./main` leads to no file, seen from lib/a.ts [did you mean `../main`?]",
        ),
        (
            MAIN,
            "../../etc/passwd",
            "unresolved-import: `../../etc/passwd` leads to no file, seen from main.ts []",
        ),
        (
            MAIN,
            "/etc/passwd",
            "absolute-import: `/etc/passwd` is an absolute path, and a source has no such place [write a path relative to this file, such as `./lib/a`]",
        ),
        (
            MAIN,
            "/lib/a.ts",
            "absolute-import: `/lib/a.ts` is an absolute path, and a source has no such place [for a file of the source, write `./lib/a`]",
        ),
        (
            MAIN,
            "https://esm.sh/zod",
            "url-import: `https://esm.sh/zod` is a URL, and modules are not fetched from URLs [declare the package in the dependencies of package.json and import it by name, or copy the file into the source]",
        ),
        (
            MAIN,
            "npm:zod@4",
            "url-import: `npm:zod@4` is another runtime's way to name a package [import it by its bare name, and declare that in the dependencies of package.json]",
        ),
        (MAIN, "", "unresolved-import: an import must name a module, and this one is empty []"),
        (
            MAIN,
            "zod",
            "undeclared-dependency: `zod` is imported, but package.json does not declare it [add `\"zod\": \"latest\"` or a range such as `\"^1.2.3\"` to its `dependencies`]",
        ),
        (
            MAIN,
            "milrace/x",
            "undeclared-dependency: `milrace` is imported, but package.json does not declare it [did you mean `millrace`? otherwise add `\"milrace\": \"latest\"` or a range such as `\"^1.2.3\"` to its `dependencies`]",
        ),
        (
            MAIN,
            "@/lib/a",
            "unresolved-import: `@/lib/a` is neither a package nor a file [for a file of the source, write `./lib/a`, or define the alias under `compilerOptions.paths` in tsconfig.json]",
        ),
        (
            MAIN,
            "cond/mimi",
            "unexported-subpath: package `cond` does not export `cond/mimi` [it has `cond` and `cond/mini`, `cond/gone`]",
        ),
        (
            MAIN,
            "cond/secret",
            "unexported-subpath: package `cond` does not export `cond/secret` [it has `cond` and `cond/gone`, `cond/mini`]",
        ),
        (
            MAIN,
            "cond/gone",
            "unresolved-import: package `cond` has no file for `cond/gone` [it has `cond` and `cond/gone`, `cond/mini`]",
        ),
        (
            MAIN,
            "@s/old/nope",
            "unresolved-import: package `@s/old` has no file for `@s/old/nope` [it has `@s/old` and `@s/old/dropped.js`, `@s/old/index.js`, `@s/old/browser.js`]",
        ),
        (
            MAIN,
            "hollow",
            "missing-entry: package `hollow` has no entry: neither `exports`, `module`, `main` nor index.js leads to a file [it may hold nothing but types: import it with `import type`, or use another package]",
        ),
        (MAIN, "#nope", "unresolved-import: `#nope` is not defined under `imports` in package.json []"),
        (
            MAIN,
            "node:child_process",
            "unavailable-builtin: the built-in module `node:child_process` is not available in an isolate [available are: buffer, fs, os, path]",
        ),
        (
            MAIN,
            "node:pth",
            "unavailable-builtin: there is no built-in module `node:pth` [did you mean `node:path`? available are: buffer, fs, os, path]",
        ),
        (
            MAIN,
            "os",
            "unavailable-builtin: the built-in module node:os should come from unenv@2, which does not have it []",
        ),
        (
            "/s/image@1/node_modules/image/index.js",
            "node:child_process",
            "native-addon: package `image`, which imports the built-in module `node:child_process`, is a native addon: compiled code for Node, which an isolate cannot load [use a package that is written in JavaScript, or call a service over fetch]",
        ),
        (
            OLD,
            "left-out/sub",
            "undeclared-dependency: package `@s/old` imports `left-out`, which it leaves to those who want it (an optional peer dependency) [add `\"left-out\": \"^2.1\"` to the `dependencies` of package.json]",
        ),
        (
            OLD,
            "nowhere",
            "undeclared-dependency: package `@s/old` imports `nowhere`, which is not among its dependencies [its own package.json lacks it: use another version of `@s/old`]",
        ),
    ] {
        assert_eq!(
            outcome(&resolver, importer, specifier, Kind::Import),
            expected,
            "{specifier} from {importer}"
        );
    }
    let problem = resolver.resolve(MAIN, "bad", Kind::Import).unwrap_err();
    assert_eq!(problem.code, "invalid-package-json");
    assert!(problem.message.starts_with("bad/package.json is not valid JSON: "), "{}", problem.message);
}

#[test]
fn broken_tsconfig() {
    for (text, expected) in [
        ("{\"compilerOptions\": 3}", "invalid-tsconfig: tsconfig.json is not valid: "),
        ("{", "invalid-tsconfig: tsconfig.json is not valid: "),
        (
            "{\"extends\": \"./none.json\"}",
            "invalid-tsconfig: tsconfig.json extends none.json, which does not exist",
        ),
        (
            "{\"extends\": \"./tsconfig.json\"}",
            "invalid-tsconfig: tsconfig.json extends or references itself",
        ),
    ] {
        let files = [("main.ts", ""), ("a.ts", ""), ("tsconfig.json", text)];
        let tree = Tree::new(
            files.map(|(path, text)| (path.to_owned(), Bytes::from(text.to_owned()))),
            &packages(&[], &[]),
        );
        let resolver = Resolver::new(Arc::new(tree), Arc::default());
        let found = outcome(&resolver, MAIN, "./a", Kind::Import);
        assert!(found.starts_with(expected), "{text}: {found}");
    }
}

/// Whatever a package says of itself, an answer comes.
#[test]
fn hostile_packages() {
    let cases = [
        (r#"{"browser": {"./a.js": "./b.js", "./b.js": "./a.js"}}"#, "x/a.js"),
        (r#"{"browser": {"./index.js": "./index.js"}}"#, "x"),
        (r#"{"browser": {"x": "x"}, "main": "x"}"#, "x"),
        (r##"{"imports": {"#a": "#a", "#b": "#c", "#c": "#b"}, "exports": "./a.js"}"##, "x"),
        (r#"{"main": "."}"#, "x"),
        (r#"{"main": "./"}"#, "x"),
        (r#"{"main": ".."}"#, "x"),
        (r#"{"main": "../../../../../../etc/passwd"}"#, "x"),
        (r#"{"main": "/etc/passwd"}"#, "x"),
        (r#"{"module": 3, "main": null, "exports": 7}"#, "x"),
        (r#"{"exports": {".": [], "./*": {"default": null}, "./a*b*c": "./*"}}"#, "x/aqbrc"),
        (r#"{"exports": {"./*": "../../../*"}}"#, "x/etc/passwd"),
        (r#"{"exports": {"./": "./", "a": "./b"}}"#, "x/a.js"),
        (r#"{"exports": {"./*": "./node_modules/*"}}"#, "x/a.js"),
        (r#"{"exports": {"./%2e%2e": "./a.js"}}"#, "x/%2e%2e"),
        (r#"{"exports": {"": "./a.js", ".": ""}}"#, "x"),
        (r#"{"name": "", "exports": {".": "file:///etc/passwd"}}"#, "x"),
        ("[]", "x"),
        ("null", "x"),
        ("\u{feff}{}", "x"),
        ("", "x"),
        ("{\"name\": \"\\u0000\"}", "x"),
    ];
    for (package_json, specifier) in cases {
        let files = [("package.json", package_json), ("a.js", ""), ("b.js", ""), ("index.js", "")];
        let packages = packages(&[("x", "x@1")], &[("x@1", "x", &[], &files)]);
        let resolver = Resolver::new(Arc::new(Tree::new([], &packages)), Arc::default());
        for importer in [MAIN, "/s/x@1/node_modules/x/a.js"] {
            for specifier in [
                specifier,
                "#a",
                "#b",
                "./a",
                "..",
                "x/../../..",
                "./\0",
                "a:b",
                "%",
                "@",
                "@/",
                "#",
                "?",
                "\\",
            ] {
                let found = resolver.resolve(importer, specifier, Kind::Import);
                if let Ok(Resolved::File { path, .. }) = found {
                    assert!(path.starts_with("/s/x@1/node_modules/x/"), "{package_json} {specifier}: {path}");
                }
            }
        }
    }
}
