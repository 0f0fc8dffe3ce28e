import { defineProcessor } from "millrace";

interface Ping {
  from: { name: string };
}

export default defineProcessor({
  async afterAppend({ event, append }) {
    if (event.type !== "ping") return;
    const { from } = event.payload as unknown as Ping;
    await append({ type: "pong", payload: { greeting: `hello ${from.name}` } });
  },
});
