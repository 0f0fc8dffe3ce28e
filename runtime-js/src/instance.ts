// One processor on one stream, driven by whoever brings the events: each is reduced, then acted on, and the marks
// follow. A failure is recorded and passed; too many in a row suspend. The pull and the push runtime share it.

import type { Checkpoint, CheckpointStore } from "./checkpoint.ts";
import type { EventsClient } from "./client.ts";
import type { Cursor, Event, EventInput } from "./event.ts";
import { HookFailure } from "./failure.ts";
import { isOwnLifecycle } from "./own.ts";
import { Pauses, sleep } from "./pause.ts";
import { MillraceError } from "./problem.ts";
import type { Logger, Processor } from "./processor.ts";
import { reachOf } from "./reach.ts";
import { Reactor, type Reduced } from "./reactor.ts";

export interface InstanceOptions<State> {
  client: EventsClient;
  processor: Processor<State>;
  slug: string;
  version: string;
  path: string;
  logger: Logger;
  hookTimeoutMs?: number | undefined;
  /** Where the marks are kept; left out, whoever brings the events knows how far they were brought. */
  store?: CheckpointStore | undefined;
  /** Told once when it cannot go on, whether or not anybody brings it an event. */
  onBroken?: ((error: unknown) => void) | undefined;
  /** Events that are left out were filtered, and only reduced; or they were lost, and are acted on, too. */
  gaps?: "reduce" | "act";
  /**
   * What was history when the runtime first came, which whoever gives it remembers; left out, what there is when this
   * instance first comes.
   */
  base?: number | undefined;
}

/** As with the host. */
const FAILURES_IN_A_ROW_MAX = 10;
/** Hooks under way at once with `concurrency: "parallel"`, as with the host. */
const PARALLEL_HOOKS_MAX = 16;
/** Marks are written lazily: a crash takes back so much at most, which is then acted on again. */
const SAVE_AFTER_MS = 1_000;
/** A state is stored after so many events, so that a restart reduces few. */
const SNAPSHOT_EVENTS = 1_000;
/** Time for a hook to end by itself after its signal was aborted, as with the host. */
const ABORT_GRACE_MS = 500;

export class Instance<State> {
  readonly path: string;
  readonly #options: InstanceOptions<State>;
  readonly #signal: AbortSignal;
  readonly #underWay = new Map<number, Promise<void>>();
  /** Done beyond `acted`, while an earlier event is still under way. */
  readonly #done = new Set<number>();
  #reactor: Reactor<State>;
  #mark: Checkpoint;
  #snapshotAt = 0;
  #isUp = false;
  #saving: Promise<void> = Promise.resolve();
  #saveTimer: ReturnType<typeof setTimeout> | undefined;
  /** What keeps this instance from going on. */
  #broken: unknown;

  constructor(options: InstanceOptions<State>, signal: AbortSignal) {
    this.#options = options;
    this.path = options.path;
    this.#signal = signal;
    this.#reactor = this.#fresh();
    this.#mark = { version: options.version, birth: null, reduced: 0, acted: 0, failuresInARow: 0, caughtUp: false };
  }

  get state(): State {
    return this.#reactor.state;
  }

  /** Events up to here need not be brought. */
  get acted(): number {
    return this.#mark.acted;
  }

  get reduced(): number {
    return this.#mark.reduced;
  }

