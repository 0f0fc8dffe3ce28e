// millrace/testing: that it tells what is otherwise, and that memory and isolate agree.

import { defineProcessor, type Processor } from "millrace";
import { ExpectationError, given, inIsolate, testing } from "millrace/testing";
import { equal, ok, rejects, test } from "./harness.ts";
import { SERVER } from "./server.ts";

const counter = defineProcessor({
  slug: "counter",
  initialState: { pings: 0 },
  reduce: ({ event, state }) => ({ pings: state.pings + (event.type === "ping" ? 1 : 0) }),
  afterAppend: async ({ event, append, state }) => {
    if (event.type === "boom") throw new Error("as it was told to");
    if (event.type === "ping") await append({ type: "pong", payload: { pings: state.pings } });
  },
});
const PING = { type: "ping" };

test("testing: what is as expected passes", async () => {
  await given(counter, [PING])
    .when(PING)
    .then({ appends: [{ type: "pong", payload: { pings: 2 } }], state: { pings: 2 } });
  await given(counter)
    .when(PING)
    .when([PING, PING])
    .then([{ type: "pong" }, { type: "pong" }, { payload: { pings: 3 } }]);
  await given(counter)
    .when({ type: "boom" })
    .then({ appends: [], failures: ["told to"] });
  await testing(counter)
    .given([PING])
    .when()
    .then({ appends: [], state: { pings: 1 } });
  const outcome = await given(counter)
    .when(PING)
    .then(({ appends }) => equal(appends.length, 1));
  equal(outcome.appends[0]?.source?.cause, { streamPath: "/test", offset: 2 });
});

test("testing: what is otherwise is told", async () => {
  const wrong: [string, () => Promise<unknown>][] = [
    ["appends", () => given(counter).when(PING).then([])],
    [
      "appends",
      () =>
        given(counter)
          .when(PING)
          .then([{ type: "pong", payload: { pings: 2 } }]),
    ],
    [
      "state",
      () =>
        given(counter)
          .when(PING)
          .then({ state: { pings: 1, more: 1 } }),
    ],
    ["state", () => given(counter).when(PING).then({ state: {} })],
    ["failures", () => given(counter).when({ type: "boom" }).then({ appends: [] })],
    [
      "failures",
      () =>
        given(counter)
          .when(PING)
          .then({ failures: ["none such"] }),
    ],
  ];
  for (const [what, run] of wrong) {
    const error = await rejects(run());
    ok(error instanceof ExpectationError && error.message.startsWith(what), `${what}: ${error}`);
  }
  ok(
    (
      await rejects(
        given(defineProcessor({ afterAppend: ({ append }) => append({ type: "more" }) }))
          .when(PING)
          .outcome(),
      )
    ).message.includes("answer itself"),
    "no end",
  );
});

const DICE = `{
  slug: "dice",
  initialState: { rolls: [], at: "" },
  reduce: ({ event, state }) => (event.type === "roll" ? { rolls: [...state.rolls, Math.random(), Math.random()], at: new Date().toISOString() } : undefined),
  afterAppend: async ({ event, append, state }) => {
    if (event.type === "roll") await append({ type: "rolled", payload: { rolls: state.rolls } });
  },
}`;

test("testing: an isolate gives what memory gives, to the last digit", async () => {
  const roll = { type: "roll" };
  const project = `sdk-${crypto.randomUUID()}`;
  const isolated = await inIsolate({ script: `export default ${DICE};`, slug: "dice", project, baseUrl: SERVER })
    .given([{ type: "noted" }, roll])
    .when(roll)
    .outcome();
  const acted = isolated.appends[0]?.source?.cause?.offset;
  ok(acted !== undefined && isolated.failures.length === 0, JSON.stringify(isolated));
  // Randomness comes from project, path, slug and offset; in front of the event the isolate's stream has its deployment.
  const dice: Processor = new Function(`return ${DICE}`)();
  const padding = Array.from({ length: acted - 4 }, () => ({ type: "noted" }));
  const remembered = await given(dice, [{ type: "noted" }, roll, ...padding], { project, slug: "dice" })
    .when(roll)
    .outcome();
  equal(remembered.appends[0]!.payload, isolated.appends[0]!.payload);
});

test("testing: an isolate's mistakes are told", async () => {
  const broken = inIsolate({ files: { "p.ts": "export default { afterAppend( };" }, baseUrl: SERVER })
    .given([])
    .when(PING)
    .outcome();
  ok((await rejects(broken)).message.includes("p.ts:1:"), "where it does not compile");
  const failing = await inIsolate({
    script: "export default { afterAppend({ event }) { if (event.type === 'ping') throw new Error('no'); } };",
    baseUrl: SERVER,
  })
    .given([])
    .when(PING)
    .then({ appends: [], failures: [{ phase: "afterAppend", message: "no" }] });
  equal(failing.failures.length, 1);
});
