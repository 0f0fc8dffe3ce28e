// The rest of the module `millrace`: the client, the runtimes and the names of the original's SDK, as the package of that
// name on npm has them. An isolate loads these when they are first used.

declare module "millrace" {
  export interface ClientOptions {
    /** Left out: `MILLRACE_URL`, or `BASE_URL`, of the environment, or else http://127.0.0.1:4777. */
    baseUrl?: string;
    /** A namespace of streams and secrets; left out, the server's default, `public`. */
    project?: string;
    /** How the original's clients spell `project`. */
    projectSlug?: string;
    token?: string;
    fetch?: (url: string, init?: RequestInit) => Promise<Response>;
  }

  /** A client of one project of a server. A text is the server's address. */
  export function createEventsClient(options?: ClientOptions | string): EventsClient;

  export type Cursor = number | "start" | "end";

  export interface CallOptions {
    signal?: AbortSignal;
  }
  export interface AppendOptions extends CallOptions {
    /** The event in reaction to which this is appended. */
    cause?: { streamPath: string; offset: number };
    /** An event with an idempotency key is sent again for so long, where no answer came or the server was busy. */
    patienceMs?: number;
  }
  export interface StreamOptions extends CallOptions {
    path: string;
    afterOffset?: Cursor;
    beforeOffset?: Cursor;
    /** The older name of `afterOffset`. */
    offset?: Cursor;
    /** Whether to stay for what is still to come. Left out: unless there is a `beforeOffset`. */
    live?: boolean;
    types?: string | Iterable<string>;
    limit?: number;
    /** A live connection that says nothing for so long is made anew. */
    silenceMs?: number;
    onRetry?: (error: unknown, attempt: number) => void;
  }

  export interface EventsClient {
    readonly baseUrl: string;
    readonly project: string | undefined;
    append(
      input: { path: string; event: EventInput } | { params: { path: string }; body: EventInput | { event: EventInput } },
      options?: AppendOptions,
    ): Promise<{ event: Event }>;
    appendBatch(input: { path: string; events: EventInput[] }, options?: AppendOptions): Promise<{ events: Event[] }>;
    /** The stream's events and then those to come; lost connections are made again. */
    stream(options: StreamOptions, call?: CallOptions): AsyncGenerator<Event, void, undefined>;
    /** The events that there are. */
    read(options: Omit<StreamOptions, "live">, call?: CallOptions): AsyncGenerator<Event, void, undefined>;
    state(input: { path: string }, options?: CallOptions): Promise<any>;
    getState(input: { path: string }, options?: CallOptions): Promise<any>;
    children(input: { path: string; system?: boolean }, options?: CallOptions): Promise<{ path: string; createdAt: string }[]>;
    listChildren(input: { path: string }, options?: CallOptions): Promise<{ path: string; createdAt: string }[]>;
    list(options?: {
      prefix?: string;
      system?: boolean;
      signal?: AbortSignal;
    }): AsyncGenerator<{ path: string; createdAt: string; tail: number }, void, undefined>;
    destroy(
      input:
        | { path: string; destroyChildren?: boolean }
        | { params: { path: string }; query?: { destroyChildren?: boolean } },
      options?: CallOptions,
    ): Promise<{ destroyedStreamCount: number; finalStateByPath: Record<string, any> }>;
    deploy(deployment: { path: string; slug: string } & JsonObject, options?: CallOptions & { timeoutMs?: number }): Promise<any>;
    simulate(input: { path: string; slug?: string } & JsonObject, options?: CallOptions): Promise<JsonObject>;
    processors(input: { path: string }, options?: CallOptions): Promise<any[]>;
    readonly secrets: {
      set(secret: SecretInput, options?: CallOptions): Promise<any>;
      create(secret: SecretInput, options?: CallOptions): Promise<any>;
      list(options?: CallOptions): Promise<any[]>;
      remove(input: { name: string }, options?: CallOptions): Promise<{ name: string; removed: boolean }>;
    };
  }
  export interface SecretInput {
    name: string;
    value: string;
    hosts?: string[];
    description?: string;
  }

  /** A request that came to nothing. `code` is stable; `detail` says what to do. */
  export class MillraceError extends Error {
    readonly status: number;
    readonly code: string;
    readonly detail: string;
    readonly more: Readonly<Record<string, unknown>>;
    get isPassing(): boolean;
  }

