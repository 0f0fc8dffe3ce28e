// WritableStream: what it is beneath, and the classes that scripts see.

export default function writable(native, tools) {
  const { expose, isObject, resolved, rejected, promised } = tools.part("idl");
  const { react, handled, deferred, settledWith, Fifo, strategyOf, highWaterMarkOf, sizeOf } = tools.part("streams/common");
  const { Controller, WritableStreamDefaultController, sinkOf } = tools.part("streams/sink");

  class Writable {
    state = "writable";
    error = undefined;
    writer = undefined;
    controller = undefined;
    wrapper = undefined;
    backpressure = false;
    writes = new Fifo();
    inFlightWrite = undefined;
    closeRequest = undefined;
    inFlightClose = undefined;
    pendingAbort = undefined;

    get locked() { return this.writer !== undefined; }
    get closing() { return this.closeRequest !== undefined || this.inFlightClose !== undefined; }

    abort(reason) {
      if (this.state === "closed" || this.state === "errored") return resolved(undefined);
      this.controller.signalAbort(reason);
      if (this.state === "closed" || this.state === "errored") return resolved(undefined);
      if (this.pendingAbort) return this.pendingAbort.promise;
      const wasErroring = this.state === "erroring";
      const abort = Object.assign(deferred(), { reason: wasErroring ? undefined : reason, wasErroring });
      this.pendingAbort = abort;
      if (!wasErroring) this.startErroring(reason);
      return abort.promise;
    }

    close() {
      if (this.state === "closed" || this.state === "errored") {
        return rejected(new TypeError(`the stream is ${this.state === "closed" ? "closed already" : "errored, and cannot be closed"}`));
      }
      this.closeRequest = deferred();
      const { promise } = this.closeRequest;
      if (this.writer && this.backpressure && this.state === "writable") this.writer.ready.resolve(undefined);
      this.controller.close();
      return promise;
    }

    startErroring(reason) {
      this.state = "erroring";
      this.error = reason;
      this.writer?.rejectReady(reason);
      if (!this.inFlightWrite && !this.inFlightClose && this.controller.started) this.finishErroring();
    }

    finishErroring() {
      this.state = "errored";
      this.controller.errorSteps();
      for (const request of this.writes.take()) request.reject(this.error);
      const abort = this.pendingAbort;
      if (!abort) {
        this.rejectClose();
        return;
      }
      this.pendingAbort = undefined;
      if (abort.wasErroring) {
        abort.reject(this.error);
        this.rejectClose();
        return;
      }
      react(
        this.controller.abortSteps(abort.reason),
        () => {
          abort.resolve(undefined);
          this.rejectClose();
        },
        (error) => {
          abort.reject(error);
          this.rejectClose();
        },
      );
    }

    dealWithRejection(error) {
      if (this.state === "writable") this.startErroring(error);
      else this.finishErroring();
    }

    finishWrite(error, failed) {
      const request = this.inFlightWrite;
      this.inFlightWrite = undefined;
      if (!failed) request.resolve(undefined);
      else {
        request.reject(error);
        this.dealWithRejection(error);
      }
    }

    finishClose(error, failed) {
      const request = this.inFlightClose;
      this.inFlightClose = undefined;
      if (failed) {
        request.reject(error);
        this.pendingAbort?.reject(error);
        this.pendingAbort = undefined;
        this.dealWithRejection(error);
        return;
      }
      request.resolve(undefined);
      if (this.state === "erroring") {
        this.error = undefined;
        this.pendingAbort?.resolve(undefined);
        this.pendingAbort = undefined;
      }
      this.state = "closed";
      this.writer?.closed.resolve(undefined);
    }

    rejectClose() {
      this.closeRequest?.reject(this.error);
      this.closeRequest = undefined;
      if (!this.writer) return;
      this.writer.closed.reject(this.error);
      handled(this.writer.closed.promise);
    }

    updateBackpressure(backpressure) {
      if (this.writer && backpressure !== this.backpressure) {
        if (backpressure) this.writer.ready = deferred();
        else this.writer.ready.resolve(undefined);
      }
      this.backpressure = backpressure;
    }
  }

  /** That promise, rejected; another one, if it was settled before. */
  function rejectedNow(held, error) {
    const now = held.pending ? held : settledWith(rejected(error));
    now.reject(error);
    handled(now.promise);
    return now;
  }

  /** A writer: it holds the lock of its stream. */
  class Writer {
    stream;
    ready;
    closed;

    constructor(stream) {
      if (stream.locked) throw new TypeError("the stream is locked to a writer already");
      this.stream = stream;
      stream.writer = this;
      const ended = (promise) => {
        handled(promise);
        return settledWith(promise);
      };
      const { state, error } = stream;
      if (state === "writable") {
        this.ready = !stream.closing && stream.backpressure ? deferred() : settledWith(resolved(undefined));
        this.closed = deferred();
      } else if (state === "erroring") {
        this.ready = ended(rejected(error));
        this.closed = deferred();
      } else if (state === "closed") {
        this.ready = settledWith(resolved(undefined));
        this.closed = settledWith(resolved(undefined));
      } else {
        this.ready = ended(rejected(error));
        this.closed = ended(rejected(error));
      }
    }

    rejectReady(error) {
      this.ready = rejectedNow(this.ready, error);
    }

    get desiredSize() {
      const { state } = this.stream;
      if (state === "errored" || state === "erroring") return null;
      return state === "closed" ? 0 : this.stream.controller.desiredSize;
    }

    write(chunk) {
      const { stream } = this;
      const size = stream.controller.sizeOfChunk(chunk);
      if (this.stream !== stream) return rejected(new TypeError("the writer was released"));
      if (stream.state === "errored") return rejected(stream.error);
      if (stream.closing || stream.state === "closed") return rejected(new TypeError("the stream is closing or closed, and takes no more"));
      if (stream.state === "erroring") return rejected(stream.error);
      const request = deferred();
      stream.writes.push(request);
      stream.controller.write(chunk, size);
      return request.promise;
    }

    /** For pipes: closes, unless that has been done or the stream has failed. */
    closeWithErrorPropagation() {
      const { stream } = this;
      if (stream.closing || stream.state === "closed") return resolved(undefined);
      return stream.state === "errored" ? rejected(stream.error) : stream.close();
    }

    release() {
      const { stream } = this;
      const error = new TypeError("the writer was released");
      this.rejectReady(error);
      this.closed = rejectedNow(this.closed, error);
      stream.writer = undefined;
      this.stream = undefined;
    }
  }

  let stateOf;
  let show;
  const hidden = Symbol("hidden");

  class WritableStream {
    #inner;

    constructor(underlyingSink, strategy) {
      if (underlyingSink === hidden) {
        this.#inner = strategy;
        return;
      }
      const given = strategyOf(strategy);
      if (underlyingSink !== undefined && !isObject(underlyingSink)) throw new TypeError("an underlying sink must be an object");
      const sink = sinkOf(underlyingSink);
      const inner = new Writable();
      inner.wrapper = this;
      this.#inner = inner;
      const size = sizeOf(given);
      new Controller(inner, sink, highWaterMarkOf(given, 1), size);
    }
    static {
      stateOf = (stream) => (isObject(stream) && #inner in stream ? stream.#inner : undefined);
      show = (inner) => (inner.wrapper ??= new WritableStream(hidden, inner));
    }

    get locked() { return this.#inner.locked; }
    abort(reason = undefined) {
      return promised(() => {
        if (this.#inner.locked) throw new TypeError("a locked stream cannot be aborted: ask its writer");
        return this.#inner.abort(reason);
      });
    }
    close() {
      return promised(() => {
        if (this.#inner.locked) throw new TypeError("a locked stream cannot be closed: ask its writer");
        if (this.#inner.closing) throw new TypeError("the stream is closing already");
        return this.#inner.close();
      });
    }
    getWriter() { return new WritableStreamDefaultWriter(this); }
  }

  class WritableStreamDefaultWriter {
    #inner;

    constructor(stream) {
      const inner = stateOf(stream);
      if (!inner) throw new TypeError("a writer writes to a WritableStream");
      this.#inner = new Writer(inner);
    }

    #held() {
      if (!this.#inner.stream) throw new TypeError("the writer was released");
      return this.#inner.stream;
    }

    get closed() { return promised(() => this.#inner.closed.promise); }
    get ready() { return promised(() => this.#inner.ready.promise); }
    get desiredSize() {
      this.#held();
      return this.#inner.desiredSize;
    }
    abort(reason = undefined) { return promised(() => this.#held().abort(reason)); }
    close() {
      return promised(() => {
        if (this.#held().closing) throw new TypeError("the stream is closing already");
        return this.#inner.stream.close();
      });
    }
    releaseLock() {
      if (this.#inner.stream) this.#inner.release();
    }
    write(chunk = undefined) {
      return promised(() => {
        this.#held();
        return this.#inner.write(chunk);
      });
    }
  }

  /** A stream of the prelude's own making. */
  function writableOf(sink, highWaterMark = 1, size = () => 1) {
    const inner = new Writable();
    new Controller(inner, { start: () => undefined, ...sink }, highWaterMark, size);
    return inner;
  }

  for (const type of [WritableStream, WritableStreamDefaultWriter]) expose(type);
  Object.defineProperty(WritableStream, "length", { value: 0, configurable: true });
  return { WritableStream, WritableStreamDefaultWriter, WritableStreamDefaultController, Writer, writableOf, stateOf, show };
}
