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
  /** Left out: every run has a project of its own, and so its streams for itself. */
  project?: string;
  timeoutMs?: number;
}

/** Takes the code as `deploy` does: `files` (with `packageJson`), or one module as `script`. */
export function inIsolate(options: IsolateOptions): { given(events: GivenEvent | readonly GivenEvent[]): Scenario<any> } {
  return { given: (events) => new Scenario(isolateStage(options), events) };
}

function isolateStage(options: IsolateOptions): Stage<any> {
  return async (history, happening) => {
    const { baseUrl: given, bin = fromEnvironment("MILLRACE_BIN"), project = `test-${crypto.randomUUID()}` } = options;
    const own = given === undefined ? await startServer(bin) : undefined;
    try {
      const baseUrl = given ?? own!.baseUrl;
      return await play(createEventsClient({ baseUrl, project }), options, history, happening);
    } finally {
      await own?.stop();
    }
  };
}

async function play(
  client: EventsClient,
  options: IsolateOptions,
  history: GivenEvent[],
  happening: GivenEvent[],
): Promise<Outcome> {
  const { slug = "processor", path = "/test", baseUrl: _, bin: __, project: ___, timeoutMs = 60_000, ...code } = options;
  const signal = AbortSignal.timeout(timeoutMs);
  for (const event of history) await append(client, path, event);
  const deployed = await client.deploy({ path, slug, ...code }, { signal, timeoutMs });
  if (deployed.status === "compile-failed") {
    throw new Error(
      deployed.diagnostics
        .map(({ file, line, column, message, snippet }) => `${file}:${line}:${column}: ${message}\n${snippet}`)
        .join("\n"),
    );
  }
  if (deployed.status !== "activated")
    throw new Error(`the processor is ${deployed.status}: ${"error" in deployed ? deployed.error.message : ""}`);
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
  // What a stream's instance appends to another may come behind the look at that one: so it is looked at twice.
  for (let before: string | undefined; ;) {
    const tails: string[] = [];
    let lags = false;
    for await (const { path, tail } of client.list({ signal })) {
      tails.push(`${path}@${tail}`);
      const row = (await client.processors({ path }, { signal })).find((row) => row.slug === slug);
      lags ||= row !== undefined && row.status !== "suspended" && (row.lag > 0 || row.acted < tail);
    }
    const now = lags ? undefined : tails.join();
    if (now !== undefined && now === before) return;
    before = now;
    await sleep(lags ? 10 : 0, signal);
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
