// Deploying: an event with the code in it, and what becomes of that.

import type { Door } from "./door.ts";
import type { Event, JsonObject } from "./event.ts";
import { follow } from "./follow.ts";
import { inUrl } from "./path.ts";
import { sleep } from "./pause.ts";
import { MillraceError } from "./problem.ts";

/** A processor's source, for the bundler, or what is ready to run. */
export interface Deployment {
  path: string;
  slug: string;
  /** For the bundler: texts by path. */
  files?: Record<string, string>;
  entry?: string;
  packageJson?: JsonObject;
  typecheck?: "off" | "report" | "require";
  lock?: JsonObject;
  /** One JavaScript module that needs no bundler. */
  script?: string;
  /** Several, by name. */
  modules?: Record<string, string>;
  sourceMap?: JsonObject;
  includeChildren?: boolean;
  redeliverFailed?: boolean;
  limits?: JsonObject;
  egress?: { allow: string[] };
}

/** The message, the place and the code frame of a mistake. */
export interface Diagnostic {
  severity: "error" | "warning";
  code: string;
  message: string;
  file: string;
  line: number;
  column: number;
  endLine?: number;
  endColumn?: number;
  snippet: string;
  hint?: string;
}

export type Deployed = {
  slug: string;
  /** The event that was appended. */
  offset: number;
} & (
  | { status: "activated"; version: string; configuredOffset: number; event: Event }
  /** The same code runs already. */
  | { status: "unchanged"; version: string }
  | { status: "compile-failed"; stage: string; diagnostics: Diagnostic[]; event: Event }
  /** It did not load; what ran before goes on. */
  | { status: "failed"; error: JsonObject; event: Event }
  /** Somebody has configured the slug again, or removed it. */
  | { status: "superseded" }
);

export interface DeployOptions {
  signal?: AbortSignal;
  /** After so long without an outcome the promise rejects; the deployment itself goes on. */
  timeoutMs?: number;
}

/** A row of `GET /api/processors/{path}`, as far as it is looked at here. */
interface Row {
  slug: string;
  status: string;
  version?: string;
  configuredOffset?: number;
  source?: { offset: number; status: string };
}

const TYPES = ["processor/configured", "processor/activated", "processor/failed", "processor/compile-failed"];
/** Code that runs already is told by no event: so often it is asked for. */
const ASK_EVERY_MS = 300;

export async function deploy(door: Door, { path, ...payload }: Deployment, options: DeployOptions = {}): Promise<Deployed> {
  const { timeoutMs = 120_000 } = options;
  const { slug } = payload;
  const type = payload.files ? "processor/source-configured" : "processor/configured";
  const { event } = await door.json<{ event: Event }>(`/streams/${inUrl(path)}`, {
    method: "POST",
    body: { type, payload },
    signal: options.signal,
  });
  if (event.type !== type) {
    throw new MillraceError(
      400,
      "invalid-configuration",
      `the server takes this for no valid configuration: ${event.payload.error}`,
    );
  }
  const { offset } = event;
  const over = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, over.signal]) : over.signal;
  const late = setTimeout(() => {
    const what = `processor \`${slug}\` was configured at offset ${offset} of ${path}`;
    over.abort(new MillraceError(0, "deploy-timeout", `${what}, but it was neither active nor failed within ${timeoutMs} ms`));
  }, timeoutMs);
  try {
    const outcome = await Promise.race([told(door, path, slug, offset, signal), shown(door, path, slug, offset, signal)]);
    return { slug, offset, ...outcome } as Deployed;
  } finally {
    clearTimeout(late);
    over.abort(new DOMException("the outcome is known", "AbortError"));
  }
}

type Outcome = Omit<Deployed, "slug" | "offset"> & JsonObject;

/** What an event says of it. */
async function told(door: Door, path: string, slug: string, offset: number, signal: AbortSignal): Promise<Outcome> {
  for await (const event of follow(door, { path, afterOffset: offset, live: true, types: TYPES, signal })) {
    const { payload } = event;
    if (payload.slug !== slug) continue;
    if (event.type === "processor/compile-failed" && payload.sourceOffset === offset) {
      return { status: "compile-failed", stage: payload.stage, diagnostics: payload.diagnostics, event };
    }
    if (event.type === "processor/activated" && payload.configuredOffset >= offset) {
      return { status: "activated", version: payload.version, configuredOffset: payload.configuredOffset, event };
    }
    const since = payload.cause?.offset ?? offset;
    if (event.type === "processor/failed" && payload.phase === "load" && since >= offset) {
      return { status: "failed", error: payload.error, event };
    }
  }
  throw new MillraceError(0, "connection-ended", `the stream ${path} has ended`);
}

/** What no event says: the code runs already, or something newer has taken its place. */
async function shown(door: Door, path: string, slug: string, offset: number, signal: AbortSignal): Promise<Outcome> {
  for (;;) {
    await sleep(ASK_EVERY_MS, signal);
    const rows = await door.json<Row[]>(`/processors/${inUrl(path)}`, { signal, patienceMs: 10_000 });
    const row = rows.find((row) => row.slug === slug);
    const newest = row?.source?.offset ?? row?.configuredOffset;
    if (!row || (newest !== undefined && newest > offset && row.source !== undefined)) return { status: "superseded" };
    const isAnswered = row.source === undefined || row.source.status === "built";
    const isOlder = row.configuredOffset !== undefined && row.configuredOffset < offset;
    if (row.status === "active" && isAnswered && isOlder) return { status: "unchanged", version: row.version ?? "" };
  }
}
