// node:events.

//# listeners in their order, once, first, and gone
import EventEmitter from "node:events";
const emitter = new EventEmitter();
const seen = [];
emitter.on("newListener", (type) => seen.push(`+${type}`));
const off = () => { seen.push("off"); emitter.off("x", second); };
const second = () => seen.push("second");
emitter.on("x", off).once("x", (...values) => seen.push(values)).on("x", second).prependListener("x", () => seen.push("first"));
console.log(emitter.emit("x", 1, 2), emitter.emit("x"), emitter.emit("y"), emitter.listenerCount("x"), emitter.eventNames());
console.log(seen);
//> true true false 2 ["newListener", "x"]
//> ["+x", "+x", "+x", "+x", "first", "off", [1, 2], "second", "first", "off"]

//# an error that nobody hears is thrown
import { EventEmitter } from "node:events";
try { new EventEmitter().emit("error", new RangeError("lost")); } catch (e) { console.log(e.name, e.message); }
try { new EventEmitter().emit("error", "text"); } catch (e) { console.log(e.code, e.context); }
//> RangeError lost
//> ERR_UNHANDLED_ERROR text

//# waiting for events
import { EventEmitter, once, on } from "node:events";
const emitter = new EventEmitter();
queueMicrotask(() => emitter.emit("x", 1, 2));
console.log(await once(emitter, "x"));
queueMicrotask(() => emitter.emit("error", new Error("broke")));
await once(emitter, "x").catch((e) => console.log(e.message));
queueMicrotask(() => { emitter.emit("x", "a"); emitter.emit("x", "b"); emitter.emit("end"); });
for await (const values of on(emitter, "x", { close: ["end"] })) console.log(values);
const target = new EventTarget();
queueMicrotask(() => target.dispatchEvent(new Event("y")));
console.log((await once(target, "y"))[0].type, emitter.listenerCount("x"));
//> [1, 2]
//> broke
//> ["a"]
//> ["b"]
//> y 0

//# old ways of inheriting
import { EventEmitter } from "node:events";
import { inherits } from "node:util";
function Old() { EventEmitter.call(this); }
inherits(Old, EventEmitter);
const mixed = Object.assign({}, EventEmitter.prototype);
for (const emitter of [new Old(), mixed, new (class extends EventEmitter {})()]) {
  emitter.on("x", function () { console.log(this === emitter); });
  emitter.emit("x");
}
//> true
//> true
//> true
