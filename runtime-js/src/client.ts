// The client: everything that the HTTP API can do, for programs.

import { deploy, type Deployed, type DeployOptions, type Deployment } from "./deploy.ts";
import { Door, type Fetch } from "./door.ts";
import { DEFAULT_URL, fromEnvironment } from "./environment.ts";
import type { Cursor, Event, EventInput, JsonObject } from "./event.ts";
import { follow, type FollowOptions } from "./follow.ts";
import { inUrl } from "./path.ts";

export interface ClientOptions {
  /** Left out: `MILLRACE_URL`, or `BASE_URL`, of the environment, or else http://127.0.0.1:4777. */
  baseUrl?: string;
  /** A namespace of streams and secrets. Left out: `MILLRACE_PROJECT`, or else the server's default, `public`. */
  project?: string;
  /** How the original's clients spell `project`. */
  projectSlug?: string;
  /** Sent as a bearer token. Left out: `MILLRACE_TOKEN`. */
  token?: string;
  /** Left out: the global one. */
  fetch?: Fetch;
}

export interface CallOptions {
  signal?: AbortSignal;
}

export interface AppendOptions extends CallOptions {
  /** The event in reaction to which this is appended, so that a loop has a length. */
  cause?: { streamPath: string; offset: number };
  /** An event with an idempotency key is sent again for so long, where no answer came or the server was busy. */
  patienceMs?: number;
}

/** One stream, as a list shows it. */
export interface ListedStream {
  path: string;
  createdAt: string;
  tail: number;
}

export interface StreamState {
  project: string;
  path: string;
  eventCount: number;
  childPaths: string[];
  metadata: JsonObject;
  paused: { reason?: string } | boolean | null;
  /** Each processor's state by its slug. */
  processors: Record<string, any>;
}

export interface ProcessorReport {
  slug: string;
  status: string;
  version: string;
  reduced: number;
  acted: number;
  tail: number;
  lag: number;
  lastError?: JsonObject | null;
  [member: string]: any;
}

export interface Destroyed {
  destroyedStreamCount: number;
  finalStateByPath: Record<string, { finalState: JsonObject | null }>;
}

export interface SecretInput {
  name: string;
  value: string;
  /** Where it may go: `api.openai.com`, `*.slack.com:443`. Left out: to whatever host a request is for. */
  hosts?: string[];
  description?: string;
}

/** What is shown of a secret: never its value. */
export interface Secret {
  name: string;
  hosts: string[];
  description?: string;
  createdAt: string;
  updatedAt: string;
}

/** A place to read from; with `live`, or without `beforeOffset`, the reading goes on with what is still to come. */
export interface StreamOptions extends Omit<FollowOptions, "signal"> {
  signal?: AbortSignal;
  /** The older name of `afterOffset`. */
  offset?: Cursor;
}

export type EventsClient = ReturnType<typeof createEventsClient>;

type Appending = { path: string; event: EventInput } | { params: { path: string }; body: EventInput | { event: EventInput } };
type Destroying =
  { path: string; destroyChildren?: boolean } | { params: { path: string }; query?: { destroyChildren?: boolean } };

/** So long an append that may be repeated is. */
const PATIENCE_MS = 10_000;

