// The client: what it asks and answers, and that a stream survives whatever happens to its connections.

import { createEventsClient, MillraceError, type Event } from "millrace";
import { equal, ok, rejects, test } from "./harness.ts";
import { client, SERVER } from "./server.ts";

const types = async (events: AsyncIterable<Event>) => {
  const found: string[] = [];
  for await (const { type } of events) found.push(type);
  return found;
};

test("client: append, batch, read, state, children, list, destroy", async () => {
  const events = client();
  const { event } = await events.append({
    path: "/a/b",
    event: { type: "one", payload: { n: 1 }, metadata: { m: 1 }, idempotencyKey: "k" },
  });
  equal([event.offset, event.streamPath, event.payload, event.metadata], [2, "/a/b", { n: 1 }, { m: 1 }]);
  equal((await events.append({ path: "a/b", event: { type: "other", idempotencyKey: "k" } })).event, event);
  equal(
    (await events.appendBatch({ path: "/a/b", events: [{ type: "two" }, { type: "three" }] })).events.map(({ offset }) => offset),
    [3, 4],
  );
  equal(await types(events.read({ path: "/a/b" })), ["stream/created", "one", "two", "three"]);
  equal(await types(events.read({ path: "/a/b", afterOffset: 2, beforeOffset: 4 })), ["two"]);
  equal(await types(events.read({ path: "/a/b", types: ["one", "three"] })), ["one", "three"]);
  equal(await types(events.read({ path: "/a/b", limit: 2 })), ["stream/created", "one"]);
  equal((await events.state({ path: "/a/b" })).eventCount, 4);
  equal(
    (await events.children({ path: "/a" })).map(({ path }) => path),
    ["/a/b"],
  );
  const listed: string[] = [];
  for await (const { path } of events.list({ prefix: "/a" })) listed.push(path);
  ok(listed.includes("/a/b"), "the list has the stream");
  equal((await events.destroy({ path: "/a/b" })).destroyedStreamCount, 1);
});

test("client: the original's call shapes", async () => {
  const events = createEventsClient({ baseUrl: SERVER, projectSlug: `sdk-${crypto.randomUUID()}` });
  await events.append({ params: { path: "/g" }, body: { type: "bare" } });
  await events.append({ params: { path: "/g" }, body: { event: { type: "wrapped" } } });
  equal((await types(await events.stream({ path: "/g", beforeOffset: "end" }, {}))).slice(1), ["bare", "wrapped"]);
  equal(await types(await events.stream({ path: "/g", offset: 2, live: false }, {})), ["wrapped"]);
  equal((await events.getState({ path: "/g" })).eventCount, 3);
  equal(await events.listChildren({ path: "/g" }), []);
  equal((await events.destroy({ params: { path: "/g" }, query: { destroyChildren: true } })).destroyedStreamCount, 1);
});

test("client: refusals are MillraceErrors with the server's code", async () => {
  const events = client();
  await events.append({ path: "/a", event: { type: "x" } });
  const cases: [string, () => Promise<unknown>, number, string][] = [
    ["no stream", () => types(events.read({ path: "/none" })), 404, "stream-not-found"],
    ["bad path", () => events.append({ path: "/A", event: { type: "x" } }), 400, "bad-path"],
    ["offset", () => events.append({ path: "/a", event: { type: "x", offset: 9 } }), 412, "offset-mismatch"],
    ["bad cursor", () => types(events.stream({ path: "/a", afterOffset: 0 })), 400, "bad-query"],
    ["no secret", () => events.secrets.remove({ name: "NONE" }), 404, "secret-not-found"],
  ];
  for (const [what, ask, status, code] of cases) {
    const error = await rejects(ask());
    ok(error instanceof MillraceError, `${what}: a MillraceError, not ${error}`);
    equal([error.status, error.code, error.detail === error.message], [status, code, true], what);
  }
  const mismatch = await rejects(events.append({ path: "/a", event: { type: "x", offset: 9 } }));
  equal([mismatch.more.expectedOffset, mismatch.more.suppliedOffset], [3, 9]);
  const nowhere = createEventsClient({ baseUrl: "http://127.0.0.1:1" });
  const error = await rejects(nowhere.append({ path: "/a", event: { type: "x" } }));
  equal([error.status, error.code], [0, "unreachable"]);
});

test("client: secrets", async () => {
  const events = client();
  equal((await events.secrets.set({ name: "KEY", value: "v", hosts: ["api.test"] })).name, "KEY");
  equal(
    (await events.secrets.list()).map(({ name, hosts }) => [name, hosts]),
    [["KEY", ["api.test"]]],
  );
  equal(await events.secrets.remove({ name: "KEY" }), { name: "KEY", removed: true });
});