  /** What a hook has thrown, or that it took too long. */
  export class HookFailure extends Error {
    readonly phase: "reduce" | "afterAppend" | "onCaughtUp";
    readonly reason: "exception" | "timeout";
  }

  interface RuntimeOptions<State> {
    processor: Processor<State>;
    eventsClient?: EventsClient;
    includeChildren?: boolean;
    logger?: Logger;
    slug?: string;
    version?: string;
    hookTimeoutMs?: number;
  }
  export interface PullOptions<State> extends RuntimeOptions<State> {
    path: string;
    matches?: (path: string) => boolean;
    signal?: AbortSignal;
  }
  export class PullProcessorRuntime<State = any> {
    constructor(options: PullOptions<State>);
    get ready(): Promise<void>;
    run(): Promise<void>;
    stop(): Promise<void>;
    getStreamPaths(): string[];
    getState(path?: string): State | undefined;
    getProgress(path: string): { reduced: number; acted: number } | undefined;
    getProcessorSlug(): string;
  }
  export interface PushOptions<State> extends RuntimeOptions<State> {
    path?: string;
    streamPath?: string;
    signingSecret?: string | readonly string[];
    unsigned?: boolean;
  }
  export class PushProcessorRuntime<State = any> {
    constructor(options: PushOptions<State>);
    readonly fetch: (request: Request) => Promise<Response>;
    consume(event: Event): Promise<void>;
    stop(): Promise<void>;
    getState(path?: string): State | undefined;
    getProgress(path: string): { reduced: number; acted: number } | undefined;
    getProcessorSlug(): string;
  }

  export class PullSubscriptionProcessorRuntime<State = any> extends PullProcessorRuntime<State> {
    constructor(options: RuntimeOptions<State> & { streamPath: string });
  }
  export class PullSubscriptionPatternProcessorRuntime<State = any> extends PullProcessorRuntime<State> {
    constructor(options: RuntimeOptions<State> & { streamPattern: string });
  }
  export class PushSubscriptionProcessorRuntime<State = any> extends PushProcessorRuntime<State> {
    constructor(options: RuntimeOptions<State> & { streamPath: string });
  }

  /** In an isolate no module is the program, so that these run nothing there. */
  export function isMainModule(importMetaUrl: string): boolean;
  export function runWorkshopMain(importMetaUrl: string, run: (pathPrefix: string) => unknown): void;
  export function runIfMain(importMetaUrl: string, procedure: (...given: any[]) => unknown): void;
  export interface ProcedureBuilder {
    handler(
      handler: (given: { input: { pathPrefix: string; logLevel: string } & Record<string, any> }) => unknown,
    ): (input?: JsonObject) => Promise<unknown>;
    input(schema: unknown): ProcedureBuilder;
    output(schema: unknown): ProcedureBuilder;
    meta(meta: unknown): ProcedureBuilder;
    route(route: unknown): ProcedureBuilder;
  }
  export const os: ProcedureBuilder;

  export function normalizePathPrefix(prefix: string): string;
  export function getDefaultWorkshopPathPrefix(): string;
  export function workshopPathPrefix(): string;
  export function normalizeStreamPattern(pattern: string): string;
  export function matchesStreamPattern(path: string, pattern: string): boolean;
  export function getDiscoveredStreamPath(event: { type: string; payload: JsonObject }): string | undefined;
  export function createWorkshopLogger(level?: string): Logger;
  export const workshopLogger: Logger;
  export function createWorkshopTestHarness(options?: { baseUrl?: string; projectSlug?: string; runRootPath?: string }): any;
  export function useProcessorTestHarness(options: { processor: Processor<any>; pathPrefix: string } & JsonObject): Promise<any>;

  export type JSONObject = JsonObject;
  export type ProcessorAppendInput = AppendInput;
  export interface EventInputSchema<Output> extends StandardSchema<unknown, Output> {
    extend<const More extends Record<string, StandardSchema<any, any>>>(
      more: More,
    ): EventInputSchema<Omit<Output, keyof More> & { [Name in keyof More]: SchemaOutput<More[Name]> }>;
    parse(value: unknown): Output;
    safeParse(
      value: unknown,
    ):
      | { success: true; data: Output; error?: undefined }
      | { success: false; data?: undefined; error: Error & { readonly issues: readonly SchemaIssue[] } };
  }
  export const GenericEventInputSchema: EventInputSchema<EventInput>;
}
