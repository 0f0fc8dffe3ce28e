//! The bundler behind the commit: what it owes is in the log, so neither a crash nor a pause loses an answer or gives
//! it twice; and what a build was made of is kept with it.

use serde_json::{Value, json};

use crate::harness::{Server, shared};

const PONG: &str = "import * as z from 'zod';\nexport default { async afterAppend({ event, append }) { if (event.type === 'ping') await append({ type: 'pong', payload: { n: z.coerce.number().parse('7') } }); } };";

fn source(text: &str) -> Value {
    json!({"type": "processor/source-configured", "payload": {"slug": "p", "files": {"processor.ts": text}, "packageJson": {"dependencies": {"zod": "^4"}}}})
}

fn answers(events: &[Value], source: &Value) -> usize {
    let is_answer = |event: &&Value| {
        event["payload"]["bundle"]["sourceOffset"] == source["offset"]
            || (event["type"] == "processor/compile-failed"
                && event["payload"]["sourceOffset"] == source["offset"])
    };
    events.iter().filter(is_answer).count()
}

#[test]
fn a_crash_in_the_middle_of_a_build_costs_only_time() {
    let mut server = Server::start(&[]);
    for round in 0..6 {
        let millrace = server.client("public");
        let path = format!("/r{round}");
        let stored = millrace.append(&path, source(&format!("{PONG}\n// {round}")));
        // Sooner and later in the build, and behind it.
        std::thread::sleep(std::time::Duration::from_millis(round * 40));
        server.kill();
        server = server.restart();
        let millrace = server.client("public");
        millrace.wait_type(&path, "processor/activated");
        millrace.append(&path, json!({"type": "ping"}));
        assert_eq!(millrace.wait_type(&path, "pong")["payload"]["n"], 7);
        assert_eq!(answers(&millrace.read(&path), &stored), 1, "round {round}");
    }
}

#[test]
fn an_answer_waits_for_a_paused_stream() {
    let millrace = shared();
    let paused = json!({"type": "stream/paused", "payload": {}});
    let stored = millrace.append("/a", json!([source(PONG), paused]));
    // Another stream has the same source, and its answer: the build is done.
    millrace.append("/b", source(PONG));
    millrace.wait_type("/b", "processor/activated");
    assert_eq!(answers(&millrace.read("/a"), &stored[0]), 0);
    millrace.append("/a", json!({"type": "stream/resumed", "payload": {}}));
    millrace.wait_type("/a", "processor/activated");
    assert_eq!(answers(&millrace.read("/a"), &stored[0]), 1);
}

#[test]
fn a_lock_gives_the_same_bytes_on_another_server() {
    let first = shared();
    first.append("/a", source(PONG));
    let configured = first.wait_type("/a", "processor/configured")["payload"].clone();
    let (lock, sha256) = (&configured["bundle"]["lock"], &configured["bundle"]["sha256"]);
    assert!(
        lock["packages"]
            .as_object()
            .is_some_and(|packages| packages.keys().any(|id| id.starts_with("zod@4"))),
        "{lock:#}"
    );
    assert!(
        configured["bundle"]["dependencies"]["zod"].as_str().is_some_and(|version| version.starts_with("4."))
    );
    let server = Server::start(&["--offline"]);
    let second = server.client("public");
    let mut with_lock = source(PONG);
    with_lock["payload"]["lock"] = lock.clone();
    second.append("/b", with_lock);
    let configured = second.wait_type("/b", "processor/configured")["payload"].clone();
    assert_eq!(configured["bundle"]["sha256"], *sha256);
}

#[test]
fn type_errors_are_told_behind_the_activation_or_prevent_it() {
    let millrace = shared();
    let files = json!({"processor.ts": "export default {\n  initialState: { n: 0 },\n  reduce({ state }) {\n    return { n: state.m };\n  },\n  async afterApend() {},\n};\n"});
    let payload = json!({"slug": "p", "files": files});
    let stored =
        millrace.append("/report", json!({"type": "processor/source-configured", "payload": payload}));
    millrace.wait_type("/report", "processor/activated");
    let found = millrace.wait_type("/report", "processor/type-errors-found");
    assert_eq!(found["payload"]["sourceOffset"], stored["offset"]);
    let places: Vec<(&str, u64, u64)> = found["payload"]["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            (it["code"].as_str().unwrap(), it["line"].as_u64().unwrap(), it["column"].as_u64().unwrap())
        })
        .collect();
    assert!(places.contains(&("TS2339", 4, 23)) && places.iter().any(|place| place.1 == 6), "{places:?}");
    let payload = json!({"slug": "p", "files": files, "typecheck": "require"});
    millrace.append("/require", json!({"type": "processor/source-configured", "payload": payload}));
    let failed = millrace.wait_type("/require", "processor/compile-failed");
    assert_eq!(failed["payload"]["stage"], "typecheck");
    assert_eq!(failed["payload"]["diagnostics"], found["payload"]["diagnostics"]);
}

#[test]
fn one_check_knows_nothing_of_another() {
    let server = Server::start(&[]);
    let millrace = server.client("public");
    let plain = "export default { async afterAppend() {} };\n";
    let loose = "export function f(x) { return x; }\nexport default { async afterAppend() {} };\n";
    let strict_false = "{\"compilerOptions\": {\"strict\": false, \"paths\": {\"@/*\": [\"./lib/*\"]}}}";
    let sources = [
        (json!({"processor.ts": plain, "lib/a.ts": "export const a = 1;"}), "processor/configured"),
        (json!({"src/main.ts": plain}), "processor/configured"),
        (json!({"processor.ts": loose, "tsconfig.json": strict_false}), "processor/configured"),
        (json!({"processor.ts": loose}), "processor/compile-failed"),
        (
            json!({"processor.ts": format!("import {{ a }} from '@/a';\nvoid a;\n{plain}"), "lib/a.ts": "export const a = 1;", "tsconfig.json": strict_false}),
            "processor/configured",
        ),
    ];
    for (n, (files, answer)) in sources.into_iter().enumerate() {
        let path = format!("/n{n}");
        let payload = json!({"slug": "p", "files": files, "typecheck": "require"});
        let stored =
            millrace.append(&path, json!({"type": "processor/source-configured", "payload": payload}));
        let events = millrace.wait_for(&path, "an answer", |events| answers(events, &stored) == 1);
        let last = events.iter().find(|event| answers(std::slice::from_ref(event), &stored) == 1).unwrap();
        assert_eq!(last["type"], answer, "{path}: {:#}", last["payload"]["diagnostics"]);
    }
}
