// packages: hono@4.13.19
import { Hono } from 'hono';
import { sign } from 'hono/jwt';
const app = new Hono();
app.get('/a/:id', (c) => c.json({ id: c.req.param('id') }));
export default {
  async afterAppend({ append }) {
    const r = await app.request('/a/1');
    const t: string = await sign({ a: 1 }, 'secret');
    await append({ type: 'x', payload: { status: r.status, body: await r.json(), t } });
    app.gett('/x');
  },
};
// expected: TS2551 11:9
