//! The SDK (runtime-js): built with the pinned compiler into the shape in which npm has it, types and all, and its own
//! tests, which are TypeScript, run against a server, in every runtime that it is for.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use millrace_bundler::link::{Input, Target, link};
use millrace_bundler::transpile::{ImportKind, Options};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::programs::{BUN, DENO, NODE, Program, compiler};
use crate::harness::{Server, assert_subset};

#[test]
fn in_node() {
    passes(&NODE, &[]);
}

#[test]
fn in_bun() {
    passes(&BUN, &[]);
}

#[test]
fn in_deno() {
    passes(&DENO, &["run", "--no-remote", "--allow-net", "--allow-env", "--allow-read"]);
}

fn passes(runtime: &Program, flags: &[&str]) {
    let built = built();
    let server = Server::start(&["--egress-allow", "127.0.0.1"]);
    let caches = tempfile::tempdir().unwrap();
    let output = Command::new(runtime.find())
        .args(flags)
        .arg(built.join("tests/out/run.js"))
        .env("MILLRACE_URL", format!("http://{}", server.address))
        .env("DENO_DIR", caches.path())
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    succeeded("the tests of the SDK", output);
}

/// The package under `node_modules`, and the tests beside it; built once for all runtimes.
fn built() -> &'static Path {
    static BUILT: OnceLock<TempDir> = OnceLock::new();
    BUILT
        .get_or_init(|| {
            let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
            build(folder.path());
            folder
        })
        .path()
}

fn build(target: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("runtime-js");
    let package = target.join("node_modules/millrace");
    fs::create_dir_all(&package).unwrap();
    fs::copy(source.join("package.json"), package.join("package.json")).unwrap();
    fs::copy(source.join("tsconfig.json"), target.join("tsconfig.json")).unwrap();
    fs::write(target.join("package.json"), r#"{"type":"module"}"#).unwrap();
    copy(&source.join("tests"), &target.join("tests"));
    let tsc = compiler();
    compile(&tsc, &source.join("tsconfig.json"), Some(&package.join("dist")));
    compile(&tsc, &target.join("tests/tsconfig.json"), None);
}

fn compile(tsc: &Path, project: &Path, into: Option<&Path>) {
    let mut command = Command::new(tsc);
    command.arg("-p").arg(project);
    if let Some(folder) = into {
        command.arg("--outDir").arg(folder);
    }
    succeeded(&format!("tsc -p {}", project.display()), command.output().unwrap());
}

fn succeeded(what: &str, output: Output) {
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{what}: {}\n{}\n{}",
        output.status,
        said(&output.stdout),
        said(&output.stderr)
    );
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    let entries = fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path());
    for path in entries.collect::<Vec<PathBuf>>() {
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// What isolates load when a processor first touches a name that is not `defineProcessor`: the same sources, linked. A
/// test with `MILLRACE_UPDATE=1` writes it.
#[test]
fn the_isolates_have_the_same() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("runtime-js");
    let part = root.join("prelude/sdk.js");
    let linked = linked(&root.join("src"));
    if std::env::var_os("MILLRACE_UPDATE").is_some() {
        fs::write(&part, &linked).unwrap();
    }
    let found = fs::read_to_string(&part).unwrap_or_default();
    assert!(
        found == linked,
        "runtime-js/prelude/sdk.js is not what runtime-js/src says: run `MILLRACE_UPDATE=1 cargo test --test it sdk::the_isolates`"
    );
}

fn linked(source: &Path) -> String {
    let mut files = BTreeMap::new();
    for folder in ["", "original/"] {
        for entry in fs::read_dir(source.join(folder)).unwrap().map(|entry| entry.unwrap()) {
            let name = format!("{folder}{}", entry.file_name().to_string_lossy());
            if entry.path().is_file() {
                files.insert(name, fs::read_to_string(entry.path()).unwrap());
            }
        }
    }
    let resolve = |importer: &str, specifier: &str, _: ImportKind| {
        let folder = importer.rsplit_once('/').map_or("", |(folder, _)| folder);
        let joined = specifier.strip_prefix("./").map_or_else(
            || specifier.strip_prefix("../").map(str::to_string),
            |name| Some(if folder.is_empty() { name.into() } else { format!("{folder}/{name}") }),
        );
        Ok(Target::File(joined.unwrap_or_else(|| panic!("{importer} imports {specifier}"))))
    };
    let input = Input {
        entry: "index.ts",
        files: &files,
        options: &Options::default(),
        resolve: &resolve,
        wants_processor: false,
    };
    let script = link(&input).unwrap_or_else(|diagnostics| panic!("{diagnostics:#?}")).script;
    let (body, exports) = script.rsplit_once("export {").expect("the package exports something");
    let names = exports.trim_end().trim_end_matches(';').trim_end_matches('}').split(',');
    let members = names.map(|name| match name.trim().split_once(" as ") {
        Some((inner, outer)) => format!("    {outer}: {inner},\n"),
        None => format!("    {},\n", name.trim()),
    });
    format!(
        "// What processors use of the package `millrace` beside `defineProcessor`. Linked from runtime-js/src by a test\n// (tests/it/sdk.rs), which says how: not to be edited.\n\nexport default function sdk() {{\n{body}  return {{\n{}  }};\n}}\n",
        members.collect::<String>()
    )
}

/// Processors as people wrote them for the original's SDK: with its imports, its way to run them on a laptop at the end.
const HELLO: &str = r#"
import { defineProcessor, PullProcessorRuntime } from "ai-engineer-workshop";

