// Deliveries: who may make them, and what becomes of them.

import { defineProcessor, PushProcessorRuntime, type Event } from "millrace";
import { honoHandler } from "millrace/hono";
import { equal, ok, test, until } from "./harness.ts";
import { signed } from "./runtimes/push.ts";
import { client, silent } from "./server.ts";

const SECRET = "whsec_c2VjcmV0IG9mIHRoZSBzdWJzY3JpcHRpb24=";
const OTHER = "whsec_YW5vdGhlciBvbmUgYWx0b2dldGhlcg==";

const pong = () =>
  defineProcessor({
    slug: "pong",
    initialState: { pings: 0 },
    reduce: ({ event, state }) => ({ pings: state.pings + (event.type === "ping" ? 1 : 0) }),
    afterAppend: async ({ event, append, state }) => {
      if (event.type === "ping") await append({ type: "pong", payload: { pings: state.pings } });
    },
  });

type Change = (request: Request, event: Event) => Request | Promise<Request>;

const header =
  (name: string, value: string | undefined): Change =>
  (request) => {
    const headers = new Headers(request.headers);
    if (value === undefined) headers.delete(name);
    else headers.set(name, value);
    return new Request(request, { headers });
  };

const REQUESTS: [string, number, Change][] = [
  ["as it should be", 200, (request) => request],
  ["no signature", 401, header("webhook-signature", undefined)],
  ["no id", 401, header("webhook-id", undefined)],
  ["an old timestamp", 401, header("webhook-timestamp", String(Math.floor(Date.now() / 1000) - 3_600))],
  ["another timestamp", 401, header("webhook-timestamp", String(Math.floor(Date.now() / 1000) - 1))],
  ["a timestamp that is none", 401, header("webhook-timestamp", "now")],
  ["a signature that is none", 401, header("webhook-signature", "v1,%%% v2,abc")],
  ["another secret", 401, (_, event) => signed(event, "public", OTHER)],
  ["another project", 400, header("x-millrace-cause", "/hooked@2; project=elsewhere")],
  ["another stream", 400, (_, event) => signed({ ...event, streamPath: "/other" }, "public", SECRET)],
  ["no event", 400, () => signed({ type: "x" } as Event, "public", SECRET)],
  ["a GET", 405, () => new Request("http://receiver.test/")],
];

test("push: only what the server has signed is taken", async () => {
  const events = client();
  const { event } = await events.append({ path: "/hooked", event: { type: "noted" } });
  for (const [what, status, change] of REQUESTS) {
    const runtime = new PushProcessorRuntime({
      path: "/hooked",
      processor: pong(),
      eventsClient: events,
      signingSecret: [OTHER.replace("YW5v", "YWFh"), SECRET],
      logger: silent,
    });
    const response = await runtime.fetch(await change(await signed(event, events.project!, SECRET), event));
    equal(response.status, status, `${what}: ${await response.text()}`);
  }
  const open = new PushProcessorRuntime({ processor: pong(), eventsClient: events, logger: silent });
  equal((await open.fetch(await signed(event, events.project!, SECRET))).status, 500, "a runtime that was given no secret");
});

test("push: a delivery that comes again is acted on once, in this process and in the next", async () => {
  const events = client();
  const { event } = await events.append({ path: "/hooked", event: { type: "ping" } });
  for (const _ of [1, 2]) {
    const runtime = new PushProcessorRuntime({ processor: pong(), eventsClient: events, signingSecret: SECRET, logger: silent });
    const answers = [];
    for (const _ of [1, 2]) answers.push(await (await runtime.fetch(await signed(event, events.project!, SECRET))).json());
    equal(answers, [{ ok: true }, { ok: true, skipped: true }]);
    await runtime.stop();
  }
  const found: Event[] = [];
  for await (const event of events.read({ path: "/hooked", types: "pong" })) found.push(event);
  equal(
    found.map(({ payload }) => payload),
    [{ pings: 1 }],
  );
});

