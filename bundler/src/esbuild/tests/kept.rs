//! What esbuild keeps between builds, which must never show in what it makes.

use std::sync::Arc;

use super::{esbuild, lines, options, plugin, request};
use crate::esbuild::{BuildRequest, Esbuild};
use crate::package::Packages;
use crate::tree::tests::packages;

fn package(text: &str) -> Packages {
    let files = [("package.json", r#"{"type": "module", "main": "./index.js"}"#), ("index.js", text)];
    packages(&[("kit", "kit@1.0.0")], &[("kit@1.0.0", "kit", &[], &files)])
}

const KIT: &str =
    "export const one = 1;\nexport const two = 2;\nexport const pick = (name) => import('./' + name);\n";

fn keeping(files: &[(&str, &str)], packages: &Packages) -> BuildRequest {
    BuildRequest { packages: Some("kit@1.0.0".into()), ..request(files, packages) }
}

/// The keys of the contexts that wait for a build, when the last one is back.
async fn waiting(esbuild: &Esbuild) -> Vec<u32> {
    esbuild.all_turns().await;
    esbuild.shared().await.unwrap().context_keys()
}

#[tokio::test]
async fn the_same_bytes_as_from_nothing() {
    let kept = esbuild();
    let helper = ("help.ts", "export const help: string = 'help';");
    let sources: [&[(&str, &str)]; 5] = [
        &[("main.ts", "import { one } from 'kit';\nexport default one;")],
        &[
            (
                "main.ts",
                "import { two } from 'kit';\nimport { help } from './help';\nexport default [two, help];",
            ),
            helper,
        ],
        &[("main.ts", "import * as kit from 'kit';\nexport default kit;")],
        &[
            (
                "main.ts",
                "import { help } from './help';\nimport { one, two } from 'kit';\nexport default [two, one, help];",
            ),
            ("help.ts", "import { one } from 'kit';\nexport const help = one;"),
        ],
        &[("main.ts", "import { one } from 'kit';\nexport default one;")],
    ];
    let packages = package(KIT);
    let mut keys = Vec::new();
    for files in sources {
        let again = kept.build(keeping(files, &packages)).await.unwrap();
        let fresh = esbuild().build(request(files, &packages)).await.unwrap();
        assert_eq!((again.code, again.map), (fresh.code, fresh.map), "{files:?}");
        keys.extend(waiting(&kept).await);
    }
    assert_eq!(keys, [1; 5], "one context did it all");
}

#[tokio::test]
async fn another_text_is_read_again() {
    let esbuild = esbuild();
    let files = [("main.ts", "import { one } from 'kit';\nexport default one;")];
    for value in ["first", "second", "first"] {
        // Under one name, which the bundler never gives to two contents.
        let packages = package(&format!("export const one = '{value}';\n"));
        let output = esbuild.build(keeping(&files, &packages)).await.unwrap();
        assert!(output.code.contains(value), "{}", output.code);
    }
    assert_eq!(waiting(&esbuild).await, [1]);
}

#[tokio::test]
async fn each_set_of_packages_and_each_entry_has_its_own() {
    let esbuild = esbuild();
    let files =
        [("main.ts", "import { one } from 'kit';\nexport default one;"), ("b.ts", "export default 2;")];
    let packages = package(KIT);
    let of = |entry: &str, name: Option<&str>| BuildRequest {
        packages: name.map(str::to_owned),
        ..BuildRequest::new(entry, plugin(&files, &packages))
    };
    for (entry, name) in [("/p/main.ts", Some("a")), ("/p/main.ts", Some("b")), ("/p/b.ts", Some("a"))] {
        esbuild.build(of(entry, name)).await.unwrap();
    }
    assert_eq!(waiting(&esbuild).await, [1, 2, 3]);
    esbuild.build(of("/p/main.ts", None)).await.unwrap();
    esbuild.build(of("/p/main.ts", Some("a"))).await.unwrap();
    assert_eq!(waiting(&esbuild).await, [2, 3, 1]);
}

#[tokio::test]
async fn two_at_once_do_not_share_one() {
    let esbuild = Arc::new(Esbuild::new(options()));
    let packages = package(KIT);
    let files = |name: &str| format!("import {{ {name} }} from 'kit';\nexport default {name};");
    for _ in 0..3 {
        let (one, two) = (files("one"), files("two"));
        let (one, two) = ([("main.ts", one.as_str())], [("main.ts", two.as_str())]);
        let (first, second) =
            tokio::join!(esbuild.build(keeping(&one, &packages)), esbuild.build(keeping(&two, &packages)));
        let (first, second) = (first.unwrap().code, second.unwrap().code);
        assert!(first.contains("one = 1") && !first.contains("two = 2"), "{first}");
        assert!(second.contains("two = 2") && !second.contains("one = 1"), "{second}");
    }
    let mut keys = waiting(&esbuild).await;
    keys.sort_unstable();
    assert_eq!(keys, [1, 2]);
}

#[tokio::test]
async fn an_authors_mistake_costs_no_context_and_a_cancelled_build_does() {
    let esbuild = esbuild();
    let packages = package(KIT);
    let good = [("main.ts", "import { one } from 'kit';\nexport default one;")];
    let bad = [("main.ts", "import { none } from 'kit';\nexport default none;")];
    esbuild.build(keeping(&good, &packages)).await.unwrap();
    let found = lines(esbuild.build(keeping(&bad, &packages)).await.unwrap_err());
    assert!(found[0].contains("No matching export"), "{found:?}");
    assert_eq!(waiting(&esbuild).await, [1]);
    let cancelled = BuildRequest { cancel: Box::pin(std::future::ready(())), ..keeping(&good, &packages) };
    esbuild.build(cancelled).await.unwrap_err();
    let mut begun = Box::pin(esbuild.build(keeping(&good, &packages)));
    // Until it waits for esbuild; then nobody waits for it any more.
    assert!(futures_util::poll!(&mut begun).is_pending());
    drop(begun);
    let output = esbuild.build(keeping(&good, &packages)).await.unwrap();
    assert!(output.code.contains("one = 1"), "{}", output.code);
}
