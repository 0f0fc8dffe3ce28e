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

  export interface AppendContext<State, Seen = Event> extends CaughtUpContext<State> {
    readonly event: Seen;
    /** The state before this event. */
    readonly prevState: State;
  }

  /** What a processor can do. */
  export interface Hooks<State, Seen = Event> {
    /** The event that configures the processor names it; this is for readers. */
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

  /** An event of one type, whose payload is known. */
  export interface TypedEvent<Type extends string, Payload> extends Omit<Event, "type" | "payload"> {
    type: Type;
    payload: Payload;
  }

  /** The event types that a processor looks at, each with the schema of its payload; `true` takes any. */
  export interface EventSchemas {
    readonly [type: string]: StandardSchema<any, any> | true;
  }

  /** The events that a processor with these schemas sees: one of them, told apart by `type`. */
  export type EventsOf<Schemas> = [keyof Schemas] extends [never]
    ? Event
    : { [Type in keyof Schemas & string]: TypedEvent<Type, PayloadOf<Schemas[Type]>> }[keyof Schemas & string];

  type PayloadOf<Schema> = Schema extends true ? JsonObject : SchemaOutput<Schema>;

  /** A processor whose types follow from `initialState` and `events`. */
  export interface Definition<Initial, Schemas = {}> extends Hooks<Filled<Initial>, EventsOf<Schemas>> {
    initialState?: Initial;
    /**
     * What the processor looks at. The hooks see these types only, each with the payload as its schema leaves it; an
     * event whose payload does not fit is passed over, and logged. Only `defineProcessor` looks at this.
     */
    events?: Schemas;
  }

  /** A schema of any library that follows Standard Schema (standardschema.dev), such as zod, valibot or arktype. */
  export interface StandardSchema<Input = unknown, Output = Input> {
    readonly "~standard": {
      readonly version: 1;
      readonly vendor: string;
      readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
      readonly types?: { readonly input: Input; readonly output: Output } | undefined;
    };
  }

  export type SchemaResult<Output> =
    | { readonly value: Output; readonly issues?: undefined }
    | { readonly issues: readonly SchemaIssue[] };

  export interface SchemaIssue {
    readonly message: string;
    readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
  }

  /** What a valid value has become. */
  export type SchemaOutput<Schema> = Schema extends { readonly "~standard": { readonly types?: infer Types } }
    ? NonNullable<Types> extends { readonly output: infer Output }
      ? Output
      : never
    : never;

  /** The state of a processor that does not say what it is. */
  export interface UntypedState {
    [key: string]: any;
    then?: never;
  }

  /** Names a processor. A factory is called once; an object is taken as it is, but for its `events`. */
  export function defineProcessor<Initial = UntypedState, const Schemas extends EventSchemas = {}>(
    definition: Definition<Initial, Schemas> | (() => Definition<Initial, Schemas>),
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
