// What was written for the original's SDK.

import {
  createWorkshopTestHarness,
  defineProcessor,
  GenericEventInputSchema,
  getDiscoveredStreamPath,
  isMainModule,
  matchesStreamPattern,
  normalizePathPrefix,
  os,
  PullSubscriptionPatternProcessorRuntime,
  PullSubscriptionProcessorRuntime,
  PushSubscriptionProcessorRuntime,
  runWorkshopMain,
  workshopPathPrefix,
} from "millrace";
import { equal, ok, test, until } from "./harness.ts";
import { client, SERVER, silent } from "./server.ts";

const PATTERNS: [string, string, boolean][] = [
  ["/a/b", "/a/*", true],
  ["/a", "/a/*", false],
  ["/a/b/c", "/a/*", false],
  ["/a/b/c", "/a/**", true],
  ["/a", "/a/**", true],
  ["/a/x/y/z", "/a/**/z", true],
  ["/a/z", "/a/**/z", true],
  ["/a", "/a/**/*", false],
  ["/b/x", "/a/**", false],
  ["/a/b", "a/b/", true],
];

test("original: patterns of paths", async () => {
  for (const [path, pattern, fits] of PATTERNS) equal(matchesStreamPattern(path, pattern), fits, `${path} and ${pattern}`);
  equal(getDiscoveredStreamPath({ type: "stream/child-created", payload: { childPath: "/a" } }), "/a");
});

test("original: prefixes, main modules and procedures", async () => {
  equal([normalizePathPrefix("a"), normalizePathPrefix("/a")], ["/a", "/a"]);
  ok(/^\/[a-z0-9_-]+$/.test(workshopPathPrefix()), workshopPathPrefix());
  equal(isMainModule(import.meta.url), false);
  runWorkshopMain(import.meta.url, () => {
    throw new Error("this module is not the program");
  });
  equal(await os.input({}).handler(async ({ input }) => input.pathPrefix)({ pathPrefix: "/x" }), "/x");
});

const atLeastOne = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value: unknown) => (Number(value) > 0 ? { value: Number(value) } : { issues: [{ message: "too few" }] }),
  },
} as const;

test("original: the schema of an event is extended by schemas of its members", async () => {
  const schema = GenericEventInputSchema.extend({ payload: atLeastOne });
  equal(schema.safeParse({ type: "a", payload: "3", more: 1, metadata: undefined }), {
    success: true,
    data: { type: "a", payload: 3, metadata: undefined },
  });
  equal(schema.safeParse({ type: "", payload: 0 }).error?.message, "type: must be a text that is not empty; payload: too few");
  equal(GenericEventInputSchema.parse({ type: "a" }), { type: "a" });
  equal(GenericEventInputSchema.safeParse([]).success, false);
});

const hello = () =>
  defineProcessor<{ seen: number }>(() => ({
    slug: "hello-world",
    initialState: { seen: 0 },
    reduce: ({ event, state }) => (event.type === "hello-world" ? { seen: state.seen + 1 } : state),
    afterAppend: async ({ append, event, state }) => {
      if (event.type !== "hello-world" || state.seen !== 1) return;
      await append({ event: { type: "hello-world-seen", payload: { sourceOffset: event.offset } } });
    },
  }));

test("original: the older runtimes", async () => {
  const eventsClient = client();
  const seen = async (path: string) => {
    const found: number[] = [];
    for await (const { payload } of eventsClient.read({ path, types: "hello-world-seen" })) found.push(payload.sourceOffset);
    return found;
  };
  const single = new PullSubscriptionProcessorRuntime({ eventsClient, processor: hello(), streamPath: "/one", logger: silent });
  const pattern = new PullSubscriptionPatternProcessorRuntime({
    eventsClient,
    processor: hello(),
    streamPattern: "/many/**/*",
    logger: silent,
  });
  const running = Promise.all([single.run(), pattern.run()]);
  await Promise.all([single.ready, pattern.ready]);
  for (const path of ["/one", "/many", "/many/a/b"]) await eventsClient.append({ path, event: { type: "hello-world" } });
  await until("the answers", async () => (await seen("/one")).length + (await seen("/many/a/b")).length === 2);
  equal(
    [await seen("/many"), pattern.getStreamPaths()],
    [[], ["/many/a", "/many/a/b"].filter((path) => pattern.getStreamPaths().includes(path))],
  );
  await Promise.all([single.stop(), pattern.stop()]);
  await running;
  const push = new PushSubscriptionProcessorRuntime({ eventsClient, processor: hello(), streamPath: "/pushed", logger: silent });
  await push.consume((await eventsClient.append({ path: "/pushed", event: { type: "hello-world" } })).event);
  equal(await seen("/pushed"), [2]);
});

test("original: the test harness", async () => {
  const harness = createWorkshopTestHarness({ baseUrl: SERVER, projectSlug: `sdk-${crypto.randomUUID()}`, runRootPath: "/run" });
  const streamPath = harness.createTestStreamPath("Says hello: once");
  equal(streamPath, "/run/says-hello-once");
  const { stopAndWait } = await harness.startProcessors({ processors: [hello()], streamPath });
  await harness.append(streamPath, { type: "hello-world" });
  const event = await harness.waitForEvent({ streamPath, predicate: ({ type }) => type === "hello-world-seen" });
  equal(event.payload["sourceOffset"], 2);
  ok((await harness.collectEvents(streamPath)).length >= 3, "all events");
  await stopAndWait();
});
