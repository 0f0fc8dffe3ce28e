import { defineProcessor } from "millrace";

export default defineProcessor({
  initialState: { pings: 0 },
  reduce({ event, state }) {
    if (event.type === "ping") return { pings: state.pings + 1 };
  },
  async afterAppend({ event, state, append }) {
    if (event.type === "ping") await append({ type: "pong", payload: { count: state.pings } });
  },
});
