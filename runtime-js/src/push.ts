// PushProcessorRuntime: a processor that the server brings its events to, by webhook or by WebSocket. It runs wherever a
// fetch handler runs. A webhook is answered when its event has been acted on, so the server's cursor is the mark. A
// socket acknowledges before that, and so must a webhook whose processor is `parallel`, for the next comes behind the
// answer only: there the marks are kept as the pull runtime keeps them, and what a crash left undone is acted on with
// the next event.

import { CheckpointStore } from "./checkpoint.ts";
import { createEventsClient, type EventsClient } from "./client.ts";
import type { Event } from "./event.ts";
import { Instance } from "./instance.ts";
import { slugOf } from "./own.ts";
import { canonical, isBelow } from "./path.ts";
import { MillraceError } from "./problem.ts";
import type { Logger, Processor } from "./processor.ts";
import { complaint, type SigningSecret } from "./signature.ts";
import { versionOf } from "./version.ts";

export interface PushOptions<State> {
  processor: Processor<State>;
  /** For its appends and reads: the server that pushes. Left out: the one that the environment names. */
  eventsClient?: EventsClient;
  /** Only this stream, and with `includeChildren` those below. Left out: whatever is delivered. */
  path?: string;
  /** The original's name of `path`. */
  streamPath?: string;
  includeChildren?: boolean;
  /** With which the server signs: `GET /api/subscriptions/__secret/{path}?slug=…` shows it. */
  signingSecret?: SigningSecret;
  /** Takes webhooks that nobody signed, as behind a proxy that has checked them. */
  unsigned?: boolean;
  logger?: Logger;
  slug?: string;
  version?: string;
  hookTimeoutMs?: number;
}

/** A WebSocket that the server has opened to this process, and that was accepted. */
export interface AcceptedSocket {
  send(text: string): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: "message", listener: (message: { data: unknown }) => void): void;
  addEventListener(type: "close", listener: () => void): void;
}

/** So many streams are held in memory; one that was not heard of for long is reduced anew. */
const STREAMS_MAX = 100;

type Way = "webhook" | "socket";

export class PushProcessorRuntime<State = any> {
  readonly #options: PushOptions<State>;
  readonly #client: EventsClient;
  readonly #slug: string;
  readonly #version: string;
  readonly #logger: Logger;
  readonly #path: string | undefined;
  readonly #stopping = new AbortController();
  /** The one that was heard of last is last. */
  readonly #instances = new Map<string, Instance<State>>();
  /** The end of what each stream waits for: deliveries of one stream are taken one behind the other. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(options: PushOptions<State>) {
    this.#options = options;
    this.#client = options.eventsClient ?? createEventsClient();
    this.#slug = slugOf(options.slug ?? options.processor.slug);
    this.#version = options.version ?? versionOf(options.processor);
    this.#logger = options.logger ?? console;
    const path = options.path ?? options.streamPath;
    this.#path = path === undefined ? undefined : canonical(path);
  }

  /** The handler of webhooks: `Deno.serve(runtime.fetch)`, `export default { fetch: runtime.fetch }`. */
  readonly fetch = async (request: Request): Promise<Response> => {
    const { signingSecret, unsigned } = this.#options;
    if (request.method !== "POST") return answer(405, { ok: false, error: "webhooks are POSTed" });
    const body = await request.text();
    if (signingSecret !== undefined) {
      const wrong = await complaint(request.headers, body, signingSecret);
      if (wrong) return answer(401, { ok: false, error: wrong });
    } else if (!unsigned) {
      return answer(500, { ok: false, error: "the runtime has no `signingSecret`; `unsigned: true` takes what nobody signed" });
    }
    const event = eventOf(body);
    if (!event) return answer(400, { ok: false, error: "the body must be an event, as a webhook subscription delivers it" });
    const foreign = this.#foreign(event, request.headers.get("x-millrace-cause"));
    if (foreign) return answer(400, { ok: false, error: foreign });
    try {
      const taken = await this.#take(event, "webhook");
      return answer(200, taken ? { ok: true } : { ok: true, skipped: true });
    } catch (error) {
      this.#logger.error(`${event.streamPath}: event ${event.offset} could not be taken:`, error);
      const message = error instanceof Error ? error.message : String(error);
      // A suspended processor wants no more until the subscription is configured again; all else passes.
      const suspended = error instanceof MillraceError && error.code === "suspended";
      return answer(suspended ? 410 : 503, { ok: false, error: message });
    }
  };

  /** Takes an event, however it came; resolves when it has been acted on. */
  async consume(event: Event): Promise<void> {
    const foreign = this.#foreign(event, null);
    if (foreign) throw new TypeError(foreign);
    await this.#take(event, "webhook");
  }

