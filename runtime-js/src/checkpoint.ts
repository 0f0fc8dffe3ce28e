// How far a processor has come, kept in the server: a small stream of the system beside the one that it reads,
// `<path>/_pull/<slug>`. No store of a client's own is needed, no other stream hears of it, and because each checkpoint
// says at which offset it must land, two runtimes cannot both believe that they are the one.

import type { EventsClient } from "./client.ts";
import type { Event, JsonObject } from "./event.ts";
import { systemPath } from "./path.ts";
import { MillraceError } from "./problem.ts";

/** The two marks, and what goes with them. */
export interface Checkpoint {
  version: string;
  /** When the stream was created: one that was destroyed and created again is another one. */
  birth: string | null;
  /** Events up to here have been reduced. */
  reduced: number;
  /** Events up to here have been acted on, or are recorded as failed. */
  acted: number;
  failuresInARow: number;
  /** `onCaughtUp` has run. */
  caughtUp: boolean;
}

/** A state from which the rest is reduced. */
export interface Snapshot {
  version: string;
  reduced: number;
  state: unknown;
}

/** What a runtime found when it first came to a tree of streams: what of each was history by then. */
export type Bases = Record<string, number>;

const CHECKPOINTED = "pull/checkpointed";
const STARTED = "pull/started";

export class CheckpointStore {
  readonly #client: EventsClient;
  readonly #path: string;
  #tail = 0;
  /** Where the newest snapshot stands. */
  #snapshotAt: number | undefined;

  constructor(client: EventsClient, path: string, slug: string) {
    this.#client = client;
    this.#path = systemPath(path, "_pull", slug);
  }

  async load(signal: AbortSignal): Promise<{ checkpoint?: Checkpoint; snapshot?: Snapshot; bases?: Bases }> {
    this.#tail = await this.#findTail(signal);
    if (this.#tail === 0) return {};
    const first = await this.#find(2, signal);
    const bases = first?.type === STARTED ? { bases: first.payload.bases as Bases } : {};
    const newest = await this.#find(this.#tail, signal);
    if (newest?.type !== CHECKPOINTED) return bases;
    const { snapshotAt, snapshot, ...checkpoint } = newest.payload;
    this.#snapshotAt = snapshot ? newest.offset : snapshotAt;
    const holder = snapshot || this.#snapshotAt === undefined ? newest : await this.#find(this.#snapshotAt, signal);
    return {
      ...bases,
      checkpoint: checkpoint as Checkpoint,
      ...(holder?.payload.snapshot && { snapshot: holder.payload.snapshot }),
    };
  }

  /** The first event, where a runtime serves a whole tree. */
  async start(bases: Bases, signal?: AbortSignal): Promise<void> {
    await this.#append(STARTED, { bases }, signal);
  }

  async save(checkpoint: Checkpoint, snapshot?: Snapshot, signal?: AbortSignal): Promise<void> {
    const pointer = snapshot ? { snapshot } : this.#snapshotAt === undefined ? {} : { snapshotAt: this.#snapshotAt };
    const event = await this.#append(CHECKPOINTED, { ...checkpoint, ...pointer }, signal);
    if (snapshot) this.#snapshotAt = event.offset;
  }

  async #append(type: string, payload: JsonObject, signal: AbortSignal | undefined): Promise<Event> {
    // A new stream's first event is its own creation.
    const offset = Math.max(this.#tail, 1) + 1;
    try {
      // The key makes it safe to send again where the answer was lost.
      const input = { type, payload, offset, idempotencyKey: crypto.randomUUID() };
      const { event } = await this.#client.append(
        { path: this.#path, event: input },
        { ...(signal && { signal }), patienceMs: 60_000 },
      );
      this.#tail = event.offset;
      return event;
    } catch (error) {
      if (!(error instanceof MillraceError && error.code === "offset-mismatch")) throw error;
      const message = `another runtime drives this processor: it has written to ${this.#path}; this one has stopped`;
      throw new MillraceError(412, "taken-over", message, {}, { cause: error });
    }
  }

  async #find(offset: number, signal: AbortSignal): Promise<Event | undefined> {
    const cursor = offset === 1 ? "start" : offset - 1;
    for await (const event of this.#client.read({ path: this.#path, afterOffset: cursor, limit: 1 }, { signal })) return event;
    return undefined;
  }

  async #findTail(signal: AbortSignal): Promise<number> {
    try {
      return (await this.#client.state({ path: this.#path }, { signal })).eventCount;
    } catch (error) {
      if (error instanceof MillraceError && error.status === 404) return 0;
      throw error;
    }
  }
}
