// ReadableStream and its readers: the classes that scripts see.

export default function readable(native, tools) {
  const { expose, isObject, dictionary, callback, integer, resolved, rejected, promised } = tools.part("idl");
  const { react, deferred, promiseCall, strategyOf, highWaterMarkOf, sizeOf } = tools.part("streams/common");
  const { Readable, Reader } = tools.part("streams/state");
  const { Controller, streamOf, methodsOf, ReadableStreamDefaultController } = tools.part("streams/default");
  const hidden = Symbol("hidden");
  let stateOf;
  let show;

  class ReadableStream {
    #inner;

    constructor(underlyingSource, strategy) {
      if (underlyingSource === hidden) {
        this.#inner = strategy;
        return;
      }
      const given = strategyOf(strategy);
      if (underlyingSource !== undefined && !isObject(underlyingSource)) throw new TypeError("an underlying source must be an object");
      const source = sourceOf(underlyingSource);
      const inner = new Readable();
      inner.wrapper = this;
      this.#inner = inner;
      const methods = methodsOf(underlyingSource, source);
      if (source.type === "bytes") {
        if (given.size !== undefined) throw new RangeError("a stream of bytes counts bytes: its strategy has no `size`");
        const { ByteController } = tools.part("streams/bytes");
        new ByteController(inner, methods, highWaterMarkOf(given, 0), source.autoAllocateChunkSize);
      } else {
        const size = sizeOf(given);
        new Controller(inner, methods, highWaterMarkOf(given, 1), size);
      }
    }
    static {
      stateOf = (stream) => (isObject(stream) && #inner in stream ? stream.#inner : undefined);
      show = (inner) => (inner.wrapper ??= new ReadableStream(hidden, inner));
    }

    static from(iterable) {
      if (arguments.length === 0) throw new TypeError("ReadableStream.from takes an iterable");
      return show(fromIterable(iterable));
    }

    get locked() { return this.#inner.locked; }

    cancel(reason = undefined) {
      return promised(() => {
        if (this.#inner.locked) throw new TypeError("a locked stream cannot be cancelled: ask its reader");
        return this.#inner.cancel(reason);
      });
    }

    getReader(options = undefined) {
      void this.#inner;
      const { mode } = dictionary(options, "the options of getReader");
      if (mode === undefined) return new ReadableStreamDefaultReader(this);
      if (`${mode}` !== "byob") throw new TypeError(`the mode of a reader is "byob" or none, and not ${JSON.stringify(`${mode}`)}`);
      return new ReadableStreamBYOBReader(this);
    }

    pipeThrough(transform, options = undefined) {
      const inner = this.#inner;
      if (!isObject(transform)) throw new TypeError("pipeThrough takes { readable, writable }");
      const { readable } = transform;
      if (!stateOf(readable)) throw new TypeError("pipeThrough takes { readable, writable }: `readable` is not a ReadableStream");
      const target = writables().stateOf(transform.writable);
      if (!target) throw new TypeError("pipeThrough takes { readable, writable }: `writable` is not a WritableStream");
      const given = pipeOptions(options);
      unlocked(inner, target);
      const piped = tools.part("streams/pipe").pipe(inner, target, given);
      react(piped, undefined, () => {});
      return readable;
    }

    pipeTo(destination, options = undefined) {
      return promised(() => {
        const inner = this.#inner;
        const target = writables().stateOf(destination);
        if (!target) throw new TypeError("pipeTo takes a WritableStream");
        const given = pipeOptions(options);
        unlocked(inner, target);
        return tools.part("streams/pipe").pipe(inner, target, given);
      });
    }

    tee() {
      return tools.part("streams/tee").tee(this.#inner).map(show);
    }

    values(options = undefined) {
      const inner = this.#inner;
      const { preventCancel } = dictionary(options, "the options of values");
      return iteratorOf(new Reader(inner, false), Boolean(preventCancel));
    }
  }

  const writables = () => tools.part("streams/writable");

  function unlocked(source, target) {
    if (source.locked) throw new TypeError("a locked stream cannot be piped");
    if (target.locked) throw new TypeError("a locked stream cannot be piped into");
  }

  function pipeOptions(options) {
    const given = dictionary(options, "the options of a pipe");
    const preventAbort = Boolean(given.preventAbort);
    const preventCancel = Boolean(given.preventCancel);
    const preventClose = Boolean(given.preventClose);
    const { signal } = given;
    if (signal !== undefined && !tools.part("abort").isAbortSignal(signal)) throw new TypeError("the signal of a pipe must be an AbortSignal");
    return { preventAbort, preventCancel, preventClose, signal };
  }

  function sourceOf(object) {
    const given = dictionary(object, "an underlying source");
    const { autoAllocateChunkSize } = given;
    const size = autoAllocateChunkSize === undefined ? undefined : integer(autoAllocateChunkSize, "autoAllocateChunkSize");
    const cancel = callback(given.cancel, "`cancel` of an underlying source");
    const pull = callback(given.pull, "`pull` of an underlying source");
    const start = callback(given.start, "`start` of an underlying source");
    const type = given.type === undefined ? undefined : `${given.type}`;
    if (type !== undefined && type !== "bytes") throw new TypeError(`the type of an underlying source is "bytes" or none, and not ${JSON.stringify(type)}`);
    if (size === 0) throw new TypeError("autoAllocateChunkSize must be more than 0");
    return { autoAllocateChunkSize: size, cancel, pull, start, type };
  }

  // --- from iterables -------------------------------------------------------------------------------------

  function fromIterable(iterable) {
    const iterator = asyncIteratorOf(iterable);
    const stream = streamOf(
      {
        start: () => undefined,
        pull: () =>
          react(promiseCall(iterator.next, iterator.object, []), (result) => {
            if (!isObject(result)) throw new TypeError("an iterator gave something else than an object");
            if (result.done) stream.controller.close();
            else if (!iterator.sync) stream.controller.enqueue(result.value);
            else return react(resolved(result.value), (value) => stream.controller.enqueue(value));
          }),
        cancel(reason) {
          let method;
          try {
            method = iterator.object.return;
          } catch (error) {
            return rejected(error);
          }
          if (method === undefined || method === null) return resolved(undefined);
          if (typeof method !== "function") return rejected(new TypeError("the `return` of an iterator must be a function"));
          return react(promiseCall(method, iterator.object, [reason]), (result) => {
            if (!isObject(result)) throw new TypeError("an iterator gave something else than an object");
          });
        },
      },
      0,
    );
    return stream;
  }

  function asyncIteratorOf(iterable) {
    if (iterable === undefined || iterable === null) throw new TypeError("ReadableStream.from takes an iterable");
    const own = iterable[Symbol.asyncIterator];
    const sync = own === undefined || own === null;
    const method = sync ? iterable[Symbol.iterator] : own;
    if (typeof method !== "function") throw new TypeError("ReadableStream.from takes an iterable, with a Symbol.asyncIterator or a Symbol.iterator");
    const object = Reflect.apply(method, iterable, []);
    if (!isObject(object)) throw new TypeError("the iterator must be an object");
    return { object, next: object.next, sync };
  }

  // --- to iterables ---------------------------------------------------------------------------------------

  const asyncIteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf(async function* () {}.prototype));
  const iterators = new WeakMap();
  const done = (value) => ({ value, done: true });

  function iteratorOf(reader, preventCancel) {
    const iterator = Object.create(iteratorPrototype);
    iterators.set(iterator, { reader, preventCancel, ongoing: undefined, finished: false });
    return iterator;
  }

  function nextOf(held) {
    if (held.finished) return resolved(done(undefined));
    const result = deferred();
    held.reader.read({
      chunk: (value) => result.resolve({ value, done: false }),
      close() {
        held.finished = true;
        held.reader.release();
        result.resolve(done(undefined));
      },
      error(error) {
        held.finished = true;
        held.reader.release();
        result.reject(error);
      },
    });
    return react(result.promise, (value) => value);
  }

  function returnOf(held, value) {
    if (held.finished) return resolved(done(value));
    held.finished = true;
    const { reader } = held;
    if (held.preventCancel) {
      reader.release();
      return resolved(done(value));
    }
    const canceled = reader.stream.cancel(value);
    reader.release();
    return react(canceled, () => done(value));
  }

  /** One step after the other, however they are asked for. */
  function inTurn(iterator, step) {
    const held = iterators.get(iterator);
    if (!held) return rejected(new TypeError("this is not an iterator of a ReadableStream"));
    held.ongoing = held.ongoing ? react(held.ongoing, () => step(held), () => step(held)) : step(held);
    return held.ongoing;
  }

  const iteratorPrototype = Object.create(asyncIteratorPrototype);
  const iteratorMethods = {
    next() { return inTurn(this, nextOf); },
    return(value = undefined) { return inTurn(this, (held) => returnOf(held, value)); },
  };
  Object.defineProperty(iteratorMethods.return, "length", { value: 1, configurable: true });
  for (const [name, value] of Object.entries(iteratorMethods)) {
    Object.defineProperty(iteratorPrototype, name, { value, writable: true, enumerable: true, configurable: true });
  }

  // --- readers --------------------------------------------------------------------------------------------

  const readingFrom = (stream) => {
    const inner = stateOf(stream);
    if (!inner) throw new TypeError("a reader reads a ReadableStream");
    return inner;
  };

  function streamIn(reader) {
    if (!reader.stream) throw new TypeError("the reader was released");
    return reader.stream;
  }

  class ReadableStreamDefaultReader {
    #inner;
    constructor(stream) { this.#inner = new Reader(readingFrom(stream), false); }

    get closed() { return promised(() => this.#inner.closed.promise); }
    cancel(reason = undefined) { return promised(() => streamIn(this.#inner).cancel(reason)); }
    read() {
      return promised(() => {
        streamIn(this.#inner);
        const result = deferred();
        this.#inner.read({
          chunk: (value) => result.resolve({ value, done: false }),
          close: () => result.resolve(done(undefined)),
          error: (error) => result.reject(error),
        });
        return result.promise;
      });
    }
    releaseLock() {
      if (this.#inner.stream) this.#inner.release();
    }
  }

  class ReadableStreamBYOBReader {
    #inner;
    constructor(stream) { this.#inner = new Reader(readingFrom(stream), true); }

    get closed() { return promised(() => this.#inner.closed.promise); }
    cancel(reason = undefined) { return promised(() => streamIn(this.#inner).cancel(reason)); }
    read(view, options = undefined) {
      return promised(() => {
        const inner = this.#inner;
        if (!ArrayBuffer.isView(view)) throw new TypeError("a reader of mode \"byob\" reads into a view of a buffer");
        const { min = 1 } = dictionary(options, "the options of read");
        const least = integer(min, "`min`");
        if (view.byteLength === 0 || view.buffer.byteLength === 0) throw new TypeError("the view to read into is empty");
        if (view.buffer.detached) throw new TypeError("the buffer of the view is detached");
        if (least === 0) throw new TypeError("`min` must be more than 0");
        if (least > (view instanceof DataView ? view.byteLength : view.length)) throw new RangeError("`min` is more than the view holds");
        streamIn(inner);
        const result = deferred();
        inner.readInto(view, least, {
          chunk: (value) => result.resolve({ value, done: false }),
          close: (value) => result.resolve(done(value)),
          error: (error) => result.reject(error),
        });
        return result.promise;
      });
    }
    releaseLock() {
      if (this.#inner.stream) this.#inner.release();
    }
  }

  for (const type of [ReadableStream, ReadableStreamDefaultReader, ReadableStreamBYOBReader]) expose(type);
  Object.defineProperty(ReadableStream, "length", { value: 0, configurable: true });
  Object.defineProperty(ReadableStream.prototype, Symbol.asyncIterator, { value: ReadableStream.prototype.values, writable: true, configurable: true });
  return {
    ReadableStream, ReadableStreamDefaultReader, ReadableStreamBYOBReader, ReadableStreamDefaultController, stateOf, show,
  };
}