/** A client of one project of a server. A text is the server's address. */
export function createEventsClient(options: ClientOptions | string = {}) {
  const given = typeof options === "string" ? { baseUrl: options } : options;
  const door = new Door({
    baseUrl: given.baseUrl ?? fromEnvironment("MILLRACE_URL", "BASE_URL") ?? DEFAULT_URL,
    project: given.project ?? given.projectSlug ?? fromEnvironment("MILLRACE_PROJECT"),
    token: given.token ?? fromEnvironment("MILLRACE_TOKEN"),
    fetch: given.fetch,
  });

  function post<Answer>(path: string, body: unknown, repeatable: boolean, options: AppendOptions): Promise<Answer> {
    const { cause, signal, patienceMs = PATIENCE_MS } = options;
    const headers = cause && { "x-millrace-cause": causeHeader(cause, door.project) };
    return door.json(`/streams/${inUrl(path)}`, {
      method: "POST",
      body,
      signal,
      ...(headers && { headers }),
      patienceMs: repeatable ? patienceMs : 0,
    });
  }

  const client = {
    baseUrl: door.baseUrl,
    project: door.project,

    /** Appends one event; resolves to it as it is stored and synced. */
    append(input: Appending, options: AppendOptions = {}): Promise<{ event: Event }> {
      const path = "params" in input ? input.params.path : input.path;
      const body = "params" in input ? input.body : input.event;
      const event = (isWrapped(body) ? body.event : body) as EventInput;
      return post(path, { event }, event.idempotencyKey !== undefined, options);
    },

    /** Appends all of them, in order, or none. */
    appendBatch(input: { path: string; events: EventInput[] }, options: AppendOptions = {}): Promise<{ events: Event[] }> {
      const repeatable = input.events.every((event) => event.idempotencyKey !== undefined);
      return post(input.path, { events: input.events }, repeatable, options);
    },

    /** The stream's events and then those to come, until the signal aborts; lost connections are made again. */
    stream(options: StreamOptions, { signal }: CallOptions = {}): AsyncGenerator<Event, void, undefined> {
      const { offset, ...rest } = options;
      return follow(door, { ...rest, afterOffset: rest.afterOffset ?? offset, signal: signal ?? rest.signal });
    },

    /** The events that there are. */
    read(options: Omit<StreamOptions, "live">, { signal }: CallOptions = {}): AsyncGenerator<Event, void, undefined> {
      return client.stream({ ...options, live: false }, { signal });
    },

    /** What the events of a stream come to. */
    state({ path }: { path: string }, options: CallOptions = {}): Promise<StreamState> {
      return door.json(`/streams/__state/${inUrl(path)}`, { ...options, patienceMs: PATIENCE_MS });
    },

    /** Everything below a stream, newest first. */
    children(
      { path, system }: { path: string; system?: boolean },
      options: CallOptions = {},
    ): Promise<{ path: string; createdAt: string }[]> {
      return door.json(`/streams/__children/${inUrl(path)}`, { ...options, query: { system }, patienceMs: PATIENCE_MS });
    },

    /** All streams, newest first, page by page. */
    async *list(
      options: { prefix?: string; system?: boolean; signal?: AbortSignal } = {},
    ): AsyncGenerator<ListedStream, void, undefined> {
      const { prefix, system, signal } = options;
      for (let cursor: string | undefined; ;) {
        const page = await door.open("/streams", {
          query: { prefix, system, limit: 1000, cursor },
          signal,
          patienceMs: PATIENCE_MS,
        });
        cursor = page.headers.get("x-millrace-next-cursor") ?? undefined;
        yield* (await page.json()) as ListedStream[];
        if (cursor === undefined) return;
      }
    },

    /** Destroys a stream with all its events. */
    destroy(input: Destroying, options: CallOptions = {}): Promise<Destroyed> {
      const { path, destroyChildren } = "params" in input ? { ...input.params, ...input.query } : input;
      return door.json(`/streams/${inUrl(path)}`, { ...options, method: "DELETE", query: { destroyChildren } });
    },

    /** Makes a stream run a processor; resolves when it is active, or to why it is not. */
    deploy(deployment: Deployment, options: DeployOptions = {}): Promise<Deployed> {
      return deploy(door, deployment, options);
    },

    /** Runs a candidate over the stream's history with no effect; see the server's /api/docs for what can be asked. */
    simulate(
      { path, ...candidate }: { path: string; slug?: string } & JsonObject,
      options: CallOptions = {},
    ): Promise<JsonObject> {
      return door.json(`/simulate/${inUrl(path)}`, { ...options, method: "POST", body: candidate });
    },

    /** The processors of a stream: how far each has come, and what is wrong with it. */
    processors({ path }: { path: string }, options: CallOptions = {}): Promise<ProcessorReport[]> {
      return door.json(`/processors/${inUrl(path)}`, { ...options, patienceMs: PATIENCE_MS });
    },

    secrets: {
      /** Sets a secret, or replaces it. */
      set: (secret: SecretInput, options: CallOptions = {}): Promise<Secret> =>
        door.json("/secrets", { ...options, method: "POST", body: secret }),
      list: (options: CallOptions = {}): Promise<Secret[]> => door.json("/secrets", { ...options, patienceMs: PATIENCE_MS }),
      remove: ({ name }: { name: string }, options: CallOptions = {}): Promise<{ name: string; removed: boolean }> =>
        door.json(`/secrets/${encodeURIComponent(name)}`, { ...options, method: "DELETE" }),
      /** The original's name of `set`. */
      create: (secret: SecretInput, options: CallOptions = {}): Promise<Secret> => client.secrets.set(secret, options),
    },

    /** The original's name of `state`. */
    getState: (input: { path: string }, options: CallOptions = {}) => client.state(input, options),
    /** The original's name of `children`. */
    listChildren: (input: { path: string }, options: CallOptions = {}) => client.children(input, options),
  };
  return client;
}

const isWrapped = (body: EventInput | { event: EventInput }): body is { event: EventInput } =>
  "event" in body && !("type" in body);

/** Names an event to the server, which looks it up. */
function causeHeader({ streamPath, offset }: { streamPath: string; offset: number }, project: string | undefined): string {
  return `${streamPath}@${offset}${project === undefined ? "" : `; project=${encodeURIComponent(project)}`}`;
}
