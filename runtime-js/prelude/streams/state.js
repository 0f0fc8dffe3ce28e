// What a readable stream is beneath its classes, and what its readers and controllers do to it. Scripts
// never see these objects: the classes hold them.

export default function state(native, tools) {
  const { resolved, rejected } = tools.part("idl");
  const { react, handled, deferred, settledWith, Fifo } = tools.part("streams/common");

  class Readable {
    state = "readable";
    error = undefined;
    disturbed = false;
    reader = undefined;
    controller = undefined;
    /** The ReadableStream that scripts see, once one does. */
    wrapper = undefined;

    get locked() { return this.reader !== undefined; }

    close() {
      this.state = "closed";
      const { reader } = this;
      if (!reader) return;
      reader.closed.resolve(undefined);
      if (!reader.byob) for (const request of reader.requests.take()) request.close();
    }

    fail(error) {
      this.state = "errored";
      this.error = error;
      const { reader } = this;
      if (!reader) return;
      reader.closed.reject(error);
      handled(reader.closed.promise);
      for (const request of reader.requests.take()) request.error(error);
    }

    cancel(reason) {
      this.disturbed = true;
      if (this.state === "closed") return resolved(undefined);
      if (this.state === "errored") return rejected(this.error);
      this.close();
      if (this.reader?.byob) for (const request of this.reader.requests.take()) request.close(undefined);
      return react(this.controller.cancelSteps(reason), () => undefined);
    }

    /** How many reads wait, of a reader of that kind. */
    waiting(byob) {
      return this.reader && this.reader.byob === byob ? this.reader.requests.length : 0;
    }

    fulfil(chunk, done) {
      const request = this.reader.requests.shift();
      if (!done) request.chunk(chunk);
      else request.close(chunk);
    }
  }

  /** A reader: it holds the lock of its stream, and the reads that wait. */
  class Reader {
    stream;
    closed;
    byob;
    requests = new Fifo();

    constructor(stream, byob) {
      if (stream.locked) throw new TypeError("the stream is locked to a reader already");
      this.byob = byob;
      if (byob && !stream.controller.isBytes) throw new TypeError("only a stream of type \"bytes\" has a reader of mode \"byob\"");
      this.stream = stream;
      stream.reader = this;
      if (stream.state === "readable") this.closed = deferred();
      else if (stream.state === "closed") this.closed = settledWith(resolved(undefined));
      else {
        this.closed = settledWith(rejected(stream.error));
        handled(this.closed.promise);
      }
    }

    read(request) {
      const { stream } = this;
      stream.disturbed = true;
      if (stream.state === "closed") request.close();
      else if (stream.state === "errored") request.error(stream.error);
      else stream.controller.pullSteps(request);
    }

    readInto(view, min, request) {
      const { stream } = this;
      stream.disturbed = true;
      if (stream.state === "errored") request.error(stream.error);
      else stream.controller.pullInto(view, min, request);
    }

    release() {
      const { stream } = this;
      const error = new TypeError("the reader was released");
      if (stream.state === "readable") this.closed.reject(error);
      else this.closed = settledWith(rejected(error));
      handled(this.closed.promise);
      stream.controller.releaseSteps();
      stream.reader = undefined;
      this.stream = undefined;
      for (const request of this.requests.take()) request.error(error);
    }
  }

  return { Readable, Reader };
}
