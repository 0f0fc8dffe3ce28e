// What a processor is: the same object for the host, for the runtimes of this package and for its tests.

import type { Cursor, Event, EventInput, JsonObject, TypedEvent } from "./event.ts";
import type { SchemaOutput, StandardSchema } from "./schema.ts";

export interface Logger {
  debug(...values: unknown[]): void;
  info(...values: unknown[]): void;
  log(...values: unknown[]): void;
  warn(...values: unknown[]): void;
  error(...values: unknown[]): void;
}

/** The stream that a processor runs on. */
export interface StreamInfo {
  readonly path: string;
  readonly project: string;
  readonly slug: string;
}

/** An event for this stream, or, with `event`, for the stream at `path`: `/a/b`, `./child`, `../sibling`, `..`. */
export type AppendInput =
  (EventInput & { event?: never; path?: never }) | { event: EventInput; path?: string; type?: never; payload?: never };

/** Resolves to the event as it is stored. */
export type Append = (input: AppendInput) => Promise<Event>;

export interface ReadOptions {
  /** Of this stream, if left out. */
  path?: string;
  afterOffset?: Cursor;
  beforeOffset?: Cursor;
  types?: string | Iterable<string>;
}

export type Read = (options?: ReadOptions) => AsyncGenerator<Event, void, undefined>;

export interface ReduceContext<State, Seen = Event> {
  readonly event: Seen;
  readonly state: State;
  readonly logger: Logger;
}

export interface CaughtUpContext<State> {
  readonly append: Append;
  readonly read: Read;
  readonly simulate: Simulate;
  readonly state: State;
  /** Aborts when this version is replaced or removed, takes too long, or its host shuts down. */
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

export interface AppendContext<State, Seen = Event> extends CaughtUpContext<State> {
  readonly event: Seen;
  /** The state before this event. */
  readonly prevState: State;
}

/** What a processor can do. */
export interface Hooks<State, Seen = Event> {
  /** Who configures the processor names it; this is for readers, and for the runtimes of the SDK. */
  slug?: string;
  /** `parallel`: `afterAppend` of a later event may start before an earlier one has ended. */
  concurrency?: "serial" | "parallel";
  /** Computes the next state, and nothing else; returning nothing keeps the state. */
  reduce?(context: ReduceContext<State, Seen>): State | void;
  /** Acts on an event that is stored. */
  afterAppend?(context: AppendContext<State, Seen>): unknown;
  /** The older name of `afterAppend`. */
  onEvent?(context: AppendContext<State, Seen>): unknown;
  /** Runs once, when the history has been reduced. */
  onCaughtUp?(context: CaughtUpContext<State>): unknown;
}

/** A processor whose state has a type of its own. */
export interface Processor<State = UntypedState> extends Hooks<State> {
  initialState?: State;
}

/** The event types that a processor looks at, each with the schema of its payload; `true` takes any. */
export interface EventSchemas {
  readonly [type: string]: StandardSchema<any, any> | true;
}

type PayloadOf<Schema> = Schema extends true ? JsonObject : SchemaOutput<Schema>;

/** The events that a processor with these schemas sees: one of them, told apart by `type`. */
export type EventsOf<Schemas> = [keyof Schemas] extends [never]
  ? Event
  : { [Type in keyof Schemas & string]: TypedEvent<Type, PayloadOf<Schemas[Type]>> }[keyof Schemas & string];

/** A processor whose types follow from `initialState` and `events`. */
export interface Definition<Initial, Schemas = {}> extends Hooks<Filled<Initial>, EventsOf<Schemas>> {
  initialState?: Initial;
  /**
   * What the processor looks at. The hooks see these types only, each with the payload as its schema leaves it; an event
   * whose payload does not fit is passed over, and logged.
   */
  events?: Schemas;
}

/** The state of a processor that does not say what it is. */
export interface UntypedState {
  [key: string]: any;
  then?: never;
}

/**
 * The type of an initial state with what it leaves open filled in: `[]` will hold something, `{}` will get keys, and
 * what is `null` or `undefined` at first will not be for ever. A type without such places is left as it is.
 */
export type Filled<Initial> = IsOpen<Initial> extends true ? Fill<Initial> : Initial;

type IsAny<T> = 0 extends 1 & T ? true : false;
type IsOpen<T> =
  IsAny<T> extends true
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
type Fill<T> =
  IsOpen<T> extends false
    ? T
    : [T] extends [null | undefined]
      ? any
      : [T] extends [readonly never[]]
        ? any[]
        : [keyof T] extends [never]
          ? JsonObject
          : { [Key in keyof T]: Fill<T[Key]> };
