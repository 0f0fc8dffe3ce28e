// packages: openai@6.49.0
import OpenAI from 'openai';
const client = new OpenAI({ apiKey: 'x', fetch });
export default {
  async afterAppend({ event, append, signal }) {
    const r = await client.chat.completions.create({ model: 'gpt-5', messages: [{ role: 'user', content: event.payload.text }] }, { signal });
    const s = await client.responses.create({ model: 'gpt-5', input: 'x', stream: true }, { signal });
    for await (const part of s) if (part.type === 'response.output_text.delta') await append({ type: 'd', payload: { t: part.delta.toUpperCase() } });
    await append({ type: 'answer', payload: { text: r.choices[0].message.content, bad: r.choises } });
    const raw = await client.models.list().asResponse(); raw.headers.get('x'); raw.ok;
  },
};
// expected: TS2551 9:90
