// Every row of behaviour.ts on everything that runs processors.

import { defineProcessor, type Event, type EventsClient } from "millrace";
import { given } from "millrace/testing";
import { ROWS, type Row } from "./behaviour.ts";
import { equal, test, until } from "./harness.ts";
import type { Driver } from "./runtimes/driver.ts";
import { host } from "./runtimes/host.ts";
import { pull } from "./runtimes/pull.ts";
import { push } from "./runtimes/push.ts";
import { client } from "./server.ts";

const PATH = "/team/inbox";
const DRIVERS: Record<string, Driver> = { host, pull, push };

for (const row of ROWS) {
  for (const [name, driver] of Object.entries(DRIVERS)) test(`${name}: ${row.name}`, () => play(driver, row));
  test(`in memory: ${row.name}`, () => playInMemory(row));
}

async function play(driver: Driver, row: Row): Promise<void> {
  const events = client();
  const own = new Set<string>();
  const append = async (path: string, inputs: Row["live"] = []) => {
    if (inputs.length === 0) return;
    for (const event of (await events.appendBatch({ path, events: inputs })).events)
      own.add(`${event.streamPath}@${event.offset}`);
  };
  await events.append({ path: PATH, event: { type: "noted" } });
  await append(PATH, row.history);
  const running = await driver.start(events, PATH, row);
  try {
    for (const batch of row.together ? [row.live ?? []] : (row.live ?? []).map((event) => [event])) {
      await append(PATH, batch);
      if (!row.suspends) await settled(events, running.acted);
    }
    if (row.suspends) await until("the suspension", running.isSuspended);
    const { appends, failures } = await collect(events, own);
    equal(byPath(appends), byPath(row.appends), "appends");
    equal(failures, row.failures ?? [], "failures");
    if (row.state !== undefined) equal(await running.state(PATH), row.state, "state");
  } finally {
    await running.stop();
  }
}

/** Until everything that is there, and what comes of it, was acted on: looked at twice, for streams append to each other. */
async function settled(events: EventsClient, acted: (path: string) => Promise<number | undefined>): Promise<void> {
  let before: string | undefined;
  await until("the processor to act on everything", async () => {
    const tails: string[] = [];
    for await (const { path, tail } of events.list()) {
      tails.push(`${path}@${tail}`);
      const done = await acted(path);
      const runsThere = path === PATH || path.startsWith(`${PATH}/ada`);
      if (done === undefined ? runsThere : done < tail) return (before = undefined);
    }
    const now = tails.join();
    const isSettled = now === before;
    before = now;
    return isSettled;
  });
}

async function collect(events: EventsClient, own: Set<string>) {
  const appends: Row["appends"] = [];
  const failures: Row["failures"] = [];
  for await (const { path } of events.list()) {
    const all: Event[] = [];
    for await (const event of events.read({ path })) all.push(event);
    for (const event of all) {
      if (event.type === "processor/failed" || (event.type === "stream/error-occurred" && event.metadata?.phase)) {
        const offset = event.metadata?.offset ?? event.payload.cause?.offset;
        failures.push({ phase: event.metadata?.phase ?? event.payload.phase, at: all[offset - 1]!.type });
      }
      const isOurs = own.has(`${path}@${event.offset}`) || event.type === "noted";
      if (!isOurs && !/^(stream|processor)\//.test(event.type)) appends.push({ type: event.type, payload: event.payload, path });
    }
  }
  return { appends, failures };
}

function byPath(appends: Row["appends"]): Record<string, object[]> {
  const found: Record<string, object[]> = {};
  for (const { type, payload = {}, path = PATH } of appends) (found[path] ??= []).push({ type, payload });
  return found;
}

async function playInMemory(row: Row): Promise<void> {
  const { includeChildren = false, live = [], history = [] } = row;
  const processor = defineProcessor(row.processor);
  const scene = given(processor, [{ type: "noted" }, ...history], { path: PATH, slug: "row", includeChildren });
  const outcome = await scene.when(live).outcome();
  equal(
    byPath(outcome.appends.map(({ streamPath, ...event }) => ({ ...event, path: streamPath }))),
    byPath(row.appends),
    "appends",
  );
  equal(
    outcome.failures.map(({ phase }) => phase),
    (row.failures ?? []).map(({ phase }) => phase),
    "failures",
  );
  equal(outcome.suspended, row.suspends ?? false, "suspended");
  if (row.state !== undefined) equal(outcome.state, row.state, "state");
}
