// node:stream.

export default function streamModule(native, tools) {
  const { Stream, getDefaultHighWaterMark, setDefaultHighWaterMark } = tools.part("node/streams/common");
  const { Readable } = tools.part("node/streams/readable");
  const { Writable } = tools.part("node/streams/writable");
  const { Duplex, Transform, PassThrough } = tools.part("node/streams/duplex");
  const { finished, addAbortSignal, pipeline, isNodeStream } = tools.part("node/streams/ending");
  const web = () => tools.part("node/streams/web");

  Readable.fromWeb = (stream, options) => web().readableFromWeb(stream, options);
  Readable.toWeb = (stream) => web().readableToWeb(stream);
  Writable.fromWeb = (stream, options) => web().writableFromWeb(stream, options);
  Writable.toWeb = (stream) => web().writableToWeb(stream);
  Duplex.toWeb = (stream) => ({ readable: web().readableToWeb(stream), writable: web().writableToWeb(stream) });
  Duplex.fromWeb = ({ readable, writable }, options = undefined) => {
    const [source, target] = [web().readableFromWeb(readable, options), web().writableFromWeb(writable, options)];
    const duplex = new Duplex({
      ...options,
      read: () => source.resume(),
      write: (chunk, encoding, callback) => target.write(chunk, encoding, callback),
      final: (callback) => target.end(callback),
    });
    source.on("data", (chunk) => duplex.push(chunk) || source.pause());
    source.on("end", () => duplex.push(null));
    for (const side of [source, target]) side.on("error", (error) => duplex.destroy(error));
    return duplex;
  };

  const state = (stream) => stream?._readableState ?? stream?._writableState;
  Object.assign(Stream, {
    Stream, Readable, Writable, Duplex, Transform, PassThrough, finished, pipeline, addAbortSignal, getDefaultHighWaterMark, setDefaultHighWaterMark,
    destroy: (stream, error) => stream.destroy(error),
    isDestroyed: (stream) => (isNodeStream(stream) ? Boolean(state(stream)?.destroyed) : null),
    isErrored: (stream) => Boolean(state(stream)?.errored),
    isReadable: (stream) => (stream?._readableState ? stream.readable : null),
    isWritable: (stream) => (stream?._writableState ? stream.writable : null),
    isDisturbed: (stream) => Boolean(stream?._readableState?.dataEmitted || stream?.readableAborted),
    _isUint8Array: (value) => value instanceof Uint8Array,
    _uint8ArrayToBuffer: (bytes) => tools.builtin("buffer").Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  });
  // Own ones, beside those that an EventEmitter has.
  Object.defineProperty(Stream, "promises", { get: () => tools.builtin("stream/promises"), enumerable: true, configurable: true });
  return Stream;
}
