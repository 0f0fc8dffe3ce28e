// The pull runtime over its own death: nothing is lost, nothing is appended twice, and two of them are one too many.

import {
  createEventsClient,
  defineProcessor,
  PullProcessorRuntime,
  type Event,
  type EventsClient,
  type Processor,
} from "millrace";
import { equal, ok, rejects, test, until } from "./harness.ts";
import { client, SERVER, silent } from "./server.ts";

const counting = (hooks: Partial<Processor> = {}): Processor =>
  defineProcessor({
    slug: "count",
    initialState: { pings: 0 },
    reduce: ({ event, state }) => ({ pings: state.pings + (event.type === "ping" ? 1 : 0) }),
    afterAppend: async ({ event, append, state }) => {
      if (event.type === "ping") await append({ type: "pong", payload: { pings: state.pings, of: event.offset } });
    },
    ...(hooks as object),
  });

function runtime(events: EventsClient, processor: Processor, options: object = {}) {
  return new PullProcessorRuntime({
    path: "/p",
    processor,
    includeChildren: false,
    eventsClient: events,
    logger: silent,
    ...options,
  });
}

async function all(events: EventsClient, path = "/p", type?: string): Promise<Event[]> {
  const found: Event[] = [];
  for await (const event of events.read({ path, ...(type && { types: type }) })) found.push(event);
  return found;
}

const ping = (events: EventsClient, path = "/p") => events.append({ path, event: { type: "ping" } });
const pongs = async (events: EventsClient, path = "/p") => (await all(events, path, "pong")).map(({ payload }) => payload.pings);

test("pull: what came while it was away is acted on, and its state goes on", async () => {
  const events = client();
  await ping(events);
  const first = runtime(events, counting());
  const running = first.run();
  await first.ready;
  await ping(events);
  await until("the first pong", async () => (await pongs(events)).length === 1);
  await first.stop();
  await running;
  await ping(events);
  const second = runtime(events, counting());
  second.run();
  await until("the second pong", async () => (await pongs(events)).length === 2);
  equal(await pongs(events), [2, 3]);
  equal(second.getState(), { pings: 3 });
  await second.stop();
});

/** A client whose process dies: from then on nothing leaves it. */
function mortal(project: string) {
  let dead = false;
  const gone = new AbortController();
  const reach = ((url: string, init?: RequestInit) => {
    if (dead) return new Promise(() => {});
    return fetch(url, { ...init, signal: init?.signal ? AbortSignal.any([init.signal, gone.signal]) : gone.signal });
  }) as typeof fetch;
  return { events: createEventsClient({ baseUrl: SERVER, project, fetch: reach }), die: () => ((dead = true), gone.abort()) };
}

test("pull: a hook that died between its appends is run again, and each append stands once", async () => {
  const project = `sdk-${crypto.randomUUID()}`;
  const { events, die } = mortal(project);
  const witness = createEventsClient({ baseUrl: SERVER, project });
  let halfway: () => void = () => {};
  const dying = new Promise<void>((resolve) => (halfway = resolve));
  let lives = 0;
  const processor = counting({
    afterAppend: async ({ event, append }) => {
      if (event.type !== "ping") return;
      lives += 1;
      await append({ type: "pong", payload: { pings: 1 } });
      if (lives === 1) {
        halfway();
        await new Promise(() => {});
      }
      await append({ event: { type: "pong", payload: { pings: 2 } }, path: "./child" });
    },
  });
  const first = runtime(events, processor);
  first.run().catch(() => {});
  await first.ready;
  await ping(witness);
  await dying;
  die();
  const second = runtime(witness, processor);
  second.run();
  await until("the second append", async () => (await pongs(witness, "/p/child").catch(() => [])).length === 1);
  equal(await pongs(witness), [1]);
  equal(lives, 2);
  await second.stop();
});

test("pull: a runtime that died before its first event loses none", async () => {
  const project = `sdk-${crypto.randomUUID()}`;
  const { events, die } = mortal(project);
  const witness = createEventsClient({ baseUrl: SERVER, project });
  await ping(witness);
  await ping(witness, "/p/old");
  const first = runtime(events, counting(), { includeChildren: true });
  first.run().catch(() => {});
  await first.ready;
  die();
  for (const path of ["/p", "/p/old", "/p/new"]) await ping(witness, path);
  const second = runtime(witness, counting(), { includeChildren: true });
  second.run();
  for (const path of ["/p", "/p/old", "/p/new"])
    await until(`a pong on ${path}`, async () => (await pongs(witness, path)).length === 1);
  equal([await pongs(witness), await pongs(witness, "/p/old"), await pongs(witness, "/p/new")], [[2], [2], [1]]);
  equal(second.getStreamPaths(), ["/p", "/p/new", "/p/old"]);
  await second.stop();
});

test("pull: of two runtimes the one that was there before stops", async () => {
  const events = client();
  const first = runtime(events, counting());
  const ended = rejects(first.run());
  await first.ready;
  const second = runtime(events, counting());
  second.run();
  await second.ready;
  await ping(events);
  equal((await ended).code, "taken-over");
  await ping(events);
  await until("both pongs", async () => (await pongs(events)).length === 2);
  equal(await pongs(events), [1, 2]);
  await second.stop();
});

