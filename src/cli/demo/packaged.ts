import { defineProcessor } from "millrace";
import * as z from "zod";

const Ping = z.object({ from: z.object({ name: z.string().min(1) }) });

export default defineProcessor({
  async afterAppend({ event, append }) {
    if (event.type !== "ping") return;
    const ping = Ping.safeParse(event.payload);
    if (ping.success) await append({ type: "pong", payload: { greeting: `hello ${ping.data.from.name}` } });
    else await append({ type: "ping-rejected", payload: { why: z.prettifyError(ping.error) } });
  },
});
