// Channels, clones, signals, marks and keys.

//# what is posted comes out of the other port, as a copy, in order, a little later
const { port1, port2 } = new MessageChannel();
const sent = { a: [1, new Date(0)] };
port1.postMessage(sent);
port1.postMessage("second");
sent.a.push("later");
await new Promise((done) => {
  port2.onmessage = ({ data, origin, target }) => {
    console.log(data, origin === "", target === port2);
    if (data === "second") done();
  };
});
port2.close();
port1.postMessage("lost");
//> { a: [1, 1970-01-01T00:00:00.000Z] } true true
//> second true true

//# ports and buffers can be sent, and are then elsewhere
const [outer, inner] = [new MessageChannel(), new MessageChannel()];
const buffer = new ArrayBuffer(4);
outer.port1.postMessage({ port: inner.port1, buffer }, [inner.port1, buffer]);
const { data, ports } = await new Promise((done) => { outer.port2.onmessage = done; });
console.log(data.port === ports[0], data.port !== inner.port1, buffer.detached, data.buffer.byteLength);
data.port.postMessage("through");
console.log((await new Promise((done) => { inner.port2.onmessage = done; })).data);
try { outer.port1.postMessage(() => {}); } catch (e) { console.log(e.name); }
//> true true true 4
//> through
//> DataCloneError

//# clones keep what refers to itself, and refuse what cannot be copied
const shared = { n: 1 };
const copy = structuredClone({ a: shared, b: shared, big: 10n, bytes: new Uint8Array([1, 2]).subarray(1), set: new Set([shared]) });
console.log(copy.a === copy.b, copy.set.has(copy.a), copy.big, copy.bytes, copy.bytes.buffer.byteLength);
for (const value of [Symbol("s"), new WeakMap(), new Headers(), new ReadableStream(), { f() {} }]) {
  try { structuredClone(value); } catch (e) { console.log(e.name); }
}
//> true true 10n Uint8Array(1) [2] 2
//> DataCloneError
//> DataCloneError
//> DataCloneError
//> DataCloneError
//> DataCloneError

//# digests and HMAC
const hex = (buffer) => new Uint8Array(buffer).toHex();
const data = new TextEncoder().encode("abc");
console.log(hex(await crypto.subtle.digest("SHA-1", data)));
console.log(hex(await crypto.subtle.digest({ name: "sha-256" }, data)));
console.log(hex(await crypto.subtle.digest("SHA-384", data)).length, hex(await crypto.subtle.digest("SHA-512", data)).slice(0, 16));
const key = await crypto.subtle.importKey("raw", new TextEncoder().encode("key"), { name: "HMAC", hash: "SHA-256" }, true, ["sign", "verify"]);
const signature = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode("The quick brown fox jumps over the lazy dog"));
console.log(hex(signature));
console.log(await crypto.subtle.verify("HMAC", key, signature, data), key.type, key.usages, key.algorithm, await crypto.subtle.exportKey("jwk", key));
await crypto.subtle.digest("MD5", data).catch((e) => console.log(`${e.name}: ${e.message}`));
await crypto.subtle.encrypt({ name: "AES-GCM", iv: data }, key, data).catch((e) => console.log(`${e.name}: ${e.message}`));
//> a9993e364706816aba3e25717850c26c9cd0d89d
//> ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad
//> 96 ddaf35a193617aba
//> f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8
//> false secret ["sign", "verify"] { name: "HMAC", length: 24, hash: { name: "SHA-256" } } { kty: "oct", k: "a2V5", alg: "HS256", key_ops: ["sign", "verify"], ext: true }
//> NotSupportedError: the digest MD5 is not supported here
//> InvalidAccessError: the key is one of HMAC, and not of AES-GCM

//# marks and measures
performance.mark("a", { startTime: 1, detail: { x: 1 } });
performance.mark("b", { startTime: 5 });
const measured = performance.measure("m", "a", "b");
console.log(measured.duration, measured.startTime, performance.getEntriesByName("a")[0].detail, performance.getEntries().length);
performance.clearMarks();
console.log(performance.getEntries().map((entry) => entry.name), navigator.userAgent);
//> 4 1 { x: 1 } 3
//> ["m"] millrace

//# a listener lives as long as its signal, and signals combine
const target = new EventTarget();
const [one, two] = [new AbortController(), new AbortController()];
const either = AbortSignal.any([one.signal, two.signal]);
target.addEventListener("x", () => console.log("heard"), { signal: either });
target.dispatchEvent(new Event("x"));
either.addEventListener("abort", (event) => console.log("aborted", event.isTrusted, either.reason));
two.abort("two");
target.dispatchEvent(new Event("x"));
console.log(one.signal.aborted, AbortSignal.any([either]).reason);
//> heard
//> aborted true two
//> false two
