// The global object: its listeners, errors that nothing caught, rejections that nobody handled.

//# it is an EventTarget, and the target of what is dispatched at it
const heard = ({ target, currentTarget }) => console.log(target === globalThis, currentTarget === self);
addEventListener("mine", heard);
globalThis.addEventListener("mine", function () { console.log(this === globalThis); }, { once: true });
dispatchEvent(new Event("mine"));
self.removeEventListener("mine", heard);
console.log(EventTarget.prototype.dispatchEvent.call(null, new Event("mine")));
//> true true
//> true
//> true

//# a listener takes an error on by preventing the default: of reportError, a timer, a microtask, a listener
addEventListener("error", (event) => {
  console.log(event.message, event.error.message, event.filename, event.lineno > 0, event.cancelable, event.isTrusted);
  event.preventDefault();
});
reportError(new TypeError("reported"));
await new Promise((done) => { setTimeout(() => { done(); throw new Error("of a timer"); }); });
queueMicrotask(() => { throw new RangeError("of a microtask"); });
await null;
const target = new EventTarget();
target.addEventListener("x", () => { throw new Error("of a listener"); });
target.dispatchEvent(new Event("x"));
//> TypeError: reported reported processor.js true true true
//> Error: of a timer of a timer processor.js true true true
//> RangeError: of a microtask of a microtask processor.js true true true
//> Error: of a listener of a listener processor.js true true true

//# onerror takes the parts, and says with true that it has it; anything can be reported
globalThis.onerror = (message, file, line, column, error) => { console.log(message, file, line, column, error); return true; };
reportError("text");
reportError({ get message() { throw new Error("never asked"); } }.x);
try { reportError(); } catch (e) { console.log(e.name); }
console.log(typeof onerror, onunhandledrejection);
onerror = null;
console.log(onerror);
//> text  0 0 text
//> undefined  0 0 undefined
//> TypeError
//> function null
//> null

//# rejections that nobody handled come once their turn is over, and are taken on in the same way
const seen = [];
addEventListener("unhandledrejection", (event) => {
  seen.push([event.reason.message, event.promise === promise, event instanceof PromiseRejectionEvent]);
  event.preventDefault();
});
onrejectionhandled = ({ promise: late, reason }) => seen.push(["handled late", late === promise, reason.message]);
const promise = Promise.reject(new Error("nobody's"));
Promise.reject(new Error("handled at once")).catch(() => {});
await new Promise((done) => setTimeout(done));
promise.catch(() => {});
await new Promise((done) => setTimeout(done));
for (const line of seen) console.log(...line);
//> nobody's true true
//> handled late true nobody's

//# PromiseRejectionEvent needs its promise, and ErrorEvent nothing
for (const make of [() => new PromiseRejectionEvent("x"), () => new PromiseRejectionEvent("x", {}), () => new PromiseRejectionEvent("x", { promise: Promise.resolve() })]) {
  try { console.log(make().reason); } catch (e) { console.log(e.name); }
}
console.log(new ErrorEvent("error").message === "", new ErrorEvent("error", { error: 1 }).error);
//> TypeError
//> TypeError
//> undefined
//> true 1

//# what was read of a body has its stream for good, and a Request that gave its body away is used
const response = new Response("x");
await response.text();
console.log(response.body.locked, response.bodyUsed);
const first = new Request("https://a.example", { method: "POST", body: "x" });
void first.body;
const second = new Request(first);
console.log(first.bodyUsed, first.body.locked, second.bodyUsed, await second.text());
const other = new Request("https://a.example", { method: "POST", body: "x" });
console.log(await new Request(other, { body: "y" }).text(), other.bodyUsed);
//> true true
//> true true false x
//> y true

//# the parts of a Blob become text one after the other, before its options are looked at
const parts = [{ toString() { parts.pop(); return "one"; } }, { toString() { throw new Error("never asked"); } }];
console.log(await new Blob(parts).text());
try { new Blob([], { endings: "?", get type() { throw new Error("never asked"); } }); } catch (e) { console.log(e.name); }
//> one
//> TypeError

//# a view that lies outside of its buffer cannot be cloned; a form has the byte order mark that it was sent with
const shrinking = new ArrayBuffer(8, { maxByteLength: 8 });
const views = [new Uint8Array(shrinking, 4, 4), new DataView(shrinking, 4, 4)];
shrinking.resize(2);
for (const view of views) try { structuredClone(view); } catch (e) { console.log(e.name); }
const form = await new Response("\ufefftest=1", { headers: { "content-type": "application/x-www-form-urlencoded" } }).formData();
console.log([...form.keys()][0].length);
const gone = new Uint8Array(4);
gone.buffer.transfer();
console.log(new TextEncoder().encodeInto("x", gone));
//> DataCloneError
//> DataCloneError
//> 5
//> { read: 0, written: 0 }

//# what was posted before a port closed arrives, and then its closing
const { port1, port2 } = new MessageChannel();
port1.postMessage("first");
port1.postMessage("second");
port1.close();
port2.postMessage("lost");
await new Promise((done) => {
  port2.onmessage = ({ data }) => { console.log(data); port2.close(); };
  port2.onclose = done;
});
try { new MessageChannel().port1.postMessage(null, [port2]); } catch (e) { console.log(e.name); }
//> first
//> second
//> DataCloneError

//# console is a namespace; its labels are text, and what was never begun is told
console.log(Object.prototype.toString.call(console), Object.keys(Object.getPrototypeOf(console)).length, Object.hasOwn(globalThis, "console"));
console.count({ toString: () => "of an object" });
console.countReset("never");
console.timeEnd("never");
console.time("twice");
console.time("twice");
console.assert(true, "nothing");
console.assert(false, "something");
try { console.time({ toString() { throw new Error("thrown"); } }); } catch (e) { console.log(e.message); }
//> [object console] 0 true
//> of an object: 1
//> warn there is no count "never"
//> warn there is no timer "never"
//> warn there is a timer "twice" already
//> error Assertion failed something
//> thrown

//# objects of the web's classes show what they are
console.log(await crypto.subtle.importKey("raw", new Uint8Array(4), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]));
console.log(new Headers({ A: "1", b: "2" }), new URLSearchParams("a=1"), new Blob(["xy"], { type: "t/x" }));
console.log(new Response("x", { status: 404 }));
console.log(new CustomEvent("name", { detail: 1 }), new AbortController());
console.log(Object.create(URL.prototype), Object.create(Headers.prototype), new (class Mine extends Blob { own = 1 })());
console.log(new TextDecoder(), new File([], "n", { lastModified: 5 }));
//> CryptoKey {
//>   type: "secret",
//>   extractable: false,
//>   algorithm: { name: "HMAC", length: 32, hash: { name: "SHA-256" } },
//>   usages: ["sign"]
//> }
//> Headers { "a" => "1", "b" => "2" } URLSearchParams { "a" => "1" } Blob { size: 2, type: "t/x" }
//> Response {
//>   type: "default",
//>   url: "",
//>   redirected: false,
//>   status: 404,
//>   ok: false,
//>   statusText: "",
//>   headers: Headers { "content-type" => "text/plain;charset=UTF-8" },
//>   bodyUsed: false
//> }
//> CustomEvent { detail: 1, type: "name", cancelable: false, defaultPrevented: false } AbortController {}
//> URL {} Headers {} Mine { size: 0, type: "", own: 1 }
//> TextDecoder { encoding: "utf-8", fatal: false, ignoreBOM: false } File { name: "n", lastModified: 5, size: 0, type: "" }
