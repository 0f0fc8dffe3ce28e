// Following a stream: its events one after the other, over as many connections as it takes, none twice and none left out.

import type { Door } from "./door.ts";
import type { Cursor, Event } from "./event.ts";
import { inUrl } from "./path.ts";
import { Pauses, anySignal, sleep } from "./pause.ts";
import { MillraceError } from "./problem.ts";
import { lines, messages } from "./sse.ts";

export interface FollowOptions {
  path: string;
  /** Behind this event; left out, from the first one. */
  afterOffset?: Cursor | undefined;
  /** In front of this one; then the reading ends. */
  beforeOffset?: Cursor | undefined;
  /** Whether to stay for what is still to come. Left out: unless there is a `beforeOffset`. */
  live?: boolean | undefined;
  types?: string | Iterable<string> | undefined;
  limit?: number | undefined;
  signal?: AbortSignal | undefined;
  /** A live connection that says nothing for so long is made anew. */
  silenceMs?: number | undefined;
  /** Told of each connection that was lost or came to nothing, before the pause behind which it is tried again. */
  onRetry?: ((error: unknown, attempt: number) => void) | undefined;
}

/** The server says something every 5 s, if only that it is there: silence is a connection that is dead. */
const SILENCE_MS = 16_000;
/** A server that was never reached is more likely a wrong address than one that restarts. */
const FIRST_ATTEMPTS = 6;

export async function* follow(door: Door, options: FollowOptions): AsyncGenerator<Event, void, undefined> {
  const { beforeOffset, limit = Infinity, signal } = options;
  const live = options.live ?? beforeOffset === undefined;
  const types = typeof options.types === "string" ? options.types : options.types && [...options.types].join(",");
  let after = options.afterOffset;
  // A connection that is lost before anything came would begin at another end.
  if (live && after === "end") after = (await tail(door, options.path, signal)) || "start";
  let left = limit;
  let attempt = 0;
  let reached = false;
  const pauses = new Pauses();
  while (left > 0) {
    const watch = new Watch(live ? (options.silenceMs ?? SILENCE_MS) : Infinity);
    const stop = anySignal(watch.signal, signal);
    try {
      const response = await door.open(`/streams/${inUrl(options.path)}`, {
        query: { afterOffset: after, beforeOffset, live, types, limit: left === Infinity ? undefined : left },
        headers: { accept: live ? "text/event-stream" : "application/x-ndjson" },
        signal: stop,
      });
      reached = true;
      for await (const event of events(response, live, watch, stop)) {
        // What has come already is not wanted any more either.
        signal?.throwIfAborted();
        after = event.offset;
        attempt = 0;
        pauses.reset();
        // While the reader is busy with it, silence says nothing about the connection.
        watch.rest();
        yield event;
        left -= 1;
        if (left === 0) return;
        watch.heard();
      }
      if (!live) return;
      // A server that ends a live read is going down, or the stream was destroyed.
      throw new MillraceError(0, "connection-ended", "the server has ended the connection");
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      const refused = error instanceof MillraceError && !error.isPassing;
      attempt += 1;
      if (refused || (!reached && attempt >= FIRST_ATTEMPTS)) throw error;
      options.onRetry?.(error, attempt);
      await sleep(pauses.take(), signal);
    } finally {
      watch.end();
    }
  }
}

/** The offset of the newest event; 0 where there is no stream. */
export async function tail(door: Door, path: string, signal?: AbortSignal): Promise<number> {
  try {
    const state = await door.json<{ eventCount: number }>(`/streams/__state/${inUrl(path)}`, { signal, patienceMs: 10_000 });
    return state.eventCount;
  } catch (error) {
    if (error instanceof MillraceError && error.status === 404) return 0;
    throw error;
  }
}

async function* events(
  response: Response,
  live: boolean,
  watch: Watch,
  signal: AbortSignal,
): AsyncGenerator<Event, void> {
  if (!response.body) return;
  if (!live) {
    for await (const line of lines(response.body)) if (line !== "") yield JSON.parse(line) as Event;
    return;
  }
  for await (const message of messages(response.body, () => watch.heard(), signal)) {
    if (message.event === "error") throw new MillraceError(0, "stream-broken", message.data);
    yield JSON.parse(message.data) as Event;
  }
}

/** Aborts a connection that has fallen silent. */
class Watch {
  readonly #controller = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #silenceMs: number;

  /** A finite read says nothing while nobody reads it: there is no such time. */
  constructor(silenceMs: number) {
    this.#silenceMs = silenceMs;
    this.heard();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  heard(): void {
    if (this.#silenceMs === Infinity) return;
    clearTimeout(this.#timer);
    const silent = () => this.#controller.abort(new MillraceError(0, "silent", "the connection has fallen silent"));
    this.#timer = setTimeout(silent, this.#silenceMs);
  }

  rest(): void {
    clearTimeout(this.#timer);
  }

  end(): void {
    this.rest();
    // Gives back what is still open, as when nobody wants more of it.
    this.#controller.abort(new DOMException("the read has ended", "AbortError"));
  }
}
