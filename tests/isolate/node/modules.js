// How Node's modules are found.

//# default and named imports, with and without `node:`, and require: all the same module
import path, { join } from "node:path";
import bare from "path";
import { Buffer as Named } from "node:buffer";
import * as events from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
console.log(path === bare, require("path") === path, require("node:path").join === join, Named === Buffer, new events.default() instanceof events.EventEmitter);
console.log(await sleep(1, "slept"), (await import("node:util/types")).isDate(new Date()), path.posix === path);
//> true true true true true
//> slept true true

//# what is not there says what is
try { require("fs"); } catch (e) { console.log(e.code, e.message); }
try { await import("node:fs"); } catch (e) { console.log(e.message.includes("processors have no `fs`; of Node's modules they have assert, ")); }
try { require("core"); } catch (e) { console.log(e.code); }
console.log(typeof require("zlib").createBrotliCompress);
try { require("crypto").createDiffieHellman(); } catch (e) { console.log(e.code, e.message); }
//> MODULE_NOT_FOUND cannot find module "fs": packages are bundled, and of Node's modules it is not one that processors have
//> true
//> MODULE_NOT_FOUND
//> function
//> ERR_FEATURE_UNAVAILABLE_ON_PLATFORM crypto.createDiffieHellman is not available to processors

//# process has the environment of the stream, and no more than it must
import process, { nextTick, env } from "node:process";
import os from "node:os";
console.log(env.KEY, process.env === globalThis.process.env, process.cwd(), process.platform, process.version === "");
const shown = globalThis.process;
console.log(Object.keys(shown), String(shown), shown.versions, shown.browser, typeof shown.exit, typeof shown.release, typeof shown.nextTick, shown.nextTick === nextTick);
await new Promise((done) => nextTick((a, b) => done(console.log(a + b)), 1, 2));
process.stdout.write("written\n");
console.log(process.hrtime().length, typeof process.hrtime.bigint(), os.EOL === "\n", os.platform(), global === globalThis);
try { process.exit(1); } catch (e) { console.log(e.message); }
//> value true / linux true
//> ["env"] [object Object] {} true undefined undefined function true
//> 3
//> written
//> 2 bigint true linux true
//> process.exit is not available to processors

//# timers of Node
import { setTimeout as later, clearTimeout as never, promises } from "node:timers";
const held = later(() => console.log("never"), 5);
console.log(held.unref() === held, held.hasRef());
never(held);
const controller = new AbortController();
controller.abort();
await promises.setTimeout(5, 1, { signal: controller.signal }).catch((e) => console.log(e.name, e.code));
let ticks = 0;
for await (const value of promises.setInterval(1, "tick")) if (++ticks === 3) break;
console.log(ticks);
//> true false
//> AbortError ABORT_ERR
//> 3
