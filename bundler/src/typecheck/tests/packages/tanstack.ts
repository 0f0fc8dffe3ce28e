// packages: @tanstack/ai@0.58.0 @tanstack/ai-openai@0.23.1 zod@4.6.7
import { chat } from '@tanstack/ai';
import { openaiText } from '@tanstack/ai-openai';
import { z } from 'zod';
export default { async afterAppend({ append }) {
  const s = chat({ adapter: openaiText('gpt-5.2'), messages: [{ role: 'user', content: 'x' }] });
  for await (const c of s) await append({ type: c.type, payload: { s: z.string().parse('x') } });
} };
