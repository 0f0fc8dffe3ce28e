// The controller of a writable stream: it hands chunks to the sink, one at a time.

export default function sinks(native, tools) {
  const { expose, inside, closed, dictionary, callback, resolved } = tools.part("idl");
  const { react, promiseCall, SizedQueue } = tools.part("streams/common");
  const CLOSE = Symbol("close");

  class Controller {
    // Each field is the object's own, so that no script can reach it through Object.prototype.
    stream;
    sink;
    highWaterMark;
    size;
    queue = new SizedQueue();
    started = false;
    wrapper = undefined;
    aborted = false;
    abortReason = undefined;
    abortController = undefined;

    constructor(stream, { start, write, close, abort }, highWaterMark, size) {
      this.stream = stream;
      this.sink = { write, close, abort };
      this.highWaterMark = highWaterMark;
      this.size = size;
      stream.controller = this;
      stream.updateBackpressure(this.backpressure);
      react(
        resolved(start(this)),
        () => {
          this.started = true;
          this.advance();
        },
        (error) => {
          this.started = true;
          stream.dealWithRejection(error);
        },
      );
    }

    get visible() { return (this.wrapper ??= new WritableStreamDefaultController(inside, this)); }
    get desiredSize() { return this.highWaterMark - this.queue.total; }
    get backpressure() { return this.desiredSize <= 0; }

    /** Made when it is first asked for: few sinks do. */
    get signal() {
      if (!this.abortController) {
        this.abortController = new (tools.part("abort").AbortController)();
        if (this.aborted) this.abortController.abort(this.abortReason);
      }
      return this.abortController.signal;
    }

    signalAbort(reason) {
      if (!this.aborted) {
        this.aborted = true;
        this.abortReason = reason;
      }
      this.abortController?.abort(reason);
    }

    abortSteps(reason) {
      const result = this.sink.abort(reason);
      this.forget();
      return result;
    }

    errorSteps() { this.queue.clear(); }

    forget() { this.sink = this.size = undefined; }

    sizeOfChunk(chunk) {
      if (!this.size) return 1;
      try {
        return this.size(chunk);
      } catch (error) {
        this.errorIfNeeded(error);
        return 1;
      }
    }

    write(chunk, size) {
      try {
        this.queue.push(chunk, size);
      } catch (error) {
        this.errorIfNeeded(error);
        return;
      }
      const { stream } = this;
      if (!stream.closing && stream.state === "writable") stream.updateBackpressure(this.backpressure);
      this.advance();
    }

    close() {
      this.queue.push(CLOSE, 0);
      this.advance();
    }

    error(error) {
      this.forget();
      this.stream.startErroring(error);
    }

    errorIfNeeded(error) {
      if (this.stream.state === "writable") this.error(error);
    }

    advance() {
      const { stream } = this;
      if (!this.started || stream.inFlightWrite) return;
      if (stream.state === "erroring") {
        stream.finishErroring();
        return;
      }
      if (this.queue.length === 0) return;
      const next = this.queue.peek();
      if (next === CLOSE) this.#close();
      else this.#write(next);
    }

    #close() {
      const { stream } = this;
      stream.inFlightClose = stream.closeRequest;
      stream.closeRequest = undefined;
      this.queue.shift();
      const finished = this.sink.close();
      this.forget();
      react(
        finished,
        () => stream.finishClose(),
        (error) => stream.finishClose(error, true),
      );
    }

    #write(chunk) {
      const { stream } = this;
      stream.inFlightWrite = stream.writes.shift();
      react(
        this.sink.write(chunk, this),
        () => {
          stream.finishWrite();
          this.queue.shift();
          if (!stream.closing && stream.state === "writable") stream.updateBackpressure(this.backpressure);
          this.advance();
        },
        (error) => {
          if (stream.state === "writable") this.forget();
          stream.finishWrite(error, true);
        },
      );
    }
  }

  class WritableStreamDefaultController {
    #inner;
    constructor(key, inner) {
      closed(key, "WritableStreamDefaultController");
      this.#inner = inner;
    }
    get signal() { return this.#inner.signal; }
    error(error = undefined) {
      if (this.#inner.stream.state === "writable") this.#inner.error(error);
    }
  }
  expose(WritableStreamDefaultController);
  Object.defineProperty(WritableStreamDefaultController, "length", { value: 0, configurable: true });

  /** What an author's object asks for; its methods are called on it. */
  function sinkOf(object) {
    const given = dictionary(object, "an underlying sink");
    const abort = callback(given.abort, "`abort` of an underlying sink");
    const close = callback(given.close, "`close` of an underlying sink");
    const start = callback(given.start, "`start` of an underlying sink");
    if (given.type !== undefined) throw new RangeError("the `type` of an underlying sink must be undefined");
    const write = callback(given.write, "`write` of an underlying sink");
    return {
      start: start ? (controller) => Reflect.apply(start, object, [controller.visible]) : () => undefined,
      write: write ? (chunk, controller) => promiseCall(write, object, [chunk, controller.visible]) : () => resolved(undefined),
      close: close ? () => promiseCall(close, object, []) : () => resolved(undefined),
      abort: abort ? (reason) => promiseCall(abort, object, [reason]) : () => resolved(undefined),
    };
  }

  return { Controller, WritableStreamDefaultController, sinkOf };
}
