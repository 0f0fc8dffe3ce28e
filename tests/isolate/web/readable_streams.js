// Readable streams, as the Streams standard has them.

//# pulls come one at a time, and stop at the high water mark
const seen = [];
let n = 0;
const stream = new ReadableStream(
  { start() { seen.push("start"); }, async pull(c) { seen.push(`pull ${c.desiredSize}`); c.enqueue(n++); } },
  { highWaterMark: 2 },
);
await new Promise((r) => setTimeout(r, 5));
console.log(seen);
const reader = stream.getReader();
console.log(await reader.read(), stream.locked);
await new Promise((r) => setTimeout(r, 5));
console.log(seen.length);
//> ["start", "pull 2", "pull 1"]
//> { value: 0, done: false } true
//> 4

//# reads that wait are served in order, and a close ends them
let controller;
const reader = new ReadableStream({ start(c) { controller = c; } }).getReader();
const reads = [reader.read(), reader.read(), reader.read()];
controller.enqueue("a");
controller.enqueue("b");
controller.close();
console.log(await Promise.all(reads));
await reader.closed;
try { controller.enqueue("c"); } catch (e) { console.log(e.name); }
//> [{ value: "a", done: false }, { value: "b", done: false }, { value: undefined, done: true }]
//> TypeError

//# an error reaches the reads that wait and those that come
const boom = new Error("boom");
const reader = new ReadableStream({ pull(c) { c.error(boom); } }).getReader();
for (const read of [reader.read(), reader.read(), reader.closed]) await read.catch((e) => console.log(e === boom));
//> true
//> true
//> true

//# cancelling tells the source why, once
const stream = new ReadableStream({ cancel(reason) { console.log("cancelled", reason); return "ignored"; } });
console.log(await stream.cancel("why"));
console.log(await stream.cancel("again"));
//> cancelled why
//> undefined
//> undefined

//# for await ends with the stream, and leaving it early cancels
const numbers = () => new ReadableStream({ start(c) { for (const n of [1, 2, 3]) c.enqueue(n); c.close(); }, cancel() { console.log("cancelled"); } });
const all = [];
for await (const n of numbers()) all.push(n);
console.log(all);
for await (const n of new ReadableStream({ pull(c) { c.enqueue(1); }, cancel() { console.log("cancelled"); } })) break;
const kept = new ReadableStream({ pull(c) { c.enqueue(1); }, cancel() { console.log("never"); } });
for await (const n of kept.values({ preventCancel: true })) break;
console.log(kept.locked);
//> [1, 2, 3]
//> cancelled
//> false

//# from takes iterables of both kinds
async function* later() { yield 1; yield 2; }
console.log(await Array.fromAsync(ReadableStream.from(later())), await Array.fromAsync(ReadableStream.from(["a", Promise.resolve("b")])));
try { ReadableStream.from(3); } catch (e) { console.log(e.message); }
//> [1, 2] ["a", "b"]
//> ReadableStream.from takes an iterable, with a Symbol.asyncIterator or a Symbol.iterator

//# tee gives both branches all, and cancels the source when both are cancelled
const stream = new ReadableStream({ start(c) { c.enqueue({ n: 1 }); c.enqueue({ n: 2 }); c.close(); } });
const [a, b] = stream.tee();
const [left, right] = [await Array.fromAsync(a), await Array.fromAsync(b)];
console.log(left, right, left[0] === right[0]);
const [c, d] = new ReadableStream({ cancel(reasons) { console.log(reasons); } }).tee();
await Promise.all([c.cancel(1), d.cancel(2)]);
//> [{ n: 1 }, { n: 2 }] [{ n: 1 }, { n: 2 }] true
//> [1, 2]

//# a byte stream fills the reader's own buffer
const stream = new ReadableStream({
  type: "bytes",
  pull(c) {
    const { view } = c.byobRequest;
    console.log(view.byteLength);
    view[0] = 7;
    view[1] = 8;
    c.byobRequest.respond(2);
  },
});
const reader = stream.getReader({ mode: "byob" });
const mine = new Uint8Array(4);
const { value, done } = await reader.read(mine);
console.log(value, done, mine.byteLength);
console.log((await reader.read(new Uint16Array(3), { min: 2 })).value);
//> 4
//> Uint8Array(2) [7, 8] false 0
//> 6
//> 4
//> Uint16Array(2) [2055, 2055]

//# a byte stream allocates buffers for plain readers, and tees
const source = () => {
  let left = 3;
  return { type: "bytes", autoAllocateChunkSize: 4, pull(c) { if (left-- === 0) { c.close(); c.byobRequest?.respond(0); return; } c.byobRequest.view[0] = left; c.byobRequest.respond(1); } };
};
console.log((await Array.fromAsync(new ReadableStream(source()))).map((chunk) => [...chunk]));
const [a, b] = new ReadableStream(source()).tee();
const into = a.getReader({ mode: "byob" });
console.log((await into.read(new Uint8Array(9))).value, (await Array.fromAsync(b)).length);
//> [[2], [1], [0]]
//> Uint8Array(1) [2] 3

//# what is not allowed says why
const attempts = [
  () => new ReadableStream({ type: "nope" }),
  () => new ReadableStream({ pull: 3 }),
  () => new ReadableStream({}, { highWaterMark: -1 }),
  () => new ReadableStream().getReader({ mode: "byob" }),
  () => { const s = new ReadableStream(); s.getReader(); s.getReader(); },
  () => new ReadableStreamDefaultController(),
];
for (const attempt of attempts) try { attempt(); } catch (e) { console.log(`${e.name}: ${e.message}`); }
//> TypeError: the type of an underlying source is "bytes" or none, and not "nope"
//> TypeError: `pull` of an underlying source must be a function, and is of type number
//> RangeError: highWaterMark must be a number from 0 up, and is -1
//> TypeError: only a stream of type "bytes" has a reader of mode "byob"
//> TypeError: the stream is locked to a reader already
//> TypeError: Illegal constructor: ReadableStreamDefaultController is not made by scripts
