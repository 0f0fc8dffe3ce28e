// The original's helpers for tests against a server.

import { createEventsClient, type StreamOptions } from "../client.ts";
import type { Event, EventInput } from "../event.ts";
import type { Processor } from "../processor.ts";
import { PullProcessorRuntime } from "../pull.ts";
import { createWorkshopLogger } from "./logger.ts";
import { getDefaultWorkshopPathPrefix, normalizePathPrefix } from "./prefix.ts";

const segment = (name: string) =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, "-")
    .replace(/^[-_]+|-+$/g, "") || "test";

export interface HarnessOptions {
  baseUrl?: string;
  projectSlug?: string;
  runRootPath?: string;
}

/** Streams for tests below one path, processors on them, and waits for events. */
export function createWorkshopTestHarness({ baseUrl, projectSlug, runRootPath }: HarnessOptions = {}) {
  const client = createEventsClient({ ...(baseUrl && { baseUrl }), ...(projectSlug && { project: projectSlug }) });
  const root = runRootPath ?? `${getDefaultWorkshopPathPrefix()}/run-${Date.now().toString(36)}`;
  const harness = {
    client,
    append: (path: string, event: EventInput) => client.append({ path, event }),
    stream: (options: StreamOptions) => client.stream(options),
    createTestStreamPath: (testName: string) => `${root}/${segment(testName)}`,
    createTestChildStreamPath: ({ childSlug, testName }: { childSlug: string; testName: string }) =>
      `${root}/${segment(testName)}/${segment(childSlug)}`,

    async collectEvents(path: string): Promise<Event[]> {
      const events: Event[] = [];
      for await (const event of client.read({ path })) events.push(event);
      return events;
    },

    async startProcessors({ processors, streamPath }: { processors: readonly Processor<any>[]; streamPath: string }) {
      const shared = { eventsClient: client, includeChildren: false, path: streamPath, logger: createWorkshopLogger("warn") };
      const runtimes = processors.map((processor) => new PullProcessorRuntime({ ...shared, processor }));
      const runPromise = Promise.all(runtimes.map((runtime) => runtime.run()));
      runPromise.catch(() => {});
      await Promise.all(runtimes.map((runtime) => runtime.ready));
      const stopAndWait = async () => void (await Promise.all(runtimes.map((runtime) => runtime.stop())));
      return { runPromise, stop: () => void stopAndWait(), stopAndWait };
    },

    /** The first event of the stream for which `predicate` holds, whenever it comes. */
    async waitForEvent(options: {
      predicate: (event: Event) => boolean;
      streamPath: string;
      timeoutMs?: number;
    }): Promise<Event> {
      const { predicate, streamPath, timeoutMs = 15_000 } = options;
      const signal = AbortSignal.timeout(timeoutMs);
      for await (const event of client.stream({ path: streamPath }, { signal })) if (predicate(event)) return event;
      throw new Error(`no such event on ${streamPath}`);
    },
  };
  return harness;
}

/** One processor on a stream of its own, until it is disposed of. */
export async function useProcessorTestHarness(options: { processor: Processor<any>; pathPrefix: string } & HarnessOptions) {
  const { processor, pathPrefix, ...rest } = options;
  const harness = createWorkshopTestHarness(rest);
  const streamPath = `${normalizePathPrefix(pathPrefix)}/${segment(processor.slug ?? "processor")}-${Date.now().toString(36)}`;
  const running = await harness.startProcessors({ processors: [processor], streamPath });
  return {
    streamPath,
    append: (event: EventInput) => harness.append(streamPath, event),
    waitForEvent: (predicate: (event: Event) => boolean, timeoutMs?: number) =>
      harness.waitForEvent({ predicate, streamPath, ...(timeoutMs !== undefined && { timeoutMs }) }),
    [DISPOSE]: running.stopAndWait,
  };
}

/** What `await using` calls; Node 20 has it under a name of its own. */
const DISPOSE: unique symbol = ((Symbol as { asyncDispose?: symbol }).asyncDispose ?? Symbol.for("nodejs.asyncDispose")) as never;
