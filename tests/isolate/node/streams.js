// node:stream.

//# reading: flowing, asked for, iterated
import { Readable } from "node:stream";
const seen = [];
const source = new Readable({ read() {} });
source.on("readable", () => { let chunk; while ((chunk = source.read(4)) !== null) seen.push(String(chunk)); });
source.on("end", () => seen.push("end")).on("close", () => console.log(seen));
source.push("hello wo");
source.push("rld");
source.push(null);
await new Promise((r) => setTimeout(r, 5));
const chunks = [];
for await (const chunk of Readable.from(["a", { n: 1 }])) chunks.push(chunk);
console.log(chunks);
const left = Readable.from((function* () { try { yield 1; yield 2; } finally { console.log("closed"); } })());
for await (const chunk of left) break;
console.log(left.destroyed);
//> ["hell", "o wo", "rld", "end"]
//> ["a", { n: 1 }]
//> closed
//> true

//# writing: backpressure, ends, errors
import { Writable } from "node:stream";
const seen = [];
const target = new Writable({ highWaterMark: 3, write(chunk, encoding, done) { seen.push(`${chunk}`); setTimeout(done, 1); }, final(done) { seen.push("final"); done(); } });
for (const type of ["drain", "finish", "close"]) target.on(type, () => seen.push(type));
seen.push(target.write("ab"), target.write("cd"), target.writableNeedDrain);
await new Promise((done) => target.end("e", done));
await new Promise((r) => setTimeout(r, 5));
console.log(seen, target.writableFinished);
const failing = new Writable({ write(chunk, encoding, done) { done(new Error("full")); } });
failing.on("error", (e) => console.log("error", e.message)).write("x", (e) => console.log("callback", e.message));
await new Promise((r) => setTimeout(r, 5));
target.write("late", (e) => console.log(e.code));
await null;
//> ["ab", true, false, true, "cd", "e", "final", "finish", "close"] true
//> callback full
//> error full
//> ERR_STREAM_WRITE_AFTER_END

//# transforms, pipes and pipelines
import { Readable, Transform, Writable, PassThrough, pipeline as withCallback } from "node:stream";
import { pipeline, finished } from "node:stream/promises";
import { text } from "node:stream/consumers";
const upper = () => new Transform({ transform(chunk, encoding, done) { done(null, String(chunk).toUpperCase()); }, flush(done) { this.push("!"); done(); } });
console.log(await text(Readable.from(["a", "b"]).pipe(upper()).pipe(new PassThrough())));
const out = [];
await pipeline(Readable.from(["x", "y"]), async function* (source) { for await (const chunk of source) yield `${chunk}?`; }, upper(), new Writable({ write(chunk, encoding, done) { out.push(String(chunk)); done(); } }));
console.log(out, await pipeline(Readable.from([1, 2]), async (source) => { let sum = 0; for await (const n of source) sum += n; return sum; }));
const source = new Readable({ read() {} });
await new Promise((done) => withCallback(source, new Writable({ write(chunk, encoding, callback) { callback(new Error("sink")); } }), (e) => done(console.log(e.message))) && source.push("x"));
console.log(source.destroyed);
const controller = new AbortController();
const aborted = pipeline(new Readable({ read() {} }), new PassThrough(), { signal: controller.signal }).catch((e) => console.log(e.name));
controller.abort();
await aborted;
const cut = new Readable({ read() {} });
const ended = finished(cut).catch((e) => console.log(e.code));
cut.destroy();
await ended;
//> AB!
//> ["X?", "Y?", "!"] 3
//> sink
//> true
//> AbortError
//> ERR_STREAM_PREMATURE_CLOSE

//# the web's streams and Node's
import { Readable, Writable, Duplex } from "node:stream";
import { text } from "node:stream/consumers";
console.log(await text(Readable.fromWeb(new Response("from the web").body)), await new Response(Readable.toWeb(Readable.from([Buffer.from("to "), Buffer.from("it")], { objectMode: false }))).text());
const chunks = [];
const target = Writable.fromWeb(new WritableStream({ write(chunk) { chunks.push(String(chunk)); }, close() { console.log(chunks); } }));
await new Promise((done) => target.end("x", done));
const both = new Duplex({ read() { this.push("r"); this.push(null); }, write(chunk, encoding, done) { done(); } });
console.log(both instanceof Readable, both instanceof Writable, await text(both.end("w")));
//> from the web to it
//> ["x"]
//> true true r
