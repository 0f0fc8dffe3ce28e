// Readable.from.

export default function iterables(native, tools) {
  const { coded, wrongType } = tools.part("node/errors");
  const { soon } = tools.part("node/streams/common");

  return (Readable) => function from(iterable, options = undefined) {
    if (typeof iterable === "string" || iterable instanceof Uint8Array) {
      return new Readable({ objectMode: true, ...options, read() { this.push(iterable); this.push(null); } });
    }
    const method = iterable?.[Symbol.asyncIterator] ?? iterable?.[Symbol.iterator];
    if (typeof method !== "function") throw wrongType("iterable", "an iterable", iterable);
    const iterator = method.call(iterable);
    let busy = false;
    const stream = new Readable({ objectMode: true, highWaterMark: 1, ...options });
    stream._read = function () {
      if (busy) return;
      busy = true;
      advance();
    };
    stream._destroy = (error, callback) => {
      const closing = async () => {
        if (error && iterator.throw) {
          const { value, done } = await iterator.throw(error);
          await value;
          if (done) return;
        }
        if (typeof iterator.return === "function") await (await iterator.return()).value;
      };
      closing().then(() => soon(callback, error), (newer) => soon(callback, newer ?? error));
    };
    async function advance() {
      try {
        for (;;) {
          const { value, done } = await iterator.next();
          if (done) {
            stream.push(null);
            return;
          }
          const chunk = await value;
          if (chunk === null) throw coded(TypeError, "ERR_STREAM_NULL_VALUES", "null cannot be a chunk");
          if (stream.push(chunk)) continue;
          busy = false;
          return;
        }
      } catch (error) {
        stream.destroy(error);
      }
    }
    return stream;
  };
}
