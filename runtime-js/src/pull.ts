// PullProcessorRuntime: runs a processor in this process over streams of a server, with the host's semantics. What is
// history when it first comes is reduced and not acted on; from then on nothing is lost, whenever the process dies.

import { CheckpointStore, type Bases } from "./checkpoint.ts";
import { createEventsClient, type EventsClient } from "./client.ts";
import type { Cursor } from "./event.ts";
import { Instance } from "./instance.ts";
import { isCreation, slugOf } from "./own.ts";
import { canonical } from "./path.ts";
import { anySignal } from "./pause.ts";
import { MillraceError } from "./problem.ts";
import type { Logger, Processor } from "./processor.ts";
import { versionOf } from "./version.ts";

export interface PullOptions<State> {
  path: string;
  processor: Processor<State>;
  /** Whether it runs on every stream below, too, on each with a state of its own. */
  includeChildren?: boolean;
  /** With `includeChildren`: only on these of the streams at and below `path`. */
  matches?: (path: string) => boolean;
  /** Left out: a client of the server that the environment names. */
  eventsClient?: EventsClient;
  logger?: Logger;
  /** Left out: the processor's own. */
  slug?: string;
  /** A new version reduces the history anew. Left out: a digest of the hooks' text. */
  version?: string;
  /** How long an `afterAppend` may take. */
  hookTimeoutMs?: number;
  signal?: AbortSignal;
}

/** Streams whose marks are looked up at once when a runtime starts. */
const OPENED_AT_ONCE = 8;

export class PullProcessorRuntime<State = any> {
  readonly #options: PullOptions<State>;
  readonly #client: EventsClient;
  readonly #path: string;
  readonly #slug: string;
  readonly #version: string;
  readonly #logger: Logger;
  readonly #stopping = new AbortController();
  readonly #signal: AbortSignal;
  readonly #instances = new Map<string, Instance<State>>();
  readonly #running = new Set<Promise<void>>();
  readonly #ready = resolvers();
  #run: Promise<void> | undefined;
  /** The first thing that went wrong: it ends the whole. */
  #failure: unknown;

  constructor(options: PullOptions<State>) {
    this.#options = options;
    this.#client = options.eventsClient ?? createEventsClient();
    this.#path = canonical(options.path);
    this.#slug = slugOf(options.slug ?? options.processor.slug);
    this.#version = options.version ?? versionOf(options.processor);
    this.#logger = options.logger ?? console;
    this.#signal = anySignal(this.#stopping.signal, options.signal);
    this.#ready.promise.catch(() => {});
  }

  /** Resolves when the history has been reduced and what comes next is acted on. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Runs until it is stopped, or rejects when it cannot go on, as when the processor is suspended. */
  run(): Promise<void> {
    this.#run ??= this.#runAll();
    return this.#run;
  }

  /** Ends it: hooks under way are told by their signal, and the marks are written. */
  async stop(): Promise<void> {
    this.#stopping.abort(new DOMException("the runtime was stopped", "AbortError"));
    await this.#run?.catch(() => {});
  }