test("pull: a paused stream is waited for, and nothing has failed", async () => {
  const events = client();
  const first = runtime(events, counting());
  first.run();
  await first.ready;
  await events.appendBatch({ path: "/p", events: [{ type: "ping" }, { type: "stream/paused", payload: { reason: "a test" } }] });
  await until("the pause to be seen", () => first.getProgress("/p")?.reduced === 3 || first.getProgress("/p")?.reduced === 2);
  await events.append({ path: "/p", event: { type: "stream/resumed" } });
  await until("the pong", async () => (await pongs(events)).length === 1);
  equal((await all(events, "/p", "stream/error-occurred")).length, 0);
  await first.stop();
});

test("pull: a new version reduces the history anew, and its onCaughtUp runs once", async () => {
  const events = client();
  await ping(events);
  const onCaughtUp: Processor["onCaughtUp"] = async ({ append, state }) => void (await append({ type: "ready", payload: state }));
  for (const [version, weight] of [
    ["1", 1],
    ["1", 1],
    ["2", 10],
  ] as const) {
    const reduce: Processor["reduce"] = ({ event, state }) => ({ pings: state.pings + (event.type === "ping" ? weight : 0) });
    const one = runtime(events, counting({ reduce, onCaughtUp }), { version });
    one.run();
    await one.ready;
    await one.stop();
  }
  equal(
    (await all(events, "/p", "ready")).map(({ payload }) => payload.pings),
    [1, 10],
  );
});

test("pull: a hook that takes too long is aborted and recorded", async () => {
  const events = client();
  const reasons: string[] = [];
  const processor = counting({
    afterAppend: ({ event, signal }) =>
      event.type === "ping"
        ? new Promise((_, reject) =>
            signal.addEventListener("abort", () => (reasons.push(signal.reason.name), reject(signal.reason))),
          )
        : undefined,
  });
  const one = runtime(events, processor, { hookTimeoutMs: 50 });
  one.run();
  await one.ready;
  await ping(events);
  const [failed] = await until("the failure", async () => {
    const found = await all(events, "/p", "stream/error-occurred");
    return found.length > 0 ? found : undefined;
  });
  equal([failed!.metadata?.["reason"], failed!.metadata?.["processor"], reasons], ["timeout", "count", ["TimeoutError"]]);
  await one.stop();
});

test("pull: stop tells the hooks under way, and what they left is done later", async () => {
  const events = client();
  let began: () => void = () => {};
  const under = new Promise<void>((resolve) => (began = resolve));
  const slow = counting({
    afterAppend: ({ event, signal }) => {
      if (event.type !== "ping") return;
      began();
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    },
  });
  const first = runtime(events, slow);
  const running = first.run();
  await first.ready;
  await ping(events);
  await under;
  await first.stop();
  await running;
  equal((await all(events, "/p", "stream/error-occurred")).length, 0, "an abort is no failure");
  const second = runtime(events, counting());
  second.run();
  await until("the pong", async () => (await pongs(events)).length === 1);
  await second.stop();
});

test("pull: reactions name their cause", async () => {
  const asked: (string | null)[] = [];
  const project = `sdk-${crypto.randomUUID()}`;
  const noting = ((url: string, init?: RequestInit) => {
    const headers = new Headers(init?.headers);
    if (init?.method === "POST" && !url.includes("_pull")) asked.push(headers.get("x-millrace-cause"));
    return fetch(url, init);
  }) as typeof fetch;
  const one = runtime(createEventsClient({ baseUrl: SERVER, project, fetch: noting }), counting());
  const events = createEventsClient({ baseUrl: SERVER, project });
  one.run();
  await one.ready;
  const { event } = await ping(events);
  await until("the pong", async () => (await pongs(events)).length === 1);
  equal(asked, [`/p@${event.offset}; project=${project}`]);
  await one.stop();
});

test("pull: a stream that was destroyed and created again begins anew", async () => {
  const events = client();
  await ping(events);
  const first = runtime(events, counting());
  const running = first.run();
  await first.ready;
  await first.stop();
  await running;
  await events.destroy({ path: "/p" });
  await ping(events);
  const second = runtime(events, counting());
  second.run();
  await until("the pong", async () => (await pongs(events)).length === 1);
  equal(second.getState(), { pings: 1 });
  await second.stop();
});

test("pull: a stream that is destroyed and created again while it runs begins anew", async () => {
  const events = client();
  const one = runtime(events, counting());
  one.run();
  await one.ready;
  await ping(events);
  await until("the first pong", async () => (await pongs(events)).length === 1);
  await events.destroy({ path: "/p" });
  await ping(events);
  await until("the pong of the new stream", async () => (await pongs(events)).length === 1);
  equal(one.getState(), { pings: 1 });
  await one.stop();
});

test("pull: what cannot run says why", async () => {
  const events = client();
  ok((await rejects(Promise.resolve().then(() => runtime(events, { afterAppend() {} })))).message.includes("slug"), "no slug");
  ok(
    (await rejects(Promise.resolve().then(() => runtime(events, { slug: "Not One" })))).message.includes("Not One"),
    "a wrong slug",
  );
});
