// packages: openai@6.49.0 @types/node@26.6.6
import OpenAI from 'openai';
const c = new OpenAI({ apiKey: 1 });
// expected: TS2322 3:24
