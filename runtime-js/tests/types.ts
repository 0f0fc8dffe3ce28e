// What the types promise; compiled, and never run. A line that should not compile says so.

import { defineProcessor, type Event, type Processor, type StandardSchema } from "millrace";

declare const order: StandardSchema<unknown, { item: string; quantity: number }>;

export const inferred = defineProcessor({
  initialState: { items: [] as string[], last: null as null | string },
  events: { "order-placed": order, "shop-closed": true },
  reduce({ event, state }) {
    if (event.type === "order-placed") {
      const quantity: number = event.payload.quantity;
      // @ts-expect-error: the schema has no such member
      event.payload.colour;
      return { ...state, items: [...state.items, event.payload.item.repeat(quantity)] };
    }
    const closed: "shop-closed" = event.type;
    const anything: string = event.payload["reason"];
    return { ...state, last: closed + anything };
  },
  async afterAppend({ event, state, append }) {
    // @ts-expect-error: it is not among `events`
    if (event.type === "order-cancelled") return;
    const stored: Event = await append({ type: "counted", payload: { count: state.items.length } });
    // @ts-expect-error: the state has no such member
    state.count;
    return stored;
  },
});

export const open = defineProcessor({
  initialState: { pings: 0, seen: [], by: {} },
  reduce({ event, state }) {
    const list: any[] = state.seen;
    if (event.type === "ping") return { ...state, pings: state.pings + 1, seen: [...list, event.payload["n"]] };
    return undefined;
  },
});

export const explicit: Processor<{ n: number }> = defineProcessor<{ n: number }>(() => ({
  slug: "explicit",
  initialState: { n: 0 },
  reduce: ({ state }) => ({ n: state.n + 1 }),
  // @ts-expect-error: no such member
  afterAppend: ({ state }) => state.m,
}));

export const stateless = defineProcessor({
  async afterAppend({ event, append }) {
    if (event.type === "ping") await append({ event: { type: "pong" }, path: "./child" });
  },
});

// @ts-expect-error: the state is not what the initial one is
defineProcessor({ initialState: { n: 0 }, reduce: () => ({ n: "one" }) });
