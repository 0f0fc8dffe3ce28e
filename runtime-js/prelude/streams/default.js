// The controller of a readable stream of any chunks.

export default function defaultController(native, tools) {
  const { expose, inside, closed, resolved } = tools.part("idl");
  const { react, promiseCall, SizedQueue } = tools.part("streams/common");
  const { Readable } = tools.part("streams/state");

  /** Whoever makes a stream says what happens at its start, on each pull, and when it is cancelled. */
  class Controller {
    // Each field is the object's own, so that no script can reach it through Object.prototype.
    isBytes = false;
    stream;
    pull;
    cancel;
    highWaterMark;
    size;
    queue = new SizedQueue();
    started = false;
    closeRequested = false;
    pulling = false;
    pullAgain = false;
    wrapper = undefined;

    constructor(stream, { start, pull, cancel }, highWaterMark, size) {
      this.stream = stream;
      this.pull = pull;
      this.cancel = cancel;
      this.highWaterMark = highWaterMark;
      this.size = size;
      stream.controller = this;
      react(
        resolved(start(this)),
        () => {
          this.started = true;
          this.pullIfNeeded();
        },
        (error) => this.error(error),
      );
    }

    get visible() { return (this.wrapper ??= new ReadableStreamDefaultController(inside, this)); }

    get desiredSize() {
      if (this.stream.state === "errored") return null;
      return this.stream.state === "closed" ? 0 : this.highWaterMark - this.queue.total;
    }

    get canClose() { return !this.closeRequested && this.stream.state === "readable"; }

    get wantsMore() {
      if (!this.canClose || !this.started) return false;
      return this.stream.waiting(false) > 0 || this.desiredSize > 0;
    }

    pullIfNeeded() {
      if (!this.wantsMore) return;
      if (this.pulling) {
        this.pullAgain = true;
        return;
      }
      this.pulling = true;
      react(
        this.pull(this),
        () => {
          this.pulling = false;
          if (!this.pullAgain) return;
          this.pullAgain = false;
          this.pullIfNeeded();
        },
        (error) => this.error(error),
      );
    }

    enqueue(chunk) {
      if (!this.canClose) return;
      if (this.stream.waiting(false) > 0) this.stream.fulfil(chunk, false);
      else {
        try {
          this.queue.push(chunk, this.size(chunk));
        } catch (error) {
          this.error(error);
          throw error;
        }
      }
      this.pullIfNeeded();
    }

    close() {
      if (!this.canClose) return;
      this.closeRequested = true;
      if (this.queue.length === 0) this.#end();
    }

    error(error) {
      if (this.stream.state !== "readable") return;
      this.queue.clear();
      this.#forget();
      this.stream.fail(error);
    }

    #end() {
      this.#forget();
      this.stream.close();
    }

    /** What an author gave is not held longer than it can be called. */
    #forget() {
      this.pull = this.cancel = this.size = undefined;
    }

    cancelSteps(reason) {
      this.queue.clear();
      const result = this.cancel(reason);
      this.#forget();
      return result;
    }

    pullSteps(request) {
      if (this.queue.length === 0) {
        this.stream.reader.requests.push(request);
        this.pullIfNeeded();
        return;
      }
      const chunk = this.queue.shift();
      if (this.closeRequested && this.queue.length === 0) this.#end();
      else this.pullIfNeeded();
      request.chunk(chunk);
    }

    releaseSteps() {}
  }

  let controllerIn;

  class ReadableStreamDefaultController {
    #inner;
    constructor(key, inner) {
      closed(key, "ReadableStreamDefaultController");
      this.#inner = inner;
    }
    static { controllerIn = (wrapper) => wrapper.#inner; }

    get desiredSize() { return this.#inner.desiredSize; }
    close() {
      if (!this.#inner.canClose) throw new TypeError("the stream cannot be closed: it is closed already, or has failed");
      this.#inner.close();
    }
    enqueue(chunk = undefined) {
      if (!this.#inner.canClose) throw new TypeError("nothing can be enqueued: the stream is closed, or has failed");
      this.#inner.enqueue(chunk);
    }
    error(error = undefined) { this.#inner.error(error); }
  }

  /** A stream of the prelude's own making: `source` has `start`, and `pull` and `cancel`, which give promises. */
  function streamOf(source, highWaterMark = 1, size = () => 1) {
    const stream = new Readable();
    new Controller(stream, source, highWaterMark, size);
    return stream;
  }

  /** What an author's object asks for; its methods are called on it. */
  function methodsOf(source, { start, pull, cancel }) {
    return {
      start: start ? (controller) => Reflect.apply(start, source, [controller.visible]) : () => undefined,
      pull: pull ? (controller) => promiseCall(pull, source, [controller.visible]) : () => resolved(undefined),
      cancel: cancel ? (reason) => promiseCall(cancel, source, [reason]) : () => resolved(undefined),
    };
  }

  expose(ReadableStreamDefaultController);
  Object.defineProperty(ReadableStreamDefaultController, "length", { value: 0, configurable: true });
  return { Controller, streamOf, methodsOf, controllerIn, ReadableStreamDefaultController };
}
