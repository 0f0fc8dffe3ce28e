// One processor on one stream: its state, and its hooks called as the host calls them. It knows nothing of where events
// come from or how far it has come; the runtimes do.

import type { Cursor, Event, EventInput, JsonObject } from "./event.ts";
import { HookFailure, type Phase } from "./failure.ts";
import { wrongInput } from "./input.ts";
import { resolvePath } from "./path.ts";
import type { Append, AppendInput, Logger, Processor, ReadOptions, Simulate, Simulation, StreamInfo } from "./processor.ts";
import { NOT_IN_REDUCE, sealed } from "./sealed.ts";

/** How a processor reaches the streams. */
export interface Reach {
  append(path: string, event: EventInput, cause: Event | undefined, signal: AbortSignal): Promise<Event>;
  /** Tries code over a stream's history, where there is a server that can. */
  simulate?(path: string, candidate: JsonObject): Promise<Simulation>;
  /** Of a stream that does not exist: nothing. */
  read(options: { path: string; afterOffset?: Cursor; beforeOffset?: Cursor; types?: string[] }): AsyncIterable<Event>;
}

export interface ReactorOptions<State> {
  processor: Processor<State>;
  stream: StreamInfo;
  version: string;
  reach: Reach;
  logger: Logger;
  hookTimeoutMs?: number | undefined;
}

/** How long an `afterAppend` may take, as with the host. */
const HOOK_TIMEOUT_MS = 300_000;
/** So many appends of one hook are plenty, as with the host. */
const APPENDS_PER_HOOK_MAX = 75_000;

/** A hook under way. */
interface Hook {
  phase: Phase;
  event: Event | undefined;
  ordinal: number;
  /** It did something that can be seen from outside. */
  asked: boolean;
  waiting: Set<Promise<unknown>>;
  controller: AbortController;
}

/** What reducing an event has made of the state, for the hooks that come behind. */
export interface Reduced {
  event: Event;
  before: string;
  after: string;
}

export class Reactor<State> {
  readonly #processor: Processor<State>;
  readonly #stream: StreamInfo;
  readonly #version: string;
  readonly #reach: Reach;
  readonly #logger: Logger;
  readonly #timeoutMs: number;
  readonly #hooks = new Set<Hook>();
  #state: State;
  /** The state as JSON as of the last event that was reduced without a failure. */
  #committed: string;
  #reducing = false;

  constructor(options: ReactorOptions<State>) {
    this.#processor = options.processor;
    this.#stream = Object.freeze({ ...options.stream });
    this.#version = options.version;
    this.#reach = options.reach;
    this.#logger = options.logger;
    this.#timeoutMs = options.hookTimeoutMs ?? HOOK_TIMEOUT_MS;
    this.#committed = toText(options.processor.initialState ?? {}, "initialState");
    this.#state = JSON.parse(this.#committed);
  }

  get isParallel(): boolean {
    return this.#processor.concurrency === "parallel";
  }

