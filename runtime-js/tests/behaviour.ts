// What a processor does, as rows of data: they hold on the host, on the pull runtime, on the push runtime and in memory.
// A processor is a factory that needs nothing around it, so that its text can be deployed.

import type { EventInput, EventSchemas, Processor } from "millrace";

export interface Row {
  name: string;
  processor: () => Processor;
  /** What is there before the processor; the stream's creation is there in any case. */
  history?: EventInput[];
  /** What is appended while it runs, each when the one before was acted on. */
  live?: EventInput[];
  /** All at once instead. */
  together?: boolean;
  includeChildren?: boolean;
  /** What it appends, in order, on whichever stream. */
  appends: { type: string; payload?: object; path?: string }[];
  state?: unknown;
  failures?: { phase: string; at?: string }[];
  suspends?: boolean;
}

const ping = (n?: number): EventInput => ({ type: "ping", ...(n !== undefined && { payload: { n } }) });

const quantity: EventSchemas = {
  "order-placed": {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: (value: any) =>
        Number.isInteger(value.quantity)
          ? { value: { quantity: value.quantity, unit: "kg" } }
          : { issues: [{ message: "must be whole", path: ["quantity"] }] },
    },
  },
};

export const ROWS: Row[] = [
  {
    name: "history is reduced and not acted on, and onCaughtUp runs once behind it",
    processor: () => ({
      initialState: { pings: 0 },
      reduce: ({ event, state }: any) => (event.type === "ping" ? { pings: state.pings + 1 } : undefined),
      afterAppend: async ({ event, append, state }: any) => {
        if (event.type === "ping") await append({ type: "pong", payload: { pings: state.pings } });
      },
      onCaughtUp: async ({ append, state }: any) => void (await append({ type: "ready", payload: state })),
    }),
    history: [ping(), ping()],
    live: [ping()],
    appends: [
      { type: "ready", payload: { pings: 2 } },
      { type: "pong", payload: { pings: 3 } },
    ],
    state: { pings: 3 },
  },
  {
    name: "a hook has the state behind its event and the one before",
    processor: () => ({
      initialState: { n: 1 },
      reduce: ({ event, state }: any) => (event.type === "ping" ? { n: state.n + event.payload.n } : state),
      afterAppend: ({ event, append, state, prevState }: any) =>
        event.type === "ping" ? append({ type: "pong", payload: { before: prevState.n, after: state.n } }) : undefined,
    }),
    live: [ping(4), ping(5)],
    appends: [
      { type: "pong", payload: { before: 1, after: 5 } },
      { type: "pong", payload: { before: 5, after: 10 } },
    ],
    state: { n: 10 },
  },
  {
    name: "what a hook does to its state is nobody else's",
    processor: () => ({
      initialState: { list: [] as number[] },
      reduce: ({ event, state }: any) => {
        if (event.type === "ping") state.list.push(event.payload.n);
      },
      afterAppend: async ({ event, state, append }: any) => {
        if (event.type !== "ping") return;
        await append({ type: "pong", payload: { list: state.list } });
        state.list.length = 0;
        event.payload.n = 99;
      },
    }),
    live: [ping(1), ping(2)],
    appends: [
      { type: "pong", payload: { list: [1] } },
      { type: "pong", payload: { list: [1, 2] } },
    ],
    state: { list: [1, 2] },
  },
  {
    name: "it sees its own appends",
    processor: () => ({
      afterAppend: async ({ event, append }: any) => {
        if (event.type === "count" && event.payload.n > 0) await append({ type: "count", payload: { n: event.payload.n - 1 } });
      },
    }),
    live: [{ type: "count", payload: { n: 2 } }],
    appends: [
      { type: "count", payload: { n: 1 } },
      { type: "count", payload: { n: 0 } },
    ],
  },
  {
    name: "afterAppend that throws is recorded, and the next event goes on",
    processor: () => ({
      initialState: { seen: 0, errors: 0 },
      reduce: ({ event, state }: any) => {
        const own = event.type === "processor/failed" || event.type === "stream/error-occurred";
        return { seen: state.seen + (event.type === "ping" ? 1 : 0), errors: state.errors + (own ? 1 : 0) };
      },
      afterAppend: async ({ event, append }: any) => {
        if (event.type === "ping" && event.payload.n === 1) throw new Error("one is too few");
        if (event.type === "ping") await append({ type: "pong" });
      },
    }),
    live: [ping(1), ping(2)],
    appends: [{ type: "pong" }],
    // The news of its own failure is not for it.
    state: { seen: 2, errors: 0 },
    failures: [{ phase: "afterAppend", at: "ping" }],
  },
  {
    name: "reduce that throws leaves the state, and its event is not acted on",
    processor: () => ({
      initialState: { sum: 0 },
      reduce: ({ event, state }: any) => {
        if (event.type !== "ping") return;
        state.sum += event.payload.n;
        if (event.payload.n === 2) throw new Error("two is odd");
      },
      afterAppend: ({ event, append, state }: any) =>
        event.type === "ping" ? append({ type: "pong", payload: state }) : undefined,
    }),
    live: [ping(1), ping(2), ping(3)],
    appends: [
      { type: "pong", payload: { sum: 1 } },
      { type: "pong", payload: { sum: 4 } },
    ],
    state: { sum: 4 },
    failures: [{ phase: "reduce", at: "ping" }],
  },
  {
    name: "reduce only computes",
    processor: () => {
      const shared: { append?: any } = {};
      return {
        initialState: { done: [] as string[] },
        reduce: ({ event, state }: any) => {
          if (event.type === "fetch") fetch("http://127.0.0.1:9/");
          if (event.type === "timer") setTimeout(() => {}, 0);
          if (event.type === "promise") return Promise.resolve(state) as any;
          if (event.type === "fine") return { done: [...state.done, event.type] };
        },
        afterAppend: ({ append }: any) => void (shared.append = append),
      };
    },
    live: [{ type: "fetch" }, { type: "timer" }, { type: "promise" }, { type: "fine" }],
    appends: [],
    state: { done: ["fine"] },
    failures: [
      { phase: "reduce", at: "fetch" },
      { phase: "reduce", at: "timer" },
      { phase: "reduce", at: "promise" },
    ],
  },
  {
    name: "in reduce the clock is the event's",
    processor: () => ({
      initialState: { same: 0, fixed: true },
      reduce: ({ event, state }: any) => {
        if (event.type !== "ping" && event.type !== "pong") return;
        return {
          same: state.same + (new Date().toISOString() === event.createdAt && Date.now() === Date.parse(event.createdAt) ? 1 : 0),
          fixed: state.fixed && new Date() instanceof Date && new Date(0).getTime() === 0,
        };
      },
      afterAppend: ({ event, append }: any) =>
        event.type === "ping"
          ? append({ type: "pong", payload: { later: Date.now() >= Date.parse(event.createdAt) } })
          : undefined,
    }),
    live: [ping()],
    appends: [{ type: "pong", payload: { later: true } }],
    state: { same: 2, fixed: true },
  },
  {
    name: "too many failures in a row suspend it",
    processor: () => ({
      initialState: { pings: 0 },
      reduce: ({ event, state }: any) => ({ pings: state.pings + (event.type === "ping" ? 1 : 0) }),
      afterAppend: ({ event }: any) => {
        if (event.type === "ping") throw new Error("never");
      },
    }),
    live: Array.from({ length: 12 }, () => ping()),
    together: true,
    appends: [],
    failures: Array.from({ length: 10 }, () => ({ phase: "afterAppend", at: "ping" })),
    suspends: true,
  },
  {
    name: "paths are those of a file system",
    processor: () => ({
      afterAppend: async ({ event, append, stream }: any) => {
        if (event.type !== "ping") return;
        await append({ event: { type: "to-child" }, path: "./child" });
        await append({ event: { type: "to-sibling" }, path: "../sibling" });
        await append({ event: { type: "to-self" }, path: "." });
        await append({ event: { type: "absolute", payload: { from: stream.path } }, path: "/elsewhere" });
      },
    }),
    live: [ping()],
    appends: [
      { type: "to-child", path: "/team/inbox/child" },
      { type: "to-sibling", path: "/team/sibling" },
      { type: "to-self", path: "/team/inbox" },
      { type: "absolute", path: "/elsewhere", payload: { from: "/team/inbox" } },
    ],
  },
  {
    name: "a wrong append is the hook's failure",
    processor: () => ({
      afterAppend: async ({ event, append }: any) => {
        if (event.type === "above") await append({ event: { type: "x" }, path: "../../../up" });
        if (event.type === "nothing") await append(7);
        if (event.type === "untyped") await append({ event: { payload: {} } });
      },
    }),
    live: [{ type: "above" }, { type: "nothing" }, { type: "untyped" }],
    appends: [],
    failures: ["above", "nothing", "untyped"].map((at) => ({ phase: "afterAppend", at })),
  },
  {
    name: "an author's idempotency key holds",
    processor: () => ({
      afterAppend: async ({ event, append }: any) => {
        if (event.type === "ping") await append({ type: "welcomed", idempotencyKey: "welcome" });
      },
    }),
    live: [ping(), ping()],
    appends: [{ type: "welcomed" }],
  },
  {
    name: "an append that nobody waited for belongs to its event",
    processor: () => ({
      afterAppend: ({ event, append }: any) => {
        if (event.type === "ping") for (const n of [1, 2, 3]) append({ type: "pong", payload: { n } });
      },
    }),
    live: [ping()],
    appends: [1, 2, 3].map((n) => ({ type: "pong", payload: { n } })),
  },
  {
    name: "onEvent is the older name of afterAppend",
    processor: () => ({
      onEvent: ({ event, append }: any) => (event.type === "ping" ? append({ event: { type: "pong" } }) : undefined),
    }),
    live: [ping()],
    appends: [{ type: "pong" }],
  },
  {
    name: "read gives what is on a stream",
    processor: () => ({
      afterAppend: async ({ event, append, read }: any) => {
        if (event.type !== "ping") return;
        const seen: number[] = [];
        for await (const { payload } of read({ types: ["note"], beforeOffset: event.offset })) seen.push(payload.n);
        let nowhere = 0;
        for await (const _ of read({ path: "/nowhere" })) nowhere += 1;
        await append({ type: "pong", payload: { seen, nowhere } });
      },
    }),
    history: [{ type: "note", payload: { n: 1 } }, { type: "other" }, { type: "note", payload: { n: 2 } }],
    live: [ping(), { type: "note", payload: { n: 3 } }],
    appends: [{ type: "pong", payload: { seen: [1, 2], nowhere: 0 } }],
  },
  {
    name: "with concurrency: parallel a later event interrupts an earlier one",
    processor: () => {
      let release: (() => void) | undefined;
      return {
        concurrency: "parallel",
        afterAppend: async ({ event, append }: any) => {
          if (event.type === "wait") {
            await new Promise<void>((resolve) => void (release = resolve));
            await append({ type: "waited", payload: { n: event.payload.n } });
          }
          if (event.type === "go") release?.();
        },
      };
    },
    live: [{ type: "wait", payload: { n: 1 } }, { type: "go" }],
    together: true,
    appends: [{ type: "waited", payload: { n: 1 } }],
  },
  {
    name: "events names what the hooks see, each as its schema leaves it",
    processor: () => ({
      initialState: { sum: 0, units: [] as string[] },
      ...{ events: { ...(globalThis as any).QUANTITY, other: true } },
      reduce: ({ event, state }: any) => {
        if (event.type === "order-placed")
          return { sum: state.sum + event.payload.quantity, units: [...state.units, event.payload.unit] };
        if (event.type === "unseen") throw new Error("it was not to be seen");
      },
      afterAppend: async ({ event, append, state }: any) => {
        if (event.type === "other") await append({ type: "told", payload: { sum: state.sum, any: event.payload.any } });
      },
    }),
    live: [
      { type: "order-placed", payload: { quantity: 2, more: 1 } },
      { type: "order-placed", payload: { quantity: 1.5 } },
      { type: "unseen" },
      { type: "other", payload: { any: "thing" } },
    ],
    appends: [{ type: "told", payload: { sum: 2, any: "thing" } }],
    state: { sum: 2, units: ["kg"] },
  },
  {
    name: "includeChildren: every stream below has an instance with a state of its own",
    processor: () => ({
      initialState: { pings: 0 },
      reduce: ({ event, state }: any) => ({ pings: state.pings + (event.type === "ping" ? 1 : 0) }),
      afterAppend: async ({ event, append, state, stream }: any) => {
        if (event.type === "hire") await append({ event: ping(), path: `./${event.payload.name}` });
        if (event.type === "ping") await append({ type: "pong", payload: { on: stream.path, ...state } });
        function ping() {
          return { type: "ping" };
        }
      },
    }),
    includeChildren: true,
    history: [ping()],
    live: [ping(), { type: "hire", payload: { name: "ada" } }, { type: "hire", payload: { name: "ada" } }],
    appends: [
      { type: "pong", payload: { on: "/team/inbox", pings: 2 } },
      { type: "ping", path: "/team/inbox/ada" },
      { type: "pong", path: "/team/inbox/ada", payload: { on: "/team/inbox/ada", pings: 1 } },
      { type: "ping", path: "/team/inbox/ada" },
      { type: "pong", path: "/team/inbox/ada", payload: { on: "/team/inbox/ada", pings: 2 } },
    ],
    state: { pings: 2 },
  },
];

(globalThis as any).QUANTITY = quantity;
/** The text of what a row's processor finds around it, for those that run elsewhere. */
export const AROUND = `globalThis.QUANTITY = { "order-placed": { "~standard": { version: 1, vendor: "test", validate: ${quantity["order-placed"] === true ? "" : quantity["order-placed"]!["~standard"].validate} } } };`;
