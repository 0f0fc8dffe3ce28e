// packages: hono@4.13.19 @types/node@26.6.6
import { Hono } from 'hono';
const r = await new Hono().request('/'); r.statuss; export {};
// expected: TS2551 3:44