  /** A copy of the state. */
  get state(): State {
    return JSON.parse(this.#committed);
  }

  restore(state: State): void {
    this.#committed = toText(state, "the stored state");
    this.#state = JSON.parse(this.#committed);
  }

  /** The next state. One that cannot be computed leaves the state as it is, and throws a HookFailure. */
  reduce(event: Event): Reduced {
    const before = this.#committed;
    if (!this.#processor.reduce) return { event, before, after: before };
    try {
      const { project, path, slug } = this.#stream;
      this.#reducing = true;
      const copy = structuredClone(event);
      const context = { event: copy, state: this.#state, logger: this.#logger };
      const next = sealed(event.createdAt, `${project} ${path} ${slug} ${event.offset}`, () => this.#processor.reduce!(context));
      if (next !== undefined && next !== null) {
        if (typeof (next as { then?: unknown }).then === "function") {
          (next as unknown as Promise<unknown>).then(undefined, () => {});
          throw new TypeError("reduce returned a promise: it must be synchronous; wait in afterAppend and append the result");
        }
        this.#state = next as State;
      }
      this.#committed = toText(this.#state, "the state that reduce returned");
    } catch (thrown) {
      // Whatever a failing `reduce` did to it.
      this.#state = JSON.parse(before);
      throw new HookFailure("reduce", thrown);
    } finally {
      this.#reducing = false;
    }
    return { event, before, after: this.#committed };
  }

  /** Acts on an event that was reduced; resolves to whether that did anything, or throws a HookFailure. */
  act({ event, before, after }: Reduced): Promise<boolean> {
    const { afterAppend, onEvent } = this.#processor;
    if (!afterAppend && !onEvent) return Promise.resolve(false);
    return this.#run("afterAppend", event, async (hook) => {
      const context = lazily(this.#contextOf(hook, after), {
        event: () => structuredClone(event),
        prevState: () => JSON.parse(before),
      });
      await afterAppend?.call(this.#processor, context as never);
      await onEvent?.call(this.#processor, context as never);
    });
  }

  /** Tells it that the history has been reduced. */
  caughtUp(): Promise<boolean> {
    if (!this.#processor.onCaughtUp) return Promise.resolve(false);
    return this.#run("onCaughtUp", undefined, async (hook) => {
      await this.#processor.onCaughtUp!(this.#contextOf(hook, this.#committed) as never);
    });
  }

  /** Aborts the signals of all hooks under way. */
  abort(reason: string): void {
    for (const hook of this.#hooks) hook.controller.abort(new DOMException(reason, "AbortError"));
  }

  async #run(phase: Phase, event: Event | undefined, call: (hook: Hook) => Promise<void>): Promise<boolean> {
    const hook: Hook = { phase, event, ordinal: 0, asked: false, waiting: new Set(), controller: new AbortController() };
    this.#hooks.add(hook);
    let late: ReturnType<typeof setTimeout> | undefined;
    const timeout = new Promise<never>((_, reject) => {
      late = setTimeout(() => {
        const message = `${phase} took longer than ${this.#timeoutMs} ms`;
        hook.controller.abort(new DOMException(message, "TimeoutError"));
        reject(new HookFailure(phase, new Error(message), "timeout"));
      }, this.#timeoutMs);
    });
    try {
      const called = call(hook);
      noteWaiting(called, hook);
      await Promise.race([called, timeout]);
      // An append that nobody waited for still belongs to its event, and so does its failure.
      while (hook.waiting.size > 0) await Promise.race([Promise.all(hook.waiting), timeout]);
      return hook.asked;
    } catch (thrown) {
      throw thrown instanceof HookFailure ? thrown : new HookFailure(phase, thrown);
    } finally {
      clearTimeout(late);
      this.#hooks.delete(hook);
    }
  }

  #contextOf(hook: Hook, state: string): object {
    const context = {
      append: this.#appendOf(hook),
      read: (options?: ReadOptions) => this.#read(options),
      simulate: (candidate: Parameters<Simulate>[0]) => this.#simulate(hook, candidate),
      stream: this.#stream,
      signal: hook.controller.signal,
      logger: noting(this.#logger, hook),
    };
    return lazily(context, { state: () => JSON.parse(state) });
  }

  #appendOf(hook: Hook): Append {
    const send = async (input: AppendInput) => {
      if (this.#reducing) throw new Error(`append ${NOT_IN_REDUCE}`);
      const { path, event } = understood(input);
      const target = resolvePath(this.#stream.path, path);
      hook.controller.signal.throwIfAborted();
      if (hook.ordinal === APPENDS_PER_HOOK_MAX) throw new RangeError(`more than ${APPENDS_PER_HOOK_MAX} appends in one hook`);
      hook.ordinal += 1;
      hook.asked = true;
      const keyed = { ...event, idempotencyKey: event.idempotencyKey ?? this.#derivedKey(hook) };
      return this.#reach.append(target, JSON.parse(JSON.stringify(keyed)), hook.event, hook.controller.signal);
    };
    return (input) => {
      const stored = send(input);
      hook.waiting.add(stored);
      const settled = () => hook.waiting.delete(stored);
      stored.then(settled, settled);
      return stored;
    };
  }

  /** The same for the same append in reaction to the same event: acting again finds what was stored. */
  #derivedKey(hook: Hook): string {
    const { path, slug } = this.#stream;
    // A stream that was destroyed and created again at the same path is another one; its events have other times.
    const place = hook.event ? `${hook.event.offset}@${Date.parse(hook.event.createdAt).toString(36)}` : "caught-up";
    return `sdk:${path}:${slug}:${this.#version}:${place}:${hook.ordinal}`;
  }

  async #simulate(hook: Hook, { path, ...candidate }: Parameters<Simulate>[0]): Promise<Simulation> {
    if (this.#reducing) throw new Error(`simulate ${NOT_IN_REDUCE}`);
    hook.asked = true;
    const target = resolvePath(this.#stream.path, path);
    if (!this.#reach.simulate) throw new Error("simulate needs a server: there is none behind a test in memory");
    return this.#reach.simulate(target, candidate);
  }

  async *#read({ path, afterOffset, beforeOffset, types }: ReadOptions = {}): AsyncGenerator<Event, void, undefined> {
    if (this.#reducing) throw new Error(`read ${NOT_IN_REDUCE}`);
    const wanted = types === undefined ? undefined : typeof types === "string" ? [types] : [...types];
    yield* this.#reach.read({
      path: resolvePath(this.#stream.path, path),
      ...(afterOffset !== undefined && { afterOffset }),
      ...(beforeOffset !== undefined && { beforeOffset }),
      ...(wanted && { types: wanted }),
    });
  }
}

/** The two ways to write an append. */
function understood(input: AppendInput): { path: string | undefined; event: EventInput } {
  if (input === null || typeof input !== "object")
    throw new TypeError("append takes an event, { type, payload }, or { event, path }");
  const wrapped = "event" in input && !("type" in input);
  const event = (wrapped ? input.event : input) as EventInput;
  const path = wrapped ? input.path : undefined;
  if (wrapped) {
    const unknown = Object.keys(input).find((key) => key !== "event" && key !== "path");
    if (unknown) throw new TypeError(`append takes { event, path }; it was given \`${unknown}\` too`);
  }
  if (event === null || typeof event !== "object" || Array.isArray(event)) {
    throw new TypeError("append: `event` must be an object { type, payload }");
  }
  const wrong = wrongInput(event);
  if (wrong) throw new TypeError(`append: ${wrong}`);
  if (path !== undefined && typeof path !== "string")
    throw new TypeError('append: `path` must be a string such as "/a/b" or "./child"');
  return { path, event };
}

function toText(value: unknown, what: string): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw new TypeError(`${what} must be JSON: ${error instanceof Error ? error.message : error}`);
  }
  if (text === undefined) throw new TypeError(`${what} must be JSON, and is of type ${typeof value}`);
  return text;
}

/** Members that are made when they are first looked at. */
function lazily<Target extends object>(target: Target, members: Record<string, () => unknown>): Target {
  for (const [name, make] of Object.entries(members)) {
    const define = (value: unknown) =>
      Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true });
    Object.defineProperty(target, name, {
      get: () => (define(make()), target[name as keyof Target]),
      set: define,
      enumerable: true,
      configurable: true,
    });
  }
  return target;
}

/** A hook that logs has done something; one that only looked at its event breaks no row of failures. */
function noting(logger: Logger, hook: Hook): Logger {
  const noted =
    (level: keyof Logger) =>
    (...values: unknown[]) => {
      hook.asked = true;
      logger[level](...values);
    };
  return { debug: noted("debug"), info: noted("info"), log: noted("log"), warn: noted("warn"), error: noted("error") };
}

/** Whoever waits for something from outside has asked for it, though that cannot be seen here. */
function noteWaiting(called: Promise<void>, hook: Hook): void {
  let settled = false;
  const done = () => void (settled = true);
  called.then(done, done);
  const timer = setTimeout(() => void (hook.asked ||= !settled), 0);
  called.then(
    () => clearTimeout(timer),
    () => clearTimeout(timer),
  );
}
