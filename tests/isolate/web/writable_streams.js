// Writable streams, transforms and pipes.

//# writes reach the sink one at a time, and `ready` tells of backpressure
const seen = [];
const stream = new WritableStream(
  { async write(chunk) { seen.push(`begin ${chunk}`); await null; seen.push(`end ${chunk}`); }, close() { seen.push("close"); } },
  { highWaterMark: 2 },
);
const writer = stream.getWriter();
console.log(writer.desiredSize);
writer.write(1);
writer.write(2);
console.log(writer.desiredSize);
await writer.ready;
await writer.close();
console.log(seen);
//> 2
//> 0
//> ["begin 1", "end 1", "begin 2", "end 2", "close"]

//# aborting tells the sink, its signal, and all who wait
const stream = new WritableStream({ write: (_, { signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))), abort(reason) { console.log("abort", reason); } });
const writer = stream.getWriter();
const writes = [writer.write(1), writer.write(2)];
await null;
writer.abort("stop");
for (const write of [...writes, writer.closed]) await write.catch((e) => console.log(e));
//> abort stop
//> stop
//> stop
//> stop

//# a pipe ends both sides, and says when
const sink = [];
await ReadableStream.from([1, 2, 3]).pipeThrough(new TransformStream({ transform: (n, c) => c.enqueue(n * 10), flush: (c) => c.enqueue("end") })).pipeTo(new WritableStream({ write: (n) => void sink.push(n), close: () => void sink.push("closed") }));
console.log(sink);
//> [10, 20, 30, "end", "closed"]

//# a failing sink cancels the source, a failing source aborts the sink
await new ReadableStream({ pull(c) { c.enqueue(1); }, cancel: (e) => console.log("cancelled", e.message) }).pipeTo(new WritableStream({ write() { throw new Error("full"); } })).catch((e) => console.log(e.message));
await new ReadableStream({ pull() { throw new Error("dry"); } }).pipeTo(new WritableStream({ abort: (e) => console.log("aborted", e.message) })).catch((e) => console.log(e.message));
//> cancelled full
//> full
//> aborted dry
//> dry

//# a pipe stops at its signal
const controller = new AbortController();
const pipe = new ReadableStream({ cancel: (e) => console.log("cancelled", e.name) }).pipeTo(new WritableStream({ abort: (e) => console.log("aborted", e.name) }), { signal: controller.signal });
controller.abort();
await pipe.catch((e) => console.log(e.name));
//> aborted AbortError
//> cancelled AbortError
//> AbortError

//# a slow sink slows its source
let pulled = 0;
const source = new ReadableStream({ pull(c) { pulled += 1; c.enqueue(pulled); } }, { highWaterMark: 0 });
source.pipeTo(new WritableStream({ write: () => new Promise((r) => setTimeout(r, 20)) })).catch(() => {});
await new Promise((r) => setTimeout(r, 5));
console.log(pulled);
//> 1

//# text in chunks
const bytes = await Array.fromAsync(ReadableStream.from(["h\ud83d", "\ude00", "\ud800"]).pipeThrough(new TextEncoderStream()));
console.log(bytes.map((chunk) => [...chunk]));
const text = await Array.fromAsync(ReadableStream.from([new Uint8Array([0xe2, 0x82]), new Uint8Array([0xac, 65])]).pipeThrough(new TextDecoderStream()));
console.log(text);
//> [[104], [240, 159, 152, 128], [239, 191, 189]]
//> ["€A"]

//# strategies
console.log(new CountQueuingStrategy({ highWaterMark: 3 }).size("x"), new ByteLengthQueuingStrategy({ highWaterMark: 3 }).size(new Uint8Array(5)));
//> 1 5
