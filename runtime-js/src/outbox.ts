// What a processor appends, in the order in which it says so, though it may not wait for any of it: one request at a time
// for each stream, with all that has gathered meanwhile.

import type { EventsClient } from "./client.ts";
import type { Event, EventInput } from "./event.ts";
import { MillraceError } from "./problem.ts";

interface Letter {
  event: EventInput;
  cause: Event | undefined;
  signal: AbortSignal;
  stored: (event: Event) => void;
  failed: (error: unknown) => void;
}

/** A server that restarts is no failure of a processor. */
const PATIENCE_MS = 120_000;
/** As many as one request takes along. */
const LETTERS_MAX = 500;

export class Outbox {
  readonly #client: EventsClient;
  /** A stream is here while a request is under way for it. */
  readonly #waiting = new Map<string, Letter[]>();

  constructor(client: EventsClient) {
    this.#client = client;
  }

  append(path: string, event: EventInput, cause: Event | undefined, signal: AbortSignal): Promise<Event> {
    return new Promise((stored, failed) => {
      const letter = { event, cause, signal, stored, failed };
      const waiting = this.#waiting.get(path);
      if (waiting) return waiting.push(letter);
      this.#waiting.set(path, [letter]);
      this.#deliver(path);
    });
  }

  async #deliver(path: string): Promise<void> {
    for (;;) {
      const waiting = this.#waiting.get(path)!;
      const first = waiting[0];
      if (!first) return void this.#waiting.delete(path);
      const same = waiting.findIndex(({ cause, signal }) => cause !== first.cause || signal !== first.signal);
      const letters = waiting.splice(0, Math.min(same < 0 ? waiting.length : same, LETTERS_MAX));
      await this.#send(path, letters);
    }
  }

  async #send(path: string, letters: Letter[]): Promise<void> {
    const [{ cause, signal }] = letters as [Letter];
    const options = { ...(cause && { cause: { streamPath: cause.streamPath, offset: cause.offset } }), signal, patienceMs: PATIENCE_MS };
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
      for (const letter of letters) await this.#send(path, [letter]);
    }
  }
}

function settle({ event, stored, failed }: Letter, found: Event): void {
  // Of a built-in type with a payload that is none of it.
  if (found.type !== "stream/invalid-event-appended" || event.type === found.type) return stored(found);
  failed(new MillraceError(400, "invalid-event", `append: ${found.payload.error}`));
}