export const processor = defineProcessor(() => ({
  slug: "greeter",
  initialState: { greeted: [] as string[] },
  reduce: ({ event, state }) => {
    if (event.type !== "guest-arrived") return state;
    return { greeted: [...state.greeted, event.payload.name as string] };
  },
  afterAppend: async ({ append, event, state }) => {
    if (event.type !== "guest-arrived") return;
    await append({ event: { type: "guest-greeted", payload: { text: `Hello, ${event.payload.name}`, guests: state.greeted.length } } });
  },
}));

if (import.meta.main) {
  await new PullProcessorRuntime({ path: "/party", includeChildren: true, processor }).run();
}
"#;

const RELAY: &str = r#"
import {
  createEventsClient,
  defineProcessor,
  PullSubscriptionPatternProcessorRuntime,
  runWorkshopMain,
  workshopPathPrefix,
} from "ai-engineer-workshop";

type State = { relayed: number };

const processor = defineProcessor<State>(() => {
  const seen = new Set<string>();
  return {
    slug: "relay",
    initialState: { relayed: 0 },
    reduce: ({ event, state }) => (event.type === "guest-greeted" ? { relayed: state.relayed + 1 } : state),
    onEvent: async ({ append, event, logger }) => {
      if (event.type !== "guest-greeted" || seen.has(event.payload.text)) return;
      seen.add(event.payload.text);
      logger.info("relaying", event.offset);
      await append({ event: { type: "note-added", payload: event.payload }, path: "./notes" });
    },
  };
});
export default processor;

export async function run() {
  const streamPattern = `${workshopPathPrefix()}/**/*`;
  await new PullSubscriptionPatternProcessorRuntime({ eventsClient: createEventsClient(), processor, streamPattern }).run();
}

runWorkshopMain(import.meta.url, run);
"#;

/// Payloads through the schemas of a package.
const SCHEMAS: &str = r#"
import { defineProcessor } from "millrace";
import * as z from "zod";

export default defineProcessor({
  initialState: { sold: 0 },
  events: { "tea-sold": z.object({ grams: z.coerce.number().positive() }), "shop-closed": true },
  reduce({ event, state }) {
    if (event.type === "tea-sold") return { sold: state.sold + event.payload.grams };
  },
  async afterAppend({ event, state, append }) {
    if (event.type === "shop-closed") await append({ type: "sales-counted", payload: state });
  },
});
"#;

/// The client inside an isolate, towards a server that its own lets it reach.
const CLIENT: &str = r#"
import { createEventsClient, defineProcessor, MillraceError, PullProcessorRuntime } from "millrace";

export default defineProcessor({
  async afterAppend({ event, append }) {
    if (event.type !== "mirror") return;
    const client = createEventsClient({ baseUrl: event.payload.url, project: event.payload.project });
    const { event: stored } = await client.append({ path: "/mirrored", event: { type: "seen", idempotencyKey: "once" } });
    const types: string[] = [];
    for await (const { type } of client.read({ path: "/mirrored" })) types.push(type);
    const refused = await client.append({ path: "/BAD", event: { type: "x" } }).catch((error) => error);
    await append({
      type: "mirrored",
      payload: {
        offset: stored.offset,
        types,
        refused: refused instanceof MillraceError && refused.code,
        other: refused instanceof PullProcessorRuntime,
      },
    });
  },
});
"#;

#[test]
fn in_isolates() {
    let server = Server::start(&["--egress-allow", "127.0.0.1"]);
    let millrace = server.client("party");
    for (slug, text) in [("greeter", HELLO), ("relay", RELAY), ("mirror", CLIENT), ("stock", SCHEMAS)] {
        let mut payload = json!({"slug": slug, "typecheck": "require", "files": {"processor.ts": text}});
        if text.contains("zod") {
            payload["packageJson"] = json!({"dependencies": {"zod": "^4"}});
        }
        millrace.append("/party", json!({"type": "processor/source-configured", "payload": payload}));
        let ends = ["processor/activated", "processor/compile-failed", "processor/failed"];
        let ended =
            |event: &Value| ends.iter().any(|end| event["type"] == *end) && event["payload"]["slug"] == slug;
        let events = millrace.wait_for("/party", "the deployment", |events| events.iter().any(ended));
        let end = events.iter().find(|event| ended(event)).unwrap();
        assert_eq!(end["type"], ends[0], "{slug}: {end:#}");
    }
    millrace.append("/party", json!({"type": "guest-arrived", "payload": {"name": "Ada"}}));
    let note = millrace.wait_type("/party/notes", "note-added");
    assert_subset("the relayed greeting", &note["payload"], &json!({"text": "Hello, Ada", "guests": 1}));
    let sales = [json!({"grams": "50"}), json!({"grams": -1}), json!({"grams": 25})];
    let sold = sales.map(|payload| json!({"type": "tea-sold", "payload": payload}));
    millrace.append("/party", Value::Array(sold.to_vec()));
    millrace.append("/party", json!({"type": "shop-closed"}));
    assert_eq!(millrace.wait_type("/party", "sales-counted")["payload"], json!({"sold": 75}));
    let url = format!("http://{}", server.address);
    millrace.append("/party", json!({"type": "mirror", "payload": {"url": url, "project": "elsewhere"}}));
    let mirrored = millrace.wait_type("/party", "mirrored");
    let expected =
        json!({"offset": 2, "types": ["stream/created", "seen"], "refused": "bad-path", "other": false});
    assert_subset("what the client found", &mirrored["payload"], &expected);
}
