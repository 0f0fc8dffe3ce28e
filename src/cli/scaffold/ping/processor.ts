// NAME: counts the `ping` events of its stream and answers each with a `pong`.

import { defineProcessor } from "millrace";

export default defineProcessor({
  initialState: { pings: 0 },

  // Pure: state and event to the next state. It also runs over what came before the processor was deployed.
  reduce({ event, state }) {
    if (event.type === "ping") return { pings: state.pings + 1 };
  },

  // Acts, once the event is on the disk. `state` includes the event.
  async afterAppend({ event, state, append }) {
    if (event.type !== "ping") return;
    await append({ type: "pong", payload: { number: state.pings, text: event.payload.text ?? "" } });
  },
});
