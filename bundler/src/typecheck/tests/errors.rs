//! Sources and where their errors stand.

use super::*;

/// Files, and what is found in them.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);

async fn check_all(cases: &[Case<'_>]) {
    let Some(checker) = checker() else { return };
    for (files, expected) in cases {
        let found = checker.check(&program(files)).await.unwrap();
        assert_eq!(places(&found), *expected, "{files:#?}\n{found:#?}");
    }
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
    let Some(checker) = checker() else { return };
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
    let Some(checker) = checker() else { return };
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
