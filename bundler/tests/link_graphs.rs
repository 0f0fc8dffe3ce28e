//! Random sets of modules, linked and left apart, log the same: circles, stars, re-exports and all.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod engine;

use std::collections::BTreeMap;

use millrace_bundler::link::{Input, Target, Unresolved, link};
use millrace_bundler::transpile::{ImportKind, Options};

/// Small and the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// Each module declares the same few names, so that they clash; what it logs of others may fail, and then logs that.
fn graph(random: &mut Random) -> BTreeMap<String, String> {
    let count = 2 + random.below(6);
    let mut modules = BTreeMap::new();
    for index in 0..count {
        let mut lines = vec![format!("log(\"{index} begins\");")];
        for other in 0..count {
            // Of itself only what QuickJS gets right: an import that is exported again it takes for a circle.
            if !random.chance(40) || other == index && random.chance(90) {
                continue;
            }
            let name = format!("m{other}.js");
            // Under a name of its own: QuickJS takes the same import, exported by two, for two bindings.
            lines.push(match random.below(if other == index { 8 } else { 9 }) {
                0 => format!("import \"./{name}\";"),
                1 => format!("import d{other} from \"./{name}\"; see(() => d{other});"),
                2 => format!("import {{ f as f{other}, bump as b{other} }} from \"./{name}\"; see(() => f{other}(1)); see(() => b{other}());"),
                3 => format!("import {{ v as v{other}, K as K{other} }} from \"./{name}\"; see(() => v{other}); see(() => new K{other}().own);"),
                4 => format!("import * as n{other} from \"./{name}\"; see(() => n{other}.v); see(() => Reflect.ownKeys(n{other}).length); see(() => n{other}[\"f\"].name);"),
                5 => format!("export * from \"./{name}\";"),
                6 => format!("export * as n{other} from \"./{name}\";"),
                7 => format!("export {{ v as v{other}, default as d{other} }} from \"./{name}\";"),
                _ => format!("import {{ v as w{other} }} from \"./{name}\"; export {{ w{other} as w{index}_{other} }}; see(() => ((v) => v + w{other})(1));"),
            });
        }
        lines.push(format!("export let v = {index};"));
        lines.push(format!("export function f(x) {{ return x + helper() + {index}; }}"));
        lines.push("export const bump = () => { v += 10; return v; };".to_owned());
        lines.push(format!("export class K {{ own = \"K{index}\" + K.name; static s = see(() => v); }}"));
        lines.push(format!("function helper() {{ return {index} * 100; }}"));
        lines.push(match random.below(4) {
            0 => "export default function () { return v; }".to_owned(),
            1 => "export default class { static n = this.name; }".to_owned(),
            2 => "export default v + 1;".to_owned(),
            _ => "const local = () => bump(); export { local as default };".to_owned(),
        });
        if random.chance(30) {
            lines.push("see(() => bump());".to_owned());
        }
        if random.chance(30) {
            let target = random.below(count);
            lines.push(format!("globalThis.later.push(() => import(\"./m{target}.js\"));"));
        }
        modules.insert(format!("m{index}.js"), lines.join("\n"));
    }
    let epilogue = "\nglobalThis.after = async () => { for (const next of globalThis.later) { const m = await next(); log(Object.keys(m)); log(m.v, m.f?.(2)); } };";
    modules.get_mut("m0.js").unwrap().push_str(epilogue);
    modules.get_mut("m0.js").unwrap().insert_str(0, "import \"./prelude.js\";\n");
    let prelude = "globalThis.later = []; globalThis.see = (read) => { try { log(read()); } catch (error) { log(error.name); } };";
    modules.insert("prelude.js".to_owned(), prelude.to_owned());
    modules
}

#[test]
fn graphs() {
    let mut linked_graphs = 0;
    for seed in 1..=250 {
        let mut random = Random(u64::wrapping_mul(seed, 0x9e37_79b9_7f4a_7c15));
        let files = graph(&mut random);
        let options = Options::default();
        let resolve = |_: &str, name: &str, _: ImportKind| -> Result<Target, Unresolved> {
            Ok(Target::File(name.trim_start_matches("./").to_owned()))
        };
        let input = Input {
            entry: "m0.js",
            files: &files,
            options: &options,
            resolve: &resolve,
            wants_processor: false,
        };
        let modules = engine::run("m0.js", &files);
        match link(&input) {
            Ok(linked) => {
                linked_graphs += 1;
                let script = BTreeMap::from([("bundle.js".to_owned(), linked.script.clone())]);
                let found = engine::run("bundle.js", &script);
                assert_eq!(found, modules, "seed {seed}: {files:#?}\n{}", linked.script);
            }
            // What does not link does not load either.
            Err(diagnostics) => {
                let last = modules.last().map(String::as_str).unwrap_or_default();
                assert!(
                    last.starts_with("error: "),
                    "seed {seed}: {diagnostics:#?}\n{files:#?}\n{modules:#?}"
                );
            }
        }
    }
    assert!(linked_graphs > 100, "most graphs are fine: {linked_graphs}");
}
