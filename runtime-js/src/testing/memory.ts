// Streams in memory, as far as a processor can tell them from a server's.

import type { Cursor, Event, EventInput } from "../event.ts";
import type { Reach } from "../reactor.ts";

/** When the first event of a test was stored; each later one is a second younger. */
const EPOCH = Date.parse("2026-01-01T00:00:00.000Z");

/** An event as a test may write it: with the place and the time that it pretends to have. */
export type GivenEvent = EventInput & { createdAt?: string; streamPath?: string };

export class MemoryStreams {
  readonly #streams = new Map<string, Event[]>();
  readonly #project: string;
  #stored = 0;

  constructor(project: string) {
    this.#project = project;
  }

  append(path: string, input: GivenEvent, cause?: Event, slug?: string): Event {
    const events = this.#stream(path);
    const { type, payload = {}, metadata, idempotencyKey, offset, createdAt } = input;
    if (typeof type !== "string" || type.trim() === "") throw new TypeError("`type` must have 1 to 2048 characters");
    const known = idempotencyKey !== undefined && events.find((event) => event.idempotencyKey === idempotencyKey);
    if (known) return known;
    if (offset !== undefined && offset !== events.length + 1) {
      throw Object.assign(new Error(`the next offset of ${path} is ${events.length + 1}, not ${offset}`), {
        code: "offset-mismatch",
      });
    }
    const source = cause
      ? {
          kind: "processor" as const,
          ...(slug && { slug }),
          cause: { streamPath: cause.streamPath, offset: cause.offset },
          depth: (cause.source?.depth ?? 0) + 1,
        }
      : { kind: "client" as const, depth: 0 };
    const event: Event = {
      streamPath: path,
      type: type.trim(),
      payload: structuredClone(payload),
      ...(metadata && { metadata: structuredClone(metadata) }),
      ...(idempotencyKey !== undefined && { idempotencyKey }),
      offset: events.length + 1,
      createdAt: createdAt ?? new Date(EPOCH + 1_000 * this.#stored).toISOString(),
      source,
    };
    this.#stored += 1;
    events.push(event);
    return event;
  }

  events(path: string): readonly Event[] {
    return this.#streams.get(path) ?? [];
  }

  get paths(): string[] {
    return [...this.#streams.keys()];
  }

  reach(slug: string): Reach {
    return {
      append: async (path, event, cause) => structuredClone(this.append(path, event, cause, slug)),
      read: ({ path, afterOffset, beforeOffset, types }) => this.#read(path, afterOffset, beforeOffset, types),
    };
  }

  async *#read(path: string, after: Cursor = "start", before: Cursor = "end", types?: string[]): AsyncGenerator<Event, void> {
    const events = this.events(path);
    const lower = after === "start" ? 0 : after === "end" ? events.length : after;
    const upper = before === "end" ? events.length + 1 : before === "start" ? 1 : before;
    for (const event of events.slice(lower, Math.max(upper - 1, lower))) {
      if (!types?.length || types.includes(event.type)) yield structuredClone(event);
    }
  }

  /** The first append creates a stream, and says so. */
  #stream(path: string): Event[] {
    const known = this.#streams.get(path);
    if (known) return known;
    const created: Event[] = [];
    this.#streams.set(path, created);
    this.append(path, { type: "stream/created", payload: { path, project: this.#project } });
    return created;
  }
}