test("client: deploy tells what became of it", async () => {
  const events = client();
  const deploy = (text: string) => events.deploy({ path: "/d", slug: "p", files: { "p.js": text }, typecheck: "off" });
  const good = "export default { afterAppend() {} };";
  const first = await deploy(good);
  ok(first.status === "activated" && first.event.type === "processor/activated", JSON.stringify(first));
  equal((await deploy(good)).status, "unchanged");
  const broken = await deploy("export default {\n  afterAppend( {} };");
  ok(broken.status === "compile-failed", JSON.stringify(broken));
  equal([broken.stage, broken.diagnostics[0]?.file, broken.diagnostics[0]?.line], ["parse", "p.js", 2]);
  const unloadable = await deploy("throw new Error('not today'); export default {};");
  ok(unloadable.status === "failed" && unloadable.error.message === "not today", JSON.stringify(unloadable));
  equal((await rejects(events.deploy({ path: "/d", slug: "NO", script: good }))).code, "invalid-configuration");
});

test("client: what passes is asked again where that is safe", async () => {
  const answers = [503, 429, 200];
  let asked = 0;
  const flaky = (async () => {
    const status = answers[asked++] ?? 500;
    return Response.json(status === 200 ? { event: { offset: 2 } } : { code: "busy", detail: "later", status }, { status });
  }) as typeof fetch;
  const events = createEventsClient({ baseUrl: "http://server.test", fetch: flaky });
  equal((await events.append({ path: "/a", event: { type: "x", idempotencyKey: "k" } })).event.offset, 2);
  equal(asked, 3);
  asked = 0;
  equal((await rejects(events.append({ path: "/a", event: { type: "x" } }))).code, "busy");
  equal(asked, 1, "an append without a key is sent once");
});

/** Breaks each live connection after so many pieces of its body, the first `times` of them. */
function cutting(times: number, pieces: number, breakIt: (controller: TransformStreamDefaultController) => void): typeof fetch {
  let left = times;
  return (async (url: string, init?: RequestInit) => {
    const response = await fetch(url, init);
    if (!url.includes("live=true") || left === 0) return response;
    left -= 1;
    let seen = 0;
    const cut = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        seen += 1;
        if (seen <= pieces) controller.enqueue(chunk);
        else breakIt(controller);
      },
    });
    return new Response(response.body!.pipeThrough(cut), response);
  }) as typeof fetch;
}

const CUTS: Record<string, (controller: TransformStreamDefaultController) => void> = {
  "with an error": (controller) => controller.error(new TypeError("connection reset")),
  "as if it had ended": (controller) => controller.terminate(),
  "into silence": () => {},
};

for (const [how, breakIt] of Object.entries(CUTS)) {
  test(`client: a stream that is cut ${how} goes on behind its last event`, async () => {
    const events = client({ fetch: cutting(3, 3, breakIt) });
    const reader = new AbortController();
    const seen: number[] = [];
    let retries = 0;
    const reading = (async () => {
      for await (const { payload } of events.stream({
        path: "/s",
        types: "n",
        silenceMs: 300,
        onRetry: () => (retries += 1),
        signal: reader.signal,
      })) {
        seen.push(payload.n);
        if (seen.length === 16) return;
      }
    })();
    for (let n = 0; n < 16; n += 1) await events.append({ path: "/s", event: { type: "n", payload: { n } } });
    await reading;
    equal(
      seen,
      Array.from({ length: 16 }, (_, n) => n),
    );
    ok(retries > 0, "no connection was lost");
  });
}

test("client: a live read that begins at the end misses nothing behind a lost connection", async () => {
  // By the time the live read is asked for it is known where the end was. Its first connection ends with whatever comes first.
  let opens: () => void = () => {};
  const opened = new Promise<void>((resolve) => (opens = resolve));
  const cut = cutting(1, 0, (controller) => controller.terminate());
  const events = client({ fetch: (url, init) => (String(url).includes("live=true") && opens(), cut(url, init)) });
  await events.append({ path: "/e", event: { type: "before" } });
  const lost = new Promise<void>((resolve) => {
    void (async () => {
      for await (const { type } of events.stream({ path: "/e", afterOffset: "end", onRetry: () => resolve() })) {
        found(type);
        return;
      }
    })();
  });
  let found: (type: string) => void = () => {};
  const first = new Promise<string>((resolve) => (found = resolve));
  await opened;
  await events.append({ path: "/e", event: { type: "after" } });
  await lost;
  equal(await first, "after");
});

test("client: an abort ends a stream with its reason", async () => {
  const events = client();
  const reader = new AbortController();
  const reading = types(events.stream({ path: "/never" }, { signal: reader.signal }));
  reader.abort(new Error("enough"));
  equal((await rejects(reading)).message, "enough");
});

test("client: a stream that is left early gives its connection back", async () => {
  const signals: AbortSignal[] = [];
  const noting = ((url: string, init?: RequestInit) => (signals.push(init!.signal!), fetch(url, init))) as typeof fetch;
  const events = client({ fetch: noting });
  await events.append({ path: "/l", event: { type: "x" } });
  signals.length = 0;
  for await (const _ of events.stream({ path: "/l" })) break;
  equal(
    signals.map(({ aborted }) => aborted),
    [true],
  );
});

test("client: a server that was never there is told, not waited for", async () => {
  const events = createEventsClient({ baseUrl: "http://127.0.0.1:1" });
  const error = await rejects(types(events.stream({ path: "/a" })));
  ok(error instanceof MillraceError && error.status === 0, String(error));
});
