#!/usr/bin/env node
/* @license gone */
const s = "line\u2028sep \u{1F600} 😀", t = `a${1}\n`;
label: for (const a of [1, 2]) { for (;;) { continue label; } }
log(s, t, String.raw`\u0041${2}`, /a(?<n>.)\1/u.exec("abb")?.groups?.n, 0xffn.toString(), 1_000);
const obj = { async *gen() { yield 1; }, get x() { return 1; }, "a-b": 2, [`c${1}`]: 3, __proto__: null } as any;
for await (const v of obj.gen()) log(v);
log(Object.keys(obj), obj?.["a-b"] ?? 1, obj.none?.().x, 2 ** 3 ** 0, -(2 ** 2), (a => a)(1), (() => ({}))(), new (class { y = 1 })().y);
let a: any = null; a ??= 3; a ||= 4; a &&= 5; log(a, typeof a, void 0, (1, 2));
try { throw 1 } catch { log("caught") } finally { log("finally") }
log(await Promise.resolve(1), import.meta !== undefined) ;
 \u00412 b 255 1000
//= 12:10-11 syntax-error: expected `;` or a new line, found `b`
