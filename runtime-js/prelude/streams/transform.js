// TransformStream: what is written into its one side comes out of the other.

export default function transforming(native, tools) {
  const { expose, inside, closed, isObject, dictionary, callback, resolved, rejected } = tools.part("idl");
  const { react, handled, deferred, promiseCall, strategyOf, highWaterMarkOf, sizeOf } = tools.part("streams/common");
  const { streamOf } = tools.part("streams/default");
  const { writableOf, show: showWritable } = tools.part("streams/writable");
  const readables = tools.part("streams/readable");

  class Transform {
    transform;
    flush;
    cancel;
    readable;
    writable;
    backpressure = undefined;
    change = undefined;
    wrapper = undefined;
    /** Settled when one end has flushed or cancelled: both ends wait for the same. */
    finish = undefined;

    constructor({ transform, flush, cancel }, started, [writableMark, writableSize], [readableMark, readableSize]) {
      this.transform = transform;
      this.flush = flush;
      this.cancel = cancel;
      this.writable = writableOf(
        {
          start: () => started,
          write: (chunk) => this.#write(chunk),
          close: () => this.#close(),
          abort: (reason) => this.#abort(reason),
        },
        writableMark,
        writableSize,
      );
      this.readable = streamOf(
        {
          start: () => started,
          pull: () => {
            this.setBackpressure(false);
            return this.change.promise;
          },
          cancel: (reason) => this.#cancel(reason),
        },
        readableMark,
        readableSize,
      );
      this.setBackpressure(true);
    }

    get visible() { return (this.wrapper ??= new TransformStreamDefaultController(inside, this)); }

    setBackpressure(backpressure) {
      this.change?.resolve(undefined);
      this.change = deferred();
      this.backpressure = backpressure;
    }

    enqueue(chunk) {
      const { controller } = this.readable;
      if (!controller.canClose) throw new TypeError("nothing can be enqueued: the readable side is closed, or has failed");
      try {
        controller.enqueue(chunk);
      } catch (error) {
        this.errorWritable(error);
        throw this.readable.error;
      }
      if (!controller.wantsMore !== this.backpressure) this.setBackpressure(true);
    }

    error(error) {
      this.readable.controller.error(error);
      this.errorWritable(error);
    }

    errorWritable(error) {
      this.forget();
      this.writable.controller.errorIfNeeded(error);
      this.unblock();
    }

    unblock() {
      if (this.backpressure) this.setBackpressure(false);
    }

    terminate() {
      this.readable.controller.close();
      this.errorWritable(new TypeError("the stream was terminated"));
    }

    forget() { this.transform = this.flush = this.cancel = undefined; }

    #perform(chunk) {
      return react(this.transform(chunk, this), undefined, (error) => {
        this.error(error);
        throw error;
      });
    }

    #write(chunk) {
      if (!this.backpressure) return this.#perform(chunk);
      return react(this.change.promise, () => {
        if (this.writable.state === "erroring") throw this.writable.error;
        return this.#perform(chunk);
      });
    }

    #abort(reason) {
      return this.#ending(
        () => this.cancel(reason),
        () => {
          if (this.readable.state === "errored") throw this.readable.error;
          this.readable.controller.error(reason);
        },
        (error) => this.readable.controller.error(error),
      );
    }

    #close() {
      return this.#ending(
        () => this.flush(this),
        () => {
          if (this.readable.state === "errored") throw this.readable.error;
          this.readable.controller.close();
        },
        (error) => this.readable.controller.error(error),
      );
    }

    #cancel(reason) {
      return this.#ending(
        () => this.cancel(reason),
        () => {
          if (this.writable.state === "errored") throw this.writable.error;
          this.writable.controller.errorIfNeeded(reason);
          this.unblock();
        },
        (error) => {
          this.writable.controller.errorIfNeeded(error);
          this.unblock();
        },
      );
    }

    /** The author's flush or cancel runs once; then the other side follows. */
    #ending(act, then, failed) {
      if (this.finish) return this.finish.promise;
      this.finish = deferred();
      const { finish } = this;
      handled(finish.promise);
      const acted = act();
      this.forget();
      react(
        acted,
        () => {
          try {
            then();
            finish.resolve(undefined);
          } catch (error) {
            finish.reject(error);
          }
        },
        (error) => {
          failed(error);
          finish.reject(error);
        },
      );
      return finish.promise;
    }
  }

  class TransformStreamDefaultController {
    #inner;
    constructor(key, inner) {
      closed(key, "TransformStreamDefaultController");
      this.#inner = inner;
    }
    get desiredSize() { return this.#inner.readable.controller.desiredSize; }
    enqueue(chunk = undefined) { this.#inner.enqueue(chunk); }
    error(reason = undefined) { this.#inner.error(reason); }
    terminate() { this.#inner.terminate(); }
  }

  class TransformStream {
    #readable;
    #writable;

    constructor(transformer, writableStrategy, readableStrategy) {
      const writable = strategyOf(writableStrategy);
      const readable = strategyOf(readableStrategy);
      if (transformer !== undefined && !isObject(transformer)) throw new TypeError("a transformer must be an object");
      const given = methodsOf(transformer);
      const start = deferred();
      const readableMark = highWaterMarkOf(readable, 0);
      const readableSize = sizeOf(readable);
      const writableMark = highWaterMarkOf(writable, 1);
      const inner = new Transform(given, start.promise, [writableMark, sizeOf(writable)], [readableMark, readableSize]);
      this.#readable = readables.show(inner.readable);
      this.#writable = showWritable(inner.writable);
      start.resolve(given.start(inner));
    }

    get readable() { return this.#readable; }
    get writable() { return this.#writable; }
  }

  /** What an author's object asks for; its methods are called on it. */
  function methodsOf(object) {
    const given = dictionary(object, "a transformer");
    const cancel = callback(given.cancel, "`cancel` of a transformer");
    const flush = callback(given.flush, "`flush` of a transformer");
    if (given.readableType !== undefined) throw new RangeError("the `readableType` of a transformer must be undefined");
    const start = callback(given.start, "`start` of a transformer");
    const transform = callback(given.transform, "`transform` of a transformer");
    if (given.writableType !== undefined) throw new RangeError("the `writableType` of a transformer must be undefined");
    return {
      start: start ? (inner) => Reflect.apply(start, object, [inner.visible]) : () => undefined,
      transform: transform ? (chunk, inner) => promiseCall(transform, object, [chunk, inner.visible]) : passOn,
      flush: flush ? (inner) => promiseCall(flush, object, [inner.visible]) : () => resolved(undefined),
      cancel: cancel ? (reason) => promiseCall(cancel, object, [reason]) : () => resolved(undefined),
    };
  }

  function passOn(chunk, inner) {
    try {
      inner.enqueue(chunk);
      return resolved(undefined);
    } catch (error) {
      return rejected(error);
    }
  }

  /** The two sides of a transformation of the prelude's own: `transform(chunk, enqueue)`, `flush(enqueue)`. */
  function transformOf(transform, flush = () => {}) {
    const enqueueTo = (inner) => (chunk) => inner.enqueue(chunk);
    const promise = (act) => {
      try {
        return resolved(act());
      } catch (error) {
        return rejected(error);
      }
    };
    const inner = new Transform(
      {
        transform: (chunk, self) => promise(() => transform(chunk, enqueueTo(self))),
        flush: (self) => promise(() => flush(enqueueTo(self))),
        cancel: () => resolved(undefined),
      },
      resolved(undefined),
      [1, () => 1],
      [0, () => 1],
    );
    return { readable: readables.show(inner.readable), writable: showWritable(inner.writable) };
  }

  expose(TransformStreamDefaultController);
  expose(TransformStream);
  for (const type of [TransformStreamDefaultController, TransformStream]) {
    Object.defineProperty(type, "length", { value: 0, configurable: true });
  }
  return { TransformStream, TransformStreamDefaultController, transformOf };
}
