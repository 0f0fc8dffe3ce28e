// A processor's way to the streams through a client: its appends name what they react to, and are sent until they are stored.

import type { EventsClient } from "./client.ts";
import { MillraceError } from "./problem.ts";
import type { Reach } from "./reactor.ts";

/** A server that restarts is no failure of a processor. */
const PATIENCE_MS = 120_000;

export function reachOf(client: EventsClient): Reach {
  return {
    async append(path, event, cause, signal) {
      const named = cause && { cause: { streamPath: cause.streamPath, offset: cause.offset } };
      const { event: stored } = await client.append({ path, event }, { ...named, signal, patienceMs: PATIENCE_MS });
      // Of a built-in type with a payload that is none of it.
      if (stored.type === "stream/invalid-event-appended" && event.type !== stored.type) {
        throw new MillraceError(400, "invalid-event", `append: ${stored.payload.error}`);
      }
      return stored;
    },
    async *read(options) {
      try {
        yield* client.read(options);
      } catch (error) {
        if (!(error instanceof MillraceError && error.code === "stream-not-found")) throw error;
      }
    },
  };
}