  /** Serves a WebSocket that was accepted. */
  accept(socket: AcceptedSocket): void {
    socket.addEventListener("message", ({ data }) => {
      const event = frameOf(data);
      if (!event) return;
      const foreign = this.#foreign(event, null);
      if (foreign) return socket.close(1008, "invalid_event");
      this.#take(event, "socket").catch((error) => {
        this.#logger.error(`${event.streamPath}: event ${event.offset} could not be taken:`, error);
        // The server opens another one when there is something to deliver; what is owed is read from the stream then.
        socket.close(1011, "processor_error");
      });
    });
  }

  /** What the processor makes of a stream; nothing where none of its events has come. */
  getState(path?: string): State | undefined {
    const asked = path ?? this.#path;
    return asked === undefined ? undefined : this.#instances.get(canonical(asked))?.state;
  }

  /** How far it has come on a stream: what it has reduced, and what it has acted on. */
  getProgress(path: string): { reduced: number; acted: number } | undefined {
    const instance = this.#instances.get(canonical(path));
    return instance && { reduced: instance.reduced, acted: instance.acted };
  }

  getProcessorSlug(): string {
    return this.#slug;
  }

  /** Tells the hooks under way, and writes the marks of what came by sockets. */
  async stop(): Promise<void> {
    const reason = "the runtime was stopped";
    this.#stopping.abort(new DOMException(reason, "AbortError"));
    for (const instance of this.#instances.values()) instance.abort(reason);
    await Promise.allSettled([...this.#instances.values()].map((instance) => instance.settle()));
  }

  /** Whether an event is not for this runtime, and why. */
  #foreign(event: Event, cause: string | null): string | undefined {
    const path = this.#path;
    const below = this.#options.includeChildren && path !== undefined && isBelow(event.streamPath, path);
    if (path !== undefined && event.streamPath !== path && !below)
      return `a runtime for ${path} received an event of ${event.streamPath}`;
    const project = cause?.match(/;\s*project=([^;]*)/)?.[1];
    const own = this.#client.project ?? "public";
    if (project !== undefined && decodeURIComponent(project) !== own) {
      return `the event is of project ${decodeURIComponent(project)}, and the runtime's client of ${own}`;
    }
    return undefined;
  }

  /** Whether it was new. */
  #take(event: Event, way: Way): Promise<boolean> {
    const path = event.streamPath;
    const before = this.#turns.get(path) ?? Promise.resolve();
    const turn = before.catch(() => {}).then(() => this.#inTurn(event, way));
    // The next one may come as soon as this one was begun; whoever brought this one waits for its end.
    const begun = turn.then(({ begun }) => begun);
    this.#turns.set(path, begun);
    const over = () => this.#turns.get(path) === begun && this.#turns.delete(path);
    begun.then(over, over);
    return turn.then(async ({ begun, ended }) => {
      const isNew = await begun;
      if (!this.#isDurable(way)) await ended();
      return isNew;
    });
  }

  async #inTurn(event: Event, way: Way): Promise<{ begun: Promise<boolean>; ended: () => Promise<void> }> {
    const instance = await this.#instanceOf(event, way);
    const isNew = event.offset > instance.reduced || event.offset > instance.acted;
    const begun = instance.take(event).then(
      () => isNew,
      (error) => {
        // It is begun anew with the next attempt, from what the stream says.
        this.#instances.delete(event.streamPath);
        throw error;
      },
    );
    return { begun, ended: () => instance.finished(event.offset) };
  }

  async #instanceOf(event: Event, way: Way): Promise<Instance<State>> {
    const path = event.streamPath;
    const known = this.#instances.get(path);
    if (known) {
      this.#instances.delete(path);
      this.#instances.set(path, known);
      return known;
    }
    const { processor, hookTimeoutMs } = this.#options;
    const store = this.#isDurable(way) ? new CheckpointStore(this.#client, path, this.#slug) : undefined;
    const shared = { client: this.#client, processor, slug: this.#slug, version: this.#version, logger: this.#logger };
    const gaps = store ? ("act" as const) : ("reduce" as const);
    const made = new Instance({ ...shared, path, store, gaps, hookTimeoutMs, base: event.offset - 1 }, this.#stopping.signal);
    await made.open({ claim: store !== undefined });
    this.#instances.set(path, made);
    await this.#forgetOldest();
    return made;
  }

  /** Whether the server takes an event for delivered before it was acted on. */
  #isDurable(way: Way): boolean {
    return way === "socket" || this.#options.processor.concurrency === "parallel";
  }

  async #forgetOldest(): Promise<void> {
    for (const [path, instance] of this.#instances) {
      if (this.#instances.size <= STREAMS_MAX) return;
      if (this.#turns.has(path)) continue;
      this.#instances.delete(path);
      await instance.settle();
    }
  }
}

function eventOf(text: string): Event | undefined {
  try {
    const event = JSON.parse(text) as Event;
    const whole = typeof event.type === "string" && typeof event.streamPath === "string" && Number.isInteger(event.offset);
    return whole ? event : undefined;
  } catch {
    return undefined;
  }
}

/** The event of a frame; frames of other kinds are not ours. */
function frameOf(data: unknown): Event | undefined {
  if (typeof data !== "string") return undefined;
  try {
    const frame = JSON.parse(data) as { type?: unknown; event?: unknown };
    return frame.type === "event" ? eventOf(JSON.stringify(frame.event)) : undefined;
  } catch {
    return undefined;
  }
}

function answer(status: number, body: object): Response {
  return Response.json(body, { status });
}
