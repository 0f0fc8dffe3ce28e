// packages: zod@4.6.7
import { z } from 'zod';
const Ping = z.object({ n: z.number() });
export default {
  async afterAppend({ event, append }) {
    const p = Ping.safeParse(event.payload);
    if (p.success) await append({ type: 'pong', payload: { n: p.data.m } });
  },
};
// expected: TS2339 7:70
