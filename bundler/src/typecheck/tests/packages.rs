//! Real packages, from a folder that `MILLRACE_NODE_MODULES` names; without it there is nothing to test with.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Instant;

use bytes::Bytes;

use super::*;

/// Sources in memory and an installed folder as their packages.
struct Installed {
    own: MemoryTree,
    modules: PathBuf,
}

impl Installed {
    fn place(&self, path: &str) -> Option<PathBuf> {
        let inside = path.strip_prefix("/p/node_modules")?;
        Some(self.modules.join(inside.trim_start_matches('/')))
    }
}

impl FileTree for Installed {
    fn is_file(&self, path: &str) -> bool {
        self.place(path).map_or_else(|| self.own.is_file(path), |place| place.is_file())
    }
    fn is_dir(&self, path: &str) -> bool {
        self.place(path).map_or_else(|| self.own.is_dir(path), |place| place.is_dir())
    }
    fn entries(&self, path: &str) -> (Vec<String>, Vec<String>) {
        let Some(place) = self.place(path) else { return self.own.entries(path) };
        let found = std::fs::read_dir(place).into_iter().flatten().flatten();
        let (folders, files): (Vec<_>, Vec<_>) = found.partition(|entry| entry.path().is_dir());
        let names = |entries: Vec<std::fs::DirEntry>| {
            entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
        };
        (names(files), names(folders))
    }
    fn real_path(&self, path: &str) -> Option<String> {
        (self.is_file(path) || self.is_dir(path)).then(|| path.to_owned())
    }
    fn read(&self, path: &str) -> io::Result<Bytes> {
        self.place(path).map_or_else(|| self.own.read(path), |place| std::fs::read(place).map(Bytes::from))
    }
    fn packages_key(&self) -> Option<String> {
        Some(self.modules.display().to_string())
    }
}

fn installed(modules: &Path, source: &str) -> Program {
    let own = MemoryTree::of(&[("main.ts", source)]);
    Program {
        files: Arc::new(Installed { own, modules: modules.to_owned() }),
        entry: "main.ts".to_owned(),
        sources: vec!["main.ts".to_owned()],
    }
}

#[tokio::test]
async fn real_packages() {
    check_all("MILLRACE_NODE_MODULES", include!("packages_cases.in")).await;
}

/// Beside `@types/node`, which declares the globals once more.
#[tokio::test]
async fn with_types_of_node() {
    let cases = [
        (
            "fs",
            (
                "import { readFile } from 'node:fs/promises';\nimport { EventEmitter } from 'events';\nnew EventEmitter().onn;\nexport const a = await readFile('x', 'utf8');\na.lengthh;\n",
                &["TS2339 3:20", "TS2551 5:3"] as &[&str],
            ),
        ),
        (
            "globals",
            (
                "export default { async afterAppend({ event, append, signal }) {\n  const r = await fetch(new URL('/a', 'http://x'), { signal, headers: new Headers({ a: 'b' }), method: 'POST', body: JSON.stringify(event) });\n  const b = Buffer.from(await r.arrayBuffer());\n  for await (const c of r.body!) c.byteLength;\n  setTimeout(() => {}, 1); signal.addEventListener('abort', () => {});\n  console.log(process.env.A, new TextDecoder().decode(b), crypto.randomUUID(), structuredClone(r.status), new AbortController().signal.aborted);\n  await append({ type: 'x', payload: { n: r.stat } });\n} };\n",
                &["TS2339 7:45"],
            ),
        ),
        (
            "lodash",
            (
                "import _ from 'lodash';\nexport default { reduce: () => ({ a: _.chunk([1], 'x') }) };\n",
                &["TS2345 2:51"],
            ),
        ),
        (
            "openai",
            ("import OpenAI from 'openai';\nconst c = new OpenAI({ apiKey: 1 });\n", &["TS2322 2:24"]),
        ),
        (
            "hono",
            (
                "import { Hono } from 'hono';\nconst r = await new Hono().request('/'); r.statuss; export {};\n",
                &["TS2551 2:44"],
            ),
        ),
    ];
    check_all("MILLRACE_NODE_MODULES_WITH_TYPES", cases).await;
}

async fn check_all<'a>(variable: &str, cases: impl IntoIterator<Item = (&'a str, (&'a str, &'a [&'a str]))>) {
    let (Some(binary), Some(modules)) = (compiler(), std::env::var_os(variable)) else { return };
    let modules = PathBuf::from(modules);
    let cases: BTreeMap<_, _> = cases.into_iter().collect();
    let mut wrong = String::new();
    for (name, (source, expected)) in &cases {
        let checker = TypeChecker::new(options(binary.clone()));
        let mut took = Vec::new();
        for round in 0..3 {
            let program = installed(&modules, &format!("{source}{}", "\n".repeat(round)));
            let started = Instant::now();
            let found = checker.check(&program).await.unwrap();
            took.push(started.elapsed().as_millis());
            let places: Vec<_> =
                found.iter().map(|one| format!("{} {}:{}", one.code, one.line, one.column)).collect();
            if places != *expected && round == 0 {
                let all: String = found
                    .iter()
                    .map(|one| format!("{} {}\n{}", one.code, one.message, one.snippet))
                    .collect();
                wrong.push_str(&format!("\n=== {name}: {places:?}\n{all}\n"));
            }
        }
        println!("{name:20} {took:?} ms");
    }
    assert!(wrong.is_empty(), "{wrong}");
}
