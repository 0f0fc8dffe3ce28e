// A processor's way to the streams through a client.

import type { EventsClient } from "./client.ts";
import { Outbox } from "./outbox.ts";
import { MillraceError } from "./problem.ts";
import type { Simulation } from "./processor.ts";
import type { Reach } from "./reactor.ts";

export function reachOf(client: EventsClient): Reach {
  const outbox = new Outbox(client);
  return {
    append: (path, event, cause, signal) => outbox.append(path, event, cause, signal),
    simulate: async (path, candidate) => (await client.simulate({ path, ...candidate })) as Simulation,
    async *read(options) {
      try {
        yield* client.read(options);
      } catch (error) {
        if (!(error instanceof MillraceError && error.code === "stream-not-found")) throw error;
      }
    },
  };
}
