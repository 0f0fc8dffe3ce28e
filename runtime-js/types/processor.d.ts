// The processor API: the module `millrace`, and `ai-engineer-workshop`, as the original's first clients spell it.

declare module "millrace" {
  /** What is appended. A key that is not listed makes it invalid. */
  export interface EventInput {
    /** Any name: kebab case and past tense, such as `order-placed`, is the custom. */
    type: string;
    /** The fact itself, a JSON object; `{}` if left out. */
    payload?: JsonObject;
    /** Facts about the fact. */
    metadata?: JsonObject;
    /** Unique in its stream for ever: a second append finds the first one's event. */
    idempotencyKey?: string;
    /** A precondition: append only if the event lands exactly here. */
    offset?: number;
  }

  /** An event that is stored. */
  export interface Event {
    type: string;
    payload: JsonObject;
    metadata?: JsonObject;
    idempotencyKey?: string;
    streamPath: string;
    /** 1, 2, 3 and so on, without gaps, in each stream. */
    offset: number;
    /** ISO 8601, with milliseconds, in UTC. */
    createdAt: string;
    source?: EventSource;
  }

  /** Who appended an event, and in reaction to what. */
  export interface EventSource {
    kind: "client" | "processor" | "schedule" | "transformer" | "server";
    slug?: string;
    principal?: string;
    cause?: { streamPath: string; offset: number };
    /** The length of the chain of reactions; 0 for what a client appended. */
    depth: number;
  }

  /** What JSON can hold, as far as a type can say it without getting in the way. */
  export type JsonObject = { [key: string]: any };

  export interface Logger {
    debug(...values: unknown[]): void;
    info(...values: unknown[]): void;
    log(...values: unknown[]): void;
    warn(...values: unknown[]): void;
    error(...values: unknown[]): void;
  }

  /** The stream that this processor runs on. */
  export interface StreamInfo {
    readonly path: string;
    readonly project: string;
    readonly slug: string;
  }

  /** An event for this stream, or, with `event`, for the stream at `path`: `/a/b`, `./child`, `../sibling`, `..`. */
  export type AppendInput =
    | (EventInput & { event?: never; path?: never })
    | { event: EventInput; path?: string; type?: never; payload?: never };

  /** Resolves to the event as it is stored. */
  export type Append = (input: AppendInput) => Promise<Event>;

  export interface ReadOptions {
    /** Of this stream, if left out. */
    path?: string;
    afterOffset?: number | "start" | "end";
    beforeOffset?: number | "start" | "end";
    types?: string | Iterable<string>;
  }

  export type Read = (options?: ReadOptions) => AsyncGenerator<Event, void, undefined>;

  export interface ReduceContext<State> {
    readonly event: Event;
    readonly state: State;
    readonly logger: Logger;
  }

  export interface CaughtUpContext<State> {
    readonly append: Append;
    readonly read: Read;
    readonly simulate: Simulate;
    readonly state: State;
    /** Aborts when this version is replaced or removed, takes too long, or the host shuts down. */
    readonly signal: AbortSignal;
    readonly logger: Logger;
    readonly stream: StreamInfo;
  }

  /**
   * Tries code over the history of this stream, or of the one at `path`, with no effect: the body and the answer are
   * those of `POST /api/simulate/{path}`.
   */
  export type Simulate = (candidate: {
    path?: string;
    slug?: string;
    files?: { [path: string]: string };
    packageJson?: JsonObject | string;
    entry?: string;
    script?: string;
    modules?: { [path: string]: string };
    typecheck?: "off" | "report" | "require";
    afterOffset?: number | "start" | "end";
    beforeOffset?: number | "start" | "end";
    fetches?: JsonObject[];
    states?: "changes" | "all" | "last";
    [option: string]: any;
  }) => Promise<Simulation>;

  /** What came of it. */
  export interface Simulation {
    outcome: "completed" | "failed" | "suspended" | "load-failed" | "compile-failed";
    [detail: string]: any;
  }

  export interface AppendContext<State> extends CaughtUpContext<State> {
    readonly event: Event;
    /** The state before this event. */
    readonly prevState: State;
  }

  /** What a processor can do. */
  export interface Hooks<State> {
    /** The event that configures the processor names it; this is for readers. */
    slug?: string;
    /** `parallel`: `afterAppend` of a later event may start before an earlier one has ended. */
    concurrency?: "serial" | "parallel";
    /** Computes the next state, and nothing else; returning nothing keeps the state. */
    reduce?(context: ReduceContext<State>): State | void;
    /** Acts on an event that is stored. */
    afterAppend?(context: AppendContext<State>): unknown;
    /** The older name of `afterAppend`. */
    onEvent?(context: AppendContext<State>): unknown;
    /** Runs once, when the history has been reduced. */
    onCaughtUp?(context: CaughtUpContext<State>): unknown;
  }

  /** A processor whose state has a type of its own. */
  export interface Processor<State = UntypedState> extends Hooks<State> {
    initialState?: State;
  }

  /** A processor whose state's type follows from `initialState`. */
  export interface Definition<Initial> extends Hooks<Filled<Initial>> {
    initialState?: Initial;
  }

  /** The state of a processor that does not say what it is. */
  export interface UntypedState {
    [key: string]: any;
    then?: never;
  }

  /** Names a processor. A factory is called once; an object is taken as it is. */
  export function defineProcessor<Initial = UntypedState>(
    definition: Definition<Initial> | (() => Definition<Initial>),
  ): Processor<Filled<Initial>>;

  /**
   * The type of an initial state with what it leaves open filled in: `[]` will hold something, `{}` will get keys, and
   * what is `null` or `undefined` at first will not be for ever. A type without such places is left as it is.
   */
  export type Filled<Initial> = IsOpen<Initial> extends true ? Fill<Initial> : Initial;

  type IsAny<T> = 0 extends 1 & T ? true : false;
  type IsOpen<T> = IsAny<T> extends true
    ? false
    : [T] extends [null | undefined]
      ? true
      : [T] extends [readonly never[]]
        ? true
        : [T] extends [readonly unknown[] | string | number | boolean | Function]
          ? false
          : [T] extends [object]
            ? [keyof T] extends [never]
              ? true
              : true extends { [Key in keyof T]-?: IsOpen<T[Key]> }[keyof T]
                ? true
                : false
            : false;
  type Fill<T> = IsOpen<T> extends false
    ? T
    : [T] extends [null | undefined]
      ? any
      : [T] extends [readonly never[]]
        ? any[]
        : [keyof T] extends [never]
          ? JsonObject
          : { [Key in keyof T]: Fill<T[Key]> };
}

declare module "ai-engineer-workshop" {
  export * from "millrace";
}

/** As the module `millrace` exports it. */
declare const defineProcessor: typeof import("millrace").defineProcessor;