  /** The streams that it has come to. */
  getStreamPaths(): string[] {
    return [...this.#instances.keys()].sort();
  }

  getState(path: string = this.#path): State | undefined {
    const instance = this.#instances.get(canonical(path));
    if (instance) return instance.state;
    return structuredClone(this.#options.processor.initialState ?? ({} as State));
  }

  /** How far it has come on a stream: what it has reduced, and what it has acted on. */
  getProgress(path: string): { reduced: number; acted: number } | undefined {
    const instance = this.#instances.get(canonical(path));
    return instance && { reduced: instance.reduced, acted: instance.acted };
  }

  getProcessorSlug(): string {
    return this.#slug;
  }

  async #runAll(): Promise<void> {
    try {
      await this.#begin();
      await Promise.race([Promise.all(this.#running), aborted(this.#signal)]);
    } catch (error) {
      this.#fail(error);
    }
    const reason = this.#failure instanceof Error ? this.#failure.message : "the runtime was stopped";
    this.#stopping.abort(new DOMException(reason, "AbortError"));
    for (const instance of this.#instances.values()) instance.abort(reason);
    await Promise.allSettled(
      [...this.#instances.values()].map((instance) => instance.settle().catch((error) => this.#fail(error))),
    );
    await Promise.allSettled(this.#running);
    this.#ready.reject(this.#failure ?? new DOMException("the runtime was stopped", "AbortError"));
    if (this.#failure !== undefined) throw this.#failure;
  }

  #fail(error: unknown): void {
    // What the stop itself has broken is no failure.
    if (!this.#signal.aborted) this.#failure ??= error;
    this.#stopping.abort(new DOMException("the runtime has failed", "AbortError"));
  }

  async #begin(): Promise<void> {
    const { includeChildren = true } = this.#options;
    const store = this.#storeOf(this.#path);
    const found = await store.load(this.#signal);
    if (!includeChildren) {
      const root = this.#instanceOf(this.#path, store);
      await root.open({ found, claim: true });
      await root.bringUp();
      this.#drive(root);
      return this.#ready.resolve();
    }
    const since = await this.#tail();
    const streams = await this.#streamsBelow();
    let { bases } = found;
    if (!bases && !found.checkpoint) {
      // What there is below is history, of which a restart must know how much that was.
      bases = { ...Object.fromEntries(streams), [this.#path]: since };
      await store.start(bases, this.#signal);
    }
    // One that is shorter than it was has been destroyed and created again, and has no history from before.
    const isSame = ([path, base]: [string, number]) => base <= (path === this.#path ? since : (streams.get(path) ?? 0));
    const known = Object.fromEntries(Object.entries(bases ?? {}).filter(isSame));
    const root = this.#instanceOf(this.#path, store, known[this.#path]);
    await root.open({ found, claim: true });
    if (this.#matches(this.#path)) {
      await root.bringUp();
      this.#drive(root);
    } else {
      this.#instances.delete(this.#path);
    }
    const waiting = [...streams.keys()];
    const worker = async () => {
      for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) await this.#come(path, known);
    };
    await Promise.all(Array.from({ length: OPENED_AT_ONCE }, worker));
    this.#track(this.#discover(since, known));
    this.#ready.resolve();
  }

  /** Watches for streams that come to be. */
  async #discover(since: number, bases: Bases): Promise<void> {
    const afterOffset: Cursor = since === 0 ? "start" : since;
    const created = { path: this.#path, afterOffset, live: true, types: "stream/child-created" };
    for await (const event of this.#client.stream(created, { signal: this.#signal })) {
      if (isCreation(event)) await this.#come(String(event.payload.childPath), bases);
    }
  }

  /** Takes up a stream below, whose instance sleeps until its next event. */
  async #come(path: string, bases: Bases): Promise<void> {
    if (this.#instances.has(path) || !this.#matches(path)) return;
    const instance = this.#instanceOf(path, this.#storeOf(path), bases[path] ?? 0);
    await instance.open();
    this.#drive(instance);
  }

  #matches(path: string): boolean {
    return this.#options.matches?.(path) ?? true;
  }

  #storeOf(path: string): CheckpointStore {
    return new CheckpointStore(this.#client, path, this.#slug);
  }

  #instanceOf(path: string, store: CheckpointStore, base?: number): Instance<State> {
    const { processor, hookTimeoutMs } = this.#options;
    const shared = { client: this.#client, processor, slug: this.#slug, version: this.#version, logger: this.#logger };
    const instance = new Instance(
      { ...shared, path, store, hookTimeoutMs, base, onBroken: (error) => this.#fail(error) },
      this.#signal,
    );
    this.#instances.set(path, instance);
    return instance;
  }

  #drive(instance: Instance<State>): void {
    this.#track(this.#follow(instance));
  }

  async #follow(instance: Instance<State>): Promise<void> {
    const { path, acted } = instance;
    const destroyed = new AbortController();
    const onRetry = async (error: unknown) => {
      this.#logger.warn(`${path}: ${(error as Error).message}; connecting again`);
      if (await instance.isOfThePast().catch(() => false)) destroyed.abort(new DOMException("it was destroyed", "AbortError"));
    };
    const signal = AbortSignal.any([this.#signal, destroyed.signal]);
    const behind = { path, afterOffset: acted === 0 ? ("start" as const) : acted, live: true, onRetry };
    try {
      for await (const event of this.#client.stream(behind, { signal })) await instance.take(event);
    } catch (error) {
      if (!destroyed.signal.aborted || this.#signal.aborted) throw error;
      // What comes to be at this path is another stream, which has no history from before.
      instance.abort("the stream was destroyed");
      await instance.settle();
      const next = this.#instanceOf(path, this.#storeOf(path), 0);
      await next.open({ claim: true });
      return this.#follow(next);
    }
  }

  /** Whatever ends one of the tasks ends the runtime. */
  #track(task: Promise<void>): void {
    const told = task.catch((error) => this.#fail(error));
    this.#running.add(told);
    told.then(() => this.#running.delete(told));
  }

  async #tail(): Promise<number> {
    try {
      return (await this.#client.state({ path: this.#path }, { signal: this.#signal })).eventCount;
    } catch (error) {
      if (error instanceof MillraceError && error.status === 404) return 0;
      throw error;
    }
  }

  /** Each with its newest offset. */
  async #streamsBelow(): Promise<Map<string, number>> {
    const found = new Map<string, number>();
    for await (const { path, tail } of this.#client.list({ prefix: this.#path, signal: this.#signal })) {
      if (path !== this.#path) found.set(path, tail);
    }
    return found;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

interface Resolvers {
  promise: Promise<void>;
  resolve: () => void;
  reject: (reason: unknown) => void;
}

function resolvers(): Resolvers {
  let settle: Omit<Resolvers, "promise"> | undefined;
  const promise = new Promise<void>((resolve, reject) => (settle = { resolve, reject }));
  return { promise, ...settle! };
}
