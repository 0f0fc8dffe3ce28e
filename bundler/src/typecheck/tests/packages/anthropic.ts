// packages: @anthropic-ai/sdk@1.12.0
import Anthropic from '@anthropic-ai/sdk';
const client = new Anthropic({ apiKey: 'x' });
export default {
  async afterAppend({ event, append, signal }) {
    const m = await client.messages.create({ model: 'claude-sonnet-4-5', max_tokens: 10, messages: [{ role: 'user', content: 'x' }] }, { signal });
    for (const block of m.content) if (block.type === 'text') await append({ type: 'a', payload: { t: block.text, n: block.nope } });
    const stream = client.messages.stream({ model: 'x', max_tokens: 1, messages: [] });
    for await (const e of stream) e.type;
  },
};
// expected: TS2339 7:124
