// What a hook appends, in the order in which it says so, though it may not wait for any of it: one request at a time for
// each stream, with all that has gathered meanwhile. Hooks do not wait for each other.

import type { EventsClient } from "./client.ts";
import type { Event, EventInput } from "./event.ts";
import { MillraceError } from "./problem.ts";

interface Letter {
  event: EventInput;
  stored: (event: Event) => void;
  failed: (error: unknown) => void;
}

/** A server that restarts is no failure of a processor. */
const PATIENCE_MS = 120_000;
/** As many as one request takes along. */
const LETTERS_MAX = 500;

/** The letters of one hook for one stream. */
interface Queue {
  path: string;
  cause: Event | undefined;
  signal: AbortSignal;
  letters: Letter[];
}

export class Outbox {
  readonly #client: EventsClient;
  /** Those for which a request is under way, by their hook, which its signal stands for. */
  readonly #queues = new Map<AbortSignal, Map<string, Queue>>();

  constructor(client: EventsClient) {
    this.#client = client;
  }

  append(path: string, event: EventInput, cause: Event | undefined, signal: AbortSignal): Promise<Event> {
    return new Promise((stored, failed) => {
      const letter = { event, stored, failed };
      let queues = this.#queues.get(signal);
      if (!queues) this.#queues.set(signal, (queues = new Map()));
      const waiting = queues.get(path);
      if (waiting) return waiting.letters.push(letter);
      const queue = { path, cause, signal, letters: [letter] };
      queues.set(path, queue);
      this.#deliver(queue);
    });
  }

  async #deliver(queue: Queue): Promise<void> {
    while (queue.letters.length > 0) await this.#send(queue, queue.letters.splice(0, LETTERS_MAX));
    const queues = this.#queues.get(queue.signal);
    queues?.delete(queue.path);
    if (queues?.size === 0) this.#queues.delete(queue.signal);
  }

  async #send(queue: Queue, letters: Letter[]): Promise<void> {
    const { path, cause, signal } = queue;
    const options = {
      ...(cause && { cause: { streamPath: cause.streamPath, offset: cause.offset } }),
      signal,
      patienceMs: PATIENCE_MS,
    };
    try {
      if (letters.length === 1) {
        const { event } = await this.#client.append({ path, event: letters[0]!.event }, options);
        return settle(letters[0]!, event);
      }
      const { events } = await this.#client.appendBatch({ path, events: letters.map(({ event }) => event) }, options);
      letters.forEach((letter, at) => settle(letter, events[at]!));
    } catch (error) {
      if (letters.length === 1) return letters[0]!.failed(error);
      // All or nothing: whose fault it was, each learns by itself.
      for (const letter of letters) await this.#send(queue, [letter]);
    }
  }
}

function settle({ event, stored, failed }: Letter, found: Event): void {
  // Of a built-in type with a payload that is none of it.
  if (found.type !== "stream/invalid-event-appended" || event.type === found.type) return stored(found);
  failed(new MillraceError(400, "invalid-event", `append: ${found.payload.error}`));
}
