// The push runtime behind real subscriptions: the server delivers to a listener of this process.

import { defineProcessor, PushProcessorRuntime, type EventsClient } from "millrace";
import { equal, ok, test, until } from "./harness.ts";
import { client, SERVER, silent } from "./server.ts";

const pong = () =>
  defineProcessor({
    slug: "pong",
    initialState: { pings: 0 },
    reduce: ({ event, state }) => ({ pings: state.pings + (event.type === "ping" ? 1 : 0) }),
    afterAppend: async ({ event, append, state }) => {
      if (event.type === "ping") await append({ type: "pong", payload: { pings: state.pings } });
    },
  });

/** An HTTP listener that is the same in all runtimes. */
async function listen(handle: (request: Request) => Promise<Response>) {
  const http: any = await import("node:http" as string);
  const server = http.createServer(async (incoming: any, outgoing: any) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const request = new Request(`http://receiver.test${incoming.url}`, {
      method: incoming.method,
      headers: incoming.headers,
      ...(incoming.method === "POST" && { body: await new Blob(chunks as BlobPart[]).text() }),
    });
    const response = await handle(request);
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    outgoing.end(await response.text());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}/hook`, close: () => server.close() };
}

async function secretOf(events: EventsClient, path: string): Promise<string> {
  const headers = { "x-millrace-project": events.project! };
  const answer = await fetch(`${SERVER}/api/subscriptions/__secret${path}?slug=pong`, { headers });
  return ((await answer.json()) as { signingSecret: string }).signingSecret;
}

test("push: behind a webhook subscription, below as well, with the cause of each append", async () => {
  const events = client();
  let runtime: PushProcessorRuntime | undefined;
  const receiver = await listen(async (request) => runtime?.fetch(request) ?? new Response("not yet", { status: 503 }));
  const payload = { slug: "pong", type: "webhook", callbackUrl: receiver.url, includeChildren: true };
  await events.append({ path: "/shop", event: { type: "subscription/configured", payload } });
  const signingSecret = await secretOf(events, "/shop");
  ok(signingSecret.startsWith("whsec_"), signingSecret);
  runtime = new PushProcessorRuntime({
    path: "/shop",
    includeChildren: true,
    processor: pong(),
    eventsClient: events,
    signingSecret,
    logger: silent,
  });
  for (const path of ["/shop", "/shop/tea", "/shop"]) await events.append({ path, event: { type: "ping" } });
  const pongs = async (path: string) => {
    const found = [];
    for await (const { payload, source } of events.read({ path, types: "pong" })) found.push([payload.pings, source?.depth]);
    return found;
  };
  await until("all pongs", async () => (await pongs("/shop")).length + (await pongs("/shop/tea")).length === 3);
  equal(
    [await pongs("/shop"), await pongs("/shop/tea")],
    [
      [
        [1, 1],
        [2, 1],
      ],
      [[1, 1]],
    ],
  );
  await runtime.stop();
  receiver.close();
});

/** Deno takes WebSockets without a package; what the runtime does with them is the same everywhere. */
const { Deno } = globalThis as { Deno?: any };

if (Deno) {
  test("push: behind a websocket subscription, over the death of a process", async () => {
    const events = client();
    const runtimes: PushProcessorRuntime[] = [];
    const start = () =>
      runtimes.push(new PushProcessorRuntime({ path: "/shop", processor: pong(), eventsClient: events, logger: silent }));
    start();
    const sockets: WebSocket[] = [];
    const listener = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request: Request) => {
      const { socket, response } = Deno.upgradeWebSocket(request);
      sockets.push(socket);
      runtimes.at(-1)!.accept(socket);
      return response;
    });
    const payload = { slug: "pong", type: "websocket", callbackUrl: `ws://127.0.0.1:${listener.addr.port}/` };
    await events.append({ path: "/shop", event: { type: "subscription/configured", payload } });
    const pongs = async () => {
      const found: number[] = [];
      for await (const { payload } of events.read({ path: "/shop", types: "pong" })) found.push(payload.pings);
      return found;
    };
    const ping = () => events.append({ path: "/shop", event: { type: "ping" } });
    await ping();
    await until("the first pong", async () => (await pongs()).length === 1);
    await runtimes[0]!.stop();
    start();
    for (const socket of sockets) socket.close();
    for (const _ of [1, 2]) await ping();
    await until("all pongs", async () => (await pongs()).length === 3);
    equal(await pongs(), [1, 2, 3]);
    await runtimes[1]!.stop();
    for (const socket of sockets) socket.close();
    await listener.shutdown();
  });
}
