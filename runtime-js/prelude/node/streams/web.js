// Node's streams as the web's, and the other way round.

export default function webStreams(native, tools) {
  const { Readable } = tools.part("node/streams/readable");
  const { Writable } = tools.part("node/streams/writable");
  const { finished } = tools.part("node/streams/ending");

  function readableFromWeb(stream, options = undefined) {
    const reader = stream.getReader();
    return new Readable({
      ...options,
      read() {
        reader.read().then(({ value, done }) => this.push(done ? null : value), (error) => this.destroy(error));
      },
      destroy(error, callback) {
        reader.cancel(error ?? undefined).then(() => callback(error), (newer) => callback(newer ?? error));
      },
    });
  }

  function readableToWeb(stream) {
    const objects = stream.readableObjectMode;
    const plain = (chunk) => (objects || typeof chunk === "string" ? chunk : new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength).slice());
    let stop;
    return new ReadableStream(
      {
        start(controller) {
          stream.pause();
          stop = finished(stream, { writable: false }, (error) => {
            if (error) controller.error(error);
            else controller.close();
          });
          stream.on("data", (chunk) => {
            controller.enqueue(plain(chunk));
            if (controller.desiredSize <= 0) stream.pause();
          });
        },
        pull: () => void stream.resume(),
        cancel(reason) {
          stop();
          stream.destroy(reason);
        },
      },
      objects ? { highWaterMark: stream.readableHighWaterMark } : { highWaterMark: stream.readableHighWaterMark, size: (chunk) => chunk.length },
    );
  }

  function writableFromWeb(stream, options = undefined) {
    const writer = stream.getWriter();
    return new Writable({
      ...options,
      write(chunk, encoding, callback) {
        writer.ready.then(() => writer.write(chunk)).then(() => callback(), callback);
      },
      final(callback) {
        writer.close().then(() => callback(), callback);
      },
      destroy(error, callback) {
        if (!error) callback(null);
        else writer.abort(error).then(() => callback(error), () => callback(error));
      },
    });
  }

  function writableToWeb(stream) {
    return new WritableStream({
      start(controller) {
        finished(stream, { readable: false }, (error) => error && controller.error(error));
      },
      write: (chunk) => new Promise((resolve, reject) => stream.write(chunk, (error) => (error ? reject(error) : resolve()))),
      close: () => new Promise((resolve, reject) => stream.end((error) => (error ? reject(error) : resolve()))),
      abort: (reason) => void stream.destroy(reason),
    });
  }

  return { readableFromWeb, readableToWeb, writableFromWeb, writableToWeb };
}
