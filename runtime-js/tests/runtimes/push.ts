// The push runtime in this process, behind deliveries as a subscription makes them: signed, in order, one stream at a
// time, again where they were not acknowledged.

import { defineProcessor, PushProcessorRuntime, type Event, type EventsClient } from "millrace";
import { silent } from "../server.ts";
import type { Driver } from "./driver.ts";

const SECRET = "whsec_c2VjcmV0IG9mIHRoZSBzdWJzY3JpcHRpb24=";

export const push: Driver = {
  async start(client, path, row) {
    const { includeChildren = false } = row;
    const processor = defineProcessor(row.processor);
    const runtime = new PushProcessorRuntime({
      path,
      processor,
      slug: "row",
      includeChildren,
      eventsClient: client,
      signingSecret: SECRET,
      logger: silent,
    });
    const subscription = new Subscription(client, runtime.fetch);
    await subscription.serve(path, (await client.state({ path }).catch(() => ({ eventCount: 0 }))).eventCount, includeChildren);
    // An instance begins with its first event: here that is one which means nothing to any row.
    if (row.processor().onCaughtUp) await client.append({ path, event: { type: "noted" } });
    return {
      acted: async (path) => runtime.getProgress(path)?.acted ?? subscription.gone,
      state: async (path) => runtime.getState(path),
      isSuspended: async () => subscription.gone !== undefined,
      stop: async () => {
        subscription.stop();
        await runtime.stop();
      },
    };
  },
};

class Subscription {
  readonly #client: EventsClient;
  readonly #receive: (request: Request) => Promise<Response>;
  readonly #served = new Set<string>();
  readonly #ending = new AbortController();
  /** The event behind which the receiver wanted no more. */
  gone: number | undefined;

  constructor(client: EventsClient, receive: (request: Request) => Promise<Response>) {
    this.#client = client;
    this.#receive = receive;
  }

  async serve(path: string, after: number, below: boolean): Promise<void> {
    if (this.#served.has(path)) return;
    this.#served.add(path);
    const run = async () => {
      const { signal } = this.#ending;
      for await (const event of this.#client.stream({ path, afterOffset: after === 0 ? "start" : after }, { signal })) {
        if (below && event.type === "stream/child-created") this.serve(String(event.payload.childPath), 0, false);
        if (!event.type.startsWith("subscription/")) await this.#deliver(event);
      }
    };
    run().catch((error) => !this.#ending.signal.aborted && console.error(error));
  }

  stop(): void {
    this.#ending.abort(new DOMException("the test is over", "AbortError"));
  }

  async #deliver(event: Event): Promise<void> {
    for (;;) {
      const { status } = await this.#receive(await signed(event, this.#client.project ?? "public"));
      if (status === 200) return;
      if (status === 410) {
        this.gone = event.offset;
        return this.stop();
      }
      if (status < 500) throw new Error(`the delivery was answered with ${status}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

export async function signed(event: Event, project: string, secret = SECRET): Promise<Request> {
  const body = JSON.stringify(event);
  const id = `evt_1_${event.offset}`;
  const timestamp = String(Math.floor(Date.now() / 1000));
  const key = Uint8Array.from(atob(secret.slice(6)), (char) => char.charCodeAt(0));
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const signature = await crypto.subtle.sign("HMAC", imported, new TextEncoder().encode(`${id}.${timestamp}.${body}`));
  const headers = {
    "content-type": "application/json",
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": `v1,${btoa(String.fromCharCode(...new Uint8Array(signature)))}`,
    "x-millrace-cause": `${event.streamPath}@${event.offset}; project=${encodeURIComponent(project)}`,
  };
  return new Request("http://receiver.test/hook", { method: "POST", headers, body });
}
