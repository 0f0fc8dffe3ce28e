// A processor in a real isolate: a server that is given, or one of its own from the program that `MILLRACE_BIN` names.

import { createEventsClient, type EventsClient } from "../client.ts";
import type { Deployment } from "../deploy.ts";
import { fromEnvironment } from "../environment.ts";
import type { Event } from "../event.ts";
import { sleep } from "../pause.ts";
import type { GivenEvent } from "./memory.ts";
import type { Outcome } from "./outcome.ts";
import { Scenario, type Stage } from "./scenario.ts";
import { startServer } from "./server.ts";

export interface IsolateOptions extends Omit<Deployment, "path" | "slug"> {
  slug?: string;
  path?: string;
  /** A server that runs. Left out: one is started, from `bin` or what `MILLRACE_BIN` names, on a folder of its own. */
  baseUrl?: string;
  bin?: string;
  timeoutMs?: number;
}

/** Takes the code as `deploy` does: `files` (with `packageJson`), or one module as `script`. */
export function inIsolate(options: IsolateOptions): { given(events: GivenEvent | readonly GivenEvent[]): Scenario<any> } {
  return { given: (events) => new Scenario(isolateStage(options), events) };
}

function isolateStage(options: IsolateOptions): Stage<any> {
  return async (history, happening) => {
    const { baseUrl: given, bin = fromEnvironment("MILLRACE_BIN") } = options;
    const own = given === undefined ? await startServer(bin) : undefined;
    try {
      const baseUrl = given ?? own!.baseUrl;
      // Every run has its streams for itself.
      const client = createEventsClient({ baseUrl, project: `test-${crypto.randomUUID()}` });
      return await play(client, options, history, happening);
    } finally {
      await own?.stop();
    }
  };
}

async function play(client: EventsClient, options: IsolateOptions, history: GivenEvent[], happening: GivenEvent[]): Promise<Outcome> {
  const { slug = "processor", path = "/test", baseUrl: _, bin: __, timeoutMs = 60_000, ...code } = options;
  const signal = AbortSignal.timeout(timeoutMs);
  for (const event of history) await append(client, path, event);
  const deployed = await client.deploy({ path, slug, ...code }, { signal, timeoutMs });
  if (deployed.status === "compile-failed") {
    throw new Error(deployed.diagnostics.map(({ file, line, column, message, snippet }) => `${file}:${line}:${column}: ${message}\n${snippet}`).join("\n"));
  }
  if (deployed.status !== "activated") throw new Error(`the processor is ${deployed.status}: ${"error" in deployed ? deployed.error.message : ""}`);
  for (const event of happening) {
    await append(client, path, event);
    await acted(client, slug, signal);
  }
  return collect(client, path, slug, deployed.offset, signal);
}

async function append(client: EventsClient, path: string, { streamPath, createdAt: _, ...event }: GivenEvent): Promise<Event> {
  return (await client.append({ path: streamPath ?? path, event })).event;
}

/** Waits until the processor is done with everything that has come to it, and with what came of that. */
async function acted(client: EventsClient, slug: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    const paths: string[] = [];
    for await (const { path } of client.list({ signal })) paths.push(path);
    const rows = (await Promise.all(paths.map((path) => client.processors({ path }, { signal })))).flat();
    if (!rows.some((row) => row.slug === slug && row.status !== "suspended" && row.lag > 0)) return;
    await sleep(10, signal);
  }
}

async function collect(client: EventsClient, path: string, slug: string, since: number, signal: AbortSignal): Promise<Outcome> {
  const outcome: Outcome = { appends: [], failures: [], suspended: false, state: undefined, states: {} };
  const found: Event[] = [];
  for await (const { path } of client.list({ signal })) {
    for await (const event of client.read({ path }, { signal })) if (event.source?.slug === slug) found.push(event);
    const state = (await client.state({ path }, { signal })).processors[slug];
    if (state !== undefined) outcome.states[path] = state;
  }
  for (const event of found.sort((a, b) => (a.createdAt < b.createdAt ? -1 : a.createdAt > b.createdAt ? 1 : 0))) {
    const { type, payload, source } = event;
    if (source?.kind === "processor") outcome.appends.push(event);
    if (type === "processor/suspended") outcome.suspended = true;
    if (type !== "processor/failed") continue;
    const offset = payload.cause?.offset;
    const told = offset !== undefined && offset !== since ? { offset } : {};
    outcome.failures.push({ phase: payload.phase, ...told, message: payload.error.message });
  }
  outcome.state = outcome.states[path];
  return outcome;
}