test("push: what a subscription leaves out is part of the state, and not acted on", async () => {
  const events = client();
  const { events: batch } = await events.appendBatch({
    path: "/hooked",
    events: [{ type: "ping" }, { type: "ping" }, { type: "ping" }],
  });
  const runtime = new PushProcessorRuntime({ processor: pong(), eventsClient: events, unsigned: true, logger: silent });
  for (const at of [0, 2]) await runtime.consume(batch[at]!);
  const found: Event[] = [];
  for await (const event of events.read({ path: "/hooked", types: "pong" })) found.push(event);
  equal(
    found.map(({ payload }) => payload),
    [{ pings: 1 }, { pings: 3 }],
  );
});

test("push: a server that is away makes the delivery come again", async () => {
  const events = client();
  const { event } = await events.append({ path: "/hooked", event: { type: "ping" } });
  let away = true;
  const flaky = client({
    project: events.project!,
    fetch: ((url: string, init?: RequestInit) =>
      away ? Promise.reject(new TypeError("refused")) : fetch(url, init)) as typeof fetch,
  });
  const runtime = new PushProcessorRuntime({
    processor: pong(),
    eventsClient: { ...flaky, read: flaky.read },
    unsigned: true,
    logger: silent,
  });
  equal((await runtime.fetch(await signed(event, events.project!, SECRET))).status, 503);
  away = false;
  equal((await runtime.fetch(await signed(event, events.project!, SECRET))).status, 200);
  await runtime.stop();
});

/** A WebSocket as far as the runtime looks at one. */
class FakeSocket {
  readonly sent: string[] = [];
  closed: [number | undefined, string | undefined] | undefined;
  readonly #listeners: ((message: { data: unknown }) => void)[] = [];

  send(text: string) {
    this.sent.push(text);
  }
  close(code?: number, reason?: string) {
    this.closed = [code, reason];
  }
  addEventListener(type: string, listener: any) {
    if (type === "message") this.#listeners.push(listener);
  }
  deliver(frame: unknown) {
    for (const listener of this.#listeners) listener({ data: JSON.stringify(frame) });
  }
}

test("push: over a socket, what was delivered and not acted on is acted on by the next process", async () => {
  const events = client();
  const first = new PushProcessorRuntime({ path: "/s", processor: pong(), eventsClient: events, logger: silent });
  const socket = new FakeSocket();
  first.accept(socket);
  const deliver = async (socket: FakeSocket | undefined) => {
    const { event } = await events.append({ path: "/s", event: { type: "ping" } });
    socket?.deliver({ type: "event", event });
  };
  const pongs = async () => {
    const found: number[] = [];
    for await (const { payload } of events.read({ path: "/s", types: "pong" })) found.push(payload.pings);
    return found;
  };
  await deliver(socket);
  socket.deliver({ type: "another-protocol" });
  await until("the first pong", async () => (await pongs()).length === 1);
  await first.stop();
  // Delivered to a process that died before it looked at it.
  await deliver(undefined);
  const second = new PushProcessorRuntime({ path: "/s", processor: pong(), eventsClient: events, logger: silent });
  const next = new FakeSocket();
  second.accept(next);
  await deliver(next);
  await until("all pongs", async () => (await pongs()).length === 3);
  equal([await pongs(), next.closed], [[1, 2, 3], undefined]);
  next.deliver({
    type: "event",
    event: { type: "x", streamPath: "/other", offset: 2, payload: {}, createdAt: new Date().toISOString() },
  });
  equal(next.closed, [1008, "invalid_event"]);
  await second.stop();
});

test("push: Hono, and whatever has the request where Hono has it", async () => {
  const events = client();
  const { event } = await events.append({ path: "/hooked", event: { type: "ping" } });
  const runtime = new PushProcessorRuntime({ processor: pong(), eventsClient: events, signingSecret: SECRET, logger: silent });
  const response = await honoHandler(runtime)({ req: { raw: await signed(event, events.project!, SECRET) } });
  ok(response.status === 200 && runtime.getState("/hooked")!.pings === 1, "it was taken");
});