  /**
   * Finds out where it was; `found` is what the store holds, where the caller has looked at that already. To claim it is
   * to write at once, so that a runtime that was there before learns of this one.
   */
  async open({
    found,
    claim = false,
  }: { found?: Awaited<ReturnType<CheckpointStore["load"]>>; claim?: boolean } = {}): Promise<void> {
    const { client, path, version, store } = this.#options;
    const { checkpoint, snapshot } = found ?? (await store?.load(this.#signal)) ?? {};
    const birth = await this.#birth();
    if (checkpoint && (checkpoint.birth === null || checkpoint.birth === birth)) {
      this.#mark = { ...checkpoint, birth, reduced: 0 };
      if (checkpoint.version !== version) Object.assign(this.#mark, { version, caughtUp: false, failuresInARow: 0 });
      if (snapshot?.version === version && snapshot.reduced <= checkpoint.acted) {
        this.#reactor.restore(snapshot.state as State);
        this.#mark.reduced = this.#snapshotAt = snapshot.reduced;
      }
      if (claim) await store?.save(this.#mark, undefined, this.#signal);
      return;
    }
    // A stream that was destroyed and created again has no history from before.
    const base = checkpoint
      ? 0
      : (this.#options.base ?? (birth ? (await client.state({ path }, { signal: this.#signal })).eventCount : 0));
    this.#mark = { ...this.#mark, birth, acted: base };
    // From here on nothing may be lost, whenever the runtime dies; a base that was given is known without this.
    if (this.#options.base === undefined || claim) await store?.save(this.#mark, undefined, this.#signal);
  }

  /** Whether its stream was destroyed since, whatever is at its path now. */
  async isOfThePast(): Promise<boolean> {
    return this.#mark.birth !== null && (await this.#birth()) !== this.#mark.birth;
  }

  /** Reduces the history, and tells the processor once. */
  async bringUp(): Promise<void> {
    if (this.#isUp) return;
    await this.#replay(this.#mark.acted);
    this.#isUp = true;
    if (this.#mark.caughtUp) return;
    await this.#attempt(undefined, () => this.#reactor.caughtUp());
    this.#mark.caughtUp = true;
    this.#saveSoon();
  }

  /** Takes the next event; resolves when another may be brought. */
  async take(event: Event): Promise<void> {
    if (this.#broken) throw this.#broken;
    await this.bringUp();
    if (event.offset <= this.#mark.reduced) return;
    this.#mark.birth ??= event.offset === 1 ? event.createdAt : await this.#birth();
    if (event.offset > this.#mark.reduced + 1) await this.#bridge(event.offset - 1);
    const acting = this.#react(event);
    this.#underWay.set(event.offset, acting);
    const over = () => this.#underWay.delete(event.offset);
    acting.then(over, over);
    const most = this.#reactor.isParallel ? PARALLEL_HOOKS_MAX : 1;
    while (this.#underWay.size >= most) await Promise.race(this.#underWay.values());
    if (this.#broken) throw this.#broken;
  }

  /** Resolves when what was taken has been acted on. */
  async finished(offset: number): Promise<void> {
    await this.#underWay.get(offset);
  }

  /** Waits a moment for what is under way, and writes down how far it came. */
  async settle(): Promise<void> {
    await Promise.race([Promise.allSettled(this.#underWay.values()), sleep(ABORT_GRACE_MS)]);
    clearTimeout(this.#saveTimer);
    await this.#saving;
    if (this.#isUp && !(this.#broken instanceof MillraceError && this.#broken.code === "taken-over")) await this.#save(true);
  }

  /** Has what is under way end early; what did not end is acted on again later. */
  abort(reason: string): void {
    this.#reactor.abort(reason);
  }

  async #react(event: Event): Promise<void> {
    try {
      if (!isOwnLifecycle(event, this.#options.slug)) {
        await this.#attempt(event, this.#reacting(event));
      } else {
        this.#mark.reduced = event.offset;
      }
      this.#finish(event.offset);
    } catch (error) {
      this.#break(error);
      throw error;
    }
  }

  /** Reduces at once, so that the next event finds the state; acts as often as it is asked to. */
  #reacting(event: Event): () => Promise<boolean> {
    let reduced: Reduced | HookFailure;
    try {
      reduced = this.#reactor.reduce(event);
    } catch (failure) {
      reduced = failure as HookFailure;
    }
    this.#mark.reduced = event.offset;
    return async () => {
      if (reduced instanceof HookFailure) throw reduced;
      return this.#reactor.act(reduced);
    };
  }

  async #attempt(event: Event | undefined, act: () => Promise<boolean>): Promise<void> {
    for (;;) {
      try {
        // A hook that only looked at its event breaks no row: its own appends come back to it, too.
        if (await act()) this.#mark.failuresInARow = 0;
        return;
      } catch (thrown) {
        this.#signal.throwIfAborted();
        const failure = thrown as HookFailure;
        if (!failure.isPause) return this.#failed(failure, event);
        await this.#untilResumed();
      }
    }
  }

  async #failed(failure: HookFailure, event: Event | undefined): Promise<void> {
    const { slug, version, logger } = this.#options;
    const input = failure.recorded(slug, version, event?.offset);
    logger.error(`${this.path}: ${input.payload?.message}`, failure.cause);
    await this.#record(input, event, `failed:${failure.phase}`);
    this.#mark.failuresInARow += 1;
    if (this.#mark.failuresInARow < FAILURES_IN_A_ROW_MAX) return;
    const message = `processor \`${slug}\` is suspended on ${this.path}: ${FAILURES_IN_A_ROW_MAX} failures in a row, the last${event ? ` at event ${event.offset}` : ""}: ${failure.message}; mend it and run it again`;
    await this.#record(
      { type: "stream/error-occurred", payload: { message }, metadata: { processor: slug, version } },
      event,
      "suspended",
    );
    // Whoever runs it again has looked at it.
    this.#mark.failuresInARow = 0;
    if (event) this.#finish(event.offset);
    throw new MillraceError(0, "suspended", message, {}, { cause: failure });
  }

  /** Says something on the stream itself, where it can be said; while it is paused, the news waits. */
  async #record(input: EventInput, event: Event | undefined, what: string): Promise<void> {
    const { client, slug, version } = this.#options;
    const at = event ? `${event.offset}@${Date.parse(event.createdAt).toString(36)}` : "caught-up";
    const idempotencyKey = `sdk:${this.path}:${slug}:${version}:${what}:${at}`;
    const cause = event && { cause: { streamPath: event.streamPath, offset: event.offset } };
    const pauses = new Pauses();
    for (;;) {
      try {
        await client.append({ path: this.path, event: { ...input, idempotencyKey } }, { ...cause, signal: this.#signal });
        return;
      } catch (error) {
        this.#signal.throwIfAborted();
        if (!(error instanceof MillraceError)) throw error;
        if (error.code === "stream-paused") await this.#untilResumed();
        else if (error.isPassing) await sleep(pauses.take(), this.#signal);
        else throw error;
      }
    }
  }

  async #untilResumed(): Promise<void> {
    const { client } = this.#options;
    const { paused, eventCount } = await client.state({ path: this.path }, { signal: this.#signal });
    if (!paused) return;
    const resumed = { path: this.path, afterOffset: eventCount as Cursor, live: true, types: "stream/resumed" };
    for await (const _ of client.stream(resumed, { signal: this.#signal })) return;
  }

  /** Reduces what is history, and acts on none of it. */
  async #replay(to: number): Promise<void> {
    const { slug, logger } = this.#options;
    for await (const event of this.#history(this.#mark.reduced, to)) {
      if (!isOwnLifecycle(event, slug)) {
        try {
          this.#reactor.reduce(event);
        } catch (failure) {
          // As it was when the event was new: recorded then, and left out of the state.
          logger.warn(`${this.path}: reduce failed at event ${event.offset} of the history: ${(failure as HookFailure).message}`);
        }
      }
      this.#mark.reduced = event.offset;
    }
  }

  /** What whoever brings the events has left out. */
  async #bridge(to: number): Promise<void> {
    const from = this.#mark.reduced;
    if (this.#options.gaps === "act") {
      for await (const event of this.#history(from, to)) await this.take(event);
      return;
    }
    await this.#replay(to);
    this.#mark.reduced = to;
    for (let offset = from + 1; offset <= to; offset += 1) this.#finish(offset);
  }

  async *#history(from: number, to: number): AsyncGenerator<Event, void> {
    if (from >= to) return;
    const range = { path: this.path, afterOffset: from === 0 ? ("start" as const) : from, beforeOffset: to + 1 };
    yield* this.#options.client.read(range, { signal: this.#signal });
  }

  /** When the stream was created; null where there is none. */
  async #birth(): Promise<string | null> {
    try {
      for await (const event of this.#options.client.read({ path: this.path, limit: 1 }, { signal: this.#signal }))
        return event.createdAt;
    } catch (error) {
      if (!(error instanceof MillraceError && error.code === "stream-not-found")) throw error;
    }
    return null;
  }

  #finish(offset: number): void {
    if (offset > this.#mark.acted) this.#done.add(offset);
    while (this.#done.delete(this.#mark.acted + 1)) this.#mark.acted += 1;
    this.#saveSoon();
  }

  #break(error: unknown): void {
    if (this.#broken) return;
    this.#broken = error;
    this.#options.onBroken?.(error);
  }

  #saveSoon(): void {
    if (!this.#options.store) return;
    this.#saveTimer ??= setTimeout(() => {
      this.#saveTimer = undefined;
      this.#saving = this.#saving.then(() => this.#save(false)).catch((error) => this.#break(error));
    }, SAVE_AFTER_MS);
  }

  async #save(always: boolean): Promise<void> {
    const { store } = this.#options;
    if (!store) return;
    const { reduced, version } = this.#mark;
    // The state in memory is that of `reduced`, which is stored only where nothing before it is still owed.
    const quiescent = this.#done.size === 0 && this.#mark.acted === reduced;
    const due =
      quiescent &&
      this.#options.processor.reduce &&
      reduced > this.#snapshotAt &&
      (always || reduced - this.#snapshotAt >= SNAPSHOT_EVENTS);
    const snapshot = due ? { version, reduced, state: this.#reactor.state } : undefined;
    await store.save(this.#mark, snapshot);
    if (snapshot) this.#snapshotAt = reduced;
  }

  #fresh(): Reactor<State> {
    const { client, processor, slug, version, logger, path, hookTimeoutMs } = this.#options;
    const stream = { path, project: client.project ?? "public", slug };
    return new Reactor({ processor, stream, version, logger, hookTimeoutMs, reach: reachOf(client) });
  }
}
