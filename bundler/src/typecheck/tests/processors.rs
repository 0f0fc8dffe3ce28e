//! The processor API's types: what authors may write without a word about types, and where mistakes are shown.

use super::*;

/// A source of one file, and what is found in it.
type Case<'a> = (&'a str, &'a [&'a str]);

async fn check_all(cases: &[Case<'_>]) {
    let checker = checker();
    let mut wrong = String::new();
    for (source, expected) in cases {
        let found = checker.check(&program(&[("main.ts", source)])).await.unwrap();
        let place = |one: &Diagnostic| format!("{} {}:{}", one.code, one.line, one.column);
        let places: Vec<_> = found.iter().map(place).collect();
        if places != *expected {
            let messages: String =
                found.iter().map(|one| format!("{}: {}\n", place(one), one.message)).collect();
            wrong.push_str(&format!("\n{source}\nexpected {expected:?}\n{messages}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[tokio::test]
async fn objects_without_a_type() {
    check_all(&[
        ("export default {};", &[]),
        ("export default { async afterAppend({ event, append }) { await append({ type: event.type }); } };", &[]),
        ("export default {\n  afterApend() {},\n};", &["TS2561 2:3"]),
        ("const hidden = 1;\nexport default ({\n  reduce: 1,\n});", &["TS2322 3:3"]),
        ("export default { async afterAppend({ append }) {\n  await append({ typ: 'a' });\n} };", &["TS2561 2:18"]),
        ("export default { async afterAppend({ append }) {\n  await append({ type: 'a', path: './b' });\n} };", &["TS2345 2:16"]),
        ("export default { async afterAppend({ append }) {\n  await append({ event: { type: 'a' }, path: './b' });\n} };", &[]),
        ("export default { async afterAppend({ event }) {\n  event.ofset;\n} };", &["TS2551 2:9"]),
        ("export default { async afterAppend({ event, logger, stream, signal, read, prevState, state }) {\n  for await (const e of read({ types: ['a'] })) logger.info(e.offset, stream.path, signal.aborted, event, prevState, state);\n} };", &[]),
        ("export default { async reduce({ state }) { return state; } };", &["TS2322 1:24"]),
        ("export default { concurrency: 'paralel' };", &["TS2820 1:18"]),
        ("/*\u{1f600}*/ export default { initialState: '\u{1f600}', reduce({ state }) { return state.a; } };", &["TS2339 1:78"]),
    ])
    .await;
}

#[tokio::test]
async fn the_state_follows_from_the_initial_state() {
    check_all(&[
        ("export default { initialState: { n: 0 }, reduce({ state }) { return { n: state.n + 1 }; } };", &[]),
        ("export default { initialState: { n: 0 }, reduce({ state }) {\n  return { n: state.m };\n} };", &["TS2339 2:21"]),
        ("export default { initialState: { n: 0 }, reduce({ state }) { return { n: 'x' }; } };", &["TS2322 1:42"]),
        // What is open at first is filled later.
        ("export default { initialState: { open: [], by: {}, last: null }, reduce({ event, state }) { return { open: [...state.open, event.type], by: { ...state.by, [event.type]: 1 }, last: event.offset }; } };", &[]),
        ("export default { initialState: { open: [] }, reduce({ state }) { return { opem: state.open }; } };", &["TS2322 1:46"]),
        // Literals keep their types.
        ("export default { initialState: { s: 'idle' as 'idle' | 'busy' }, reduce({ state }) { return { ...state, s: 'busy' }; } };", &[]),
        ("const initialState: { items: string[] } = { items: [] };\nexport default { initialState, reduce({ state, event }) { return { items: [...state.items, event.offset] }; } };", &["TS2322 2:32"]),
        ("const base = { initialState: { n: 1 } };\nexport default { ...base, reduce({ state }) { return { n: state.n + 1 }; } };", &[]),
        // An error within the initial state is shown once.
        ("export default { initialState: { n: nowhere }, reduce({ state }) { return state; } };", &["TS2304 1:37"]),
        ("export default { initialState: 0, reduce: ({ state }) => state + 1 };", &[]),
        ("export default { reduce({ state }) { return { n: (state.n ?? 0) + 1 }; } };", &[]),
        ("export default { initialState: { /* } */ n: 1, // }\n s: `}` }, reduce({ state }) {\n  state.t;\n} };", &["TS2339 3:9"]),
    ])
    .await;
}

#[tokio::test]
async fn the_events_follow_from_their_schemas() {
    check_all(&[
        ("import { defineProcessor, type StandardSchema } from 'millrace';\ndeclare const order: StandardSchema<unknown, { n: number }>;\nexport default defineProcessor({ events: { order, other: true }, reduce({ event }) {\n  if (event.type === 'order') event.payload.m;\n  if (event.type === 'third') return;\n} });", &["TS2339 4:45", "TS2367 5:7"]),
        ("import { defineProcessor } from 'millrace';\nexport default defineProcessor({ initialState: { n: 0 }, events: { order: true }, reduce({ event, state }) { return { n: state.n + event.payload.n }; } });", &[]),
        ("import { defineProcessor } from 'millrace';\nexport default defineProcessor({ events: { order: 7 } });", &["TS2322 2:44"]),
    ])
    .await;
}

#[tokio::test]
async fn the_client_and_the_runtimes_have_types() {
    check_all(&[
        ("import { createEventsClient, MillraceError } from 'millrace';\nexport default { async afterAppend({ event }) {\n  for await (const { type } of createEventsClient(event.payload.url).stream({ path: '/a' })) type.length;\n  await createEventsClient().appendd();\n} };\nexport const code = (error: unknown) => error instanceof MillraceError && error.code;", &["TS2551 4:30"]),
        ("import { defineProcessor, PullProcessorRuntime, runWorkshopMain } from 'ai-engineer-workshop';\nexport const processor = defineProcessor(() => ({ slug: 'a', initialState: {} }));\nif (import.meta.main) await new PullProcessorRuntime({ path: '/a', processor }).run();\nrunWorkshopMain(import.meta.url, async () => {});", &[]),
    ])
    .await;
}

/// What else than code can be imported.
#[tokio::test]
async fn texts_bytes_and_json_have_types() {
    let main = "import page from './page.html';\nimport query from './lib/query.sql';\nimport data from './data.json';\nimport bytes from './logic.wasm';\nimport { twice } from './twice.js';\nconst wrong: number[] = [page, query, data.name, bytes];\ndata.missing;\ntwice('a').toFixed();\nexport default { initialState: { wrong: wrong.length } };";
    let files = [
        ("main.ts", main),
        ("page.html", "<p>"),
        ("lib/query.sql", "select 1"),
        ("data.json", r#"{"name": "n"}"#),
        ("logic.wasm", "\0asm"),
        // Imported from, and not checked itself.
        ("twice.js", "export const twice = (x) => x * 2;\nnull.nothing;"),
    ];
    let found = checker().check(&program(&files)).await.unwrap();
    let expected = [
        "TS2322 main.ts:6:26",
        "TS2322 main.ts:6:32",
        "TS2322 main.ts:6:39",
        "TS2322 main.ts:6:50",
        "TS2339 main.ts:7:6",
    ];
    assert_eq!(places(&found), expected);
}

#[tokio::test]
async fn idioms_are_no_errors() {
    let found = checker().check(&program(&[("main.ts", include_str!("idioms.ts"))])).await.unwrap();
    assert_eq!(places(&found), [""; 0], "{found:#?}");
}

#[tokio::test]
async fn all_ways_to_export() {
    check_all(&[
        ("export const processor = {\n  afterApend() {},\n};", &["TS2561 2:3"]),
        ("const mine = {\n  afterApend() {},\n};\nexport default mine;", &["TS2561 2:3"]),
        ("const mine = {\n  reduce({ event, state }) { event.ofset; },\n};\nexport { mine as default };", &["TS2551 2:36"]),
        ("const processor = {\n  afterApend() {},\n};\nexport { processor };", &["TS2561 2:3"]),
        ("export default () => ({\n  afterApend() {},\n});", &["TS2561 2:3"]),
        ("export default function () {\n  return { afterApend() {} };\n}", &["TS2561 2:12"]),
        ("export default () => {\n  if (1) return { afterApend() {} };\n  return { reduce({ event }) { event.a; } };\n};", &["TS2561 2:19", "TS2339 3:38"]),
        ("import { defineProcessor } from 'millrace';\nexport default defineProcessor({\n  afterApend() {},\n});", &["TS2561 3:3"]),
        ("import { defineProcessor } from 'ai-engineer-workshop';\nexport default defineProcessor(() => ({\n  initialState: { s: 'a' as 'a' | 'b' },\n  reduce: ({ state }) => ({ ...state, s: 'b' }),\n  afterApend() {},\n}));", &["TS2561 5:3"]),
        ("export default defineProcessor<{ n: number }>(() => ({\n  initialState: { n: 1 },\n  reduce: ({ state }) => ({ n: state.m }),\n}));", &["TS2339 3:38"]),
        ("export default defineProcessor<{ n: number }>(() => ({\n  initialState: { n: 1 },\n  afterApend() {},\n}));", &["TS2561 3:3"]),
        ("import type { Processor } from 'millrace';\nconst mine: Processor<{ n: number }> = {\n  initialState: { n: 'x' },\n};\nexport default mine;", &["TS2322 3:19"]),
        ("import type { Processor } from 'millrace';\nexport default {\n  initialState: { n: 1 },\n  reduce({ state }) { return { n: state.n + 1 }; },\n} satisfies Processor<{ n: number }>;", &[]),
        // What is no literal is checked as a whole, and shown where it is exported.
        ("class Mine { reduce = 1 }\nexport default new Mine();", &["TS2345 2:16"]),
        ("export default 17;", &["TS2345 1:16"]),
        ("export default async () => ({});", &["TS2345 1:16"]),
        ("export default class { static reduce = 1 }", &["TS2345 1:1"]),
        ("const make = (n: number) => ({ initialState: { n }, reduce: 1 });\nexport default make(1);", &["TS2345 2:16"]),
        // Whether anything is exported at all is not the types' to say.
        ("export const other = 1;", &[]),
    ])
    .await;
}
