// packages: ai@6.0.326 zod@4.6.7
import { generateText, streamText, tool } from 'ai';
import { z } from 'zod';
const t = tool({ description: 'x', inputSchema: z.object({ a: z.string() }), execute: async ({ a }) => a.length });
export default {
  async afterAppend({ append, signal }) {
    const r = await generateText({ model: 'openai/gpt-5', prompt: 'x', tools: { t }, abortSignal: signal });
    await append({ type: 'x', payload: { text: r.text, bad: r.texxt } });
    const s = streamText({ model: 'openai/gpt-5', prompt: 'x' });
    for await (const part of s.textStream) part.length;
  },
};
// expected: TS2551 8:63
