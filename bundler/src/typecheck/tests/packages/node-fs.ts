// packages: @types/node@26.6.6
import { readFile } from 'node:fs/promises';
import { EventEmitter } from 'events';
new EventEmitter().onn;
export const a = await readFile('x', 'utf8');
a.lengthh;
// expected: TS2339 4:20
// expected: TS2551 6:3
