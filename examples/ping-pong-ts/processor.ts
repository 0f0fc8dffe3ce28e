// ping-pong-ts: the same in TypeScript. The state's type follows from `initialState`, and the types are checked.
//
//   millrace deploy examples/ping-pong-ts --stream /examples/ping-pong-ts --wait
//   millrace append /examples/ping-pong-ts - < examples/ping-pong-ts/input.jsonl
//   millrace tail /examples/ping-pong-ts
//
// Append `ping` events. Expect one `pong` for each, with the number of pings so far. Pings from before it was deployed
// are history: counted, and not answered.

import { defineProcessor } from "millrace";

export default defineProcessor({
  initialState: { pings: 0 },

  reduce({ event, state }) {
    if (event.type === "ping") return { pings: state.pings + 1 };
  },

  async afterAppend({ event, state, append }) {
    if (event.type !== "ping") return;
    await append({ type: "pong", payload: { to: event.offset, number: state.pings } });
  },
});
