// What readable and writable streams share: promises whose ends are held, queues with sizes, and strategies.

export default function common(native, tools) {
  const { expose, dictionary, callback, needs, resolved, rejected, isObject } = tools.part("idl");
  const { apply } = Reflect;
  const { then } = Promise.prototype;

  /** A reaction that no patched `then` can see. */
  const react = (promise, fulfilled, failed) => apply(then, promise, [fulfilled, failed]);

  const ignore = () => {};
  /** Nobody needs to hear of a rejection. */
  const handled = (promise) => void react(promise, undefined, ignore);

  /** A promise whose ends are held. */
  class Deferred {
    promise;
    pending = true;
    #resolve;
    #reject;

    constructor() {
      this.promise = new Promise((resolve, reject) => {
        this.#resolve = resolve;
        this.#reject = reject;
      });
    }
    resolve(value) {
      this.pending = false;
      this.#resolve(value);
    }
    reject(reason) {
      this.pending = false;
      this.#reject(reason);
    }
  }

  const deferred = () => new Deferred();
  /** Held ends of a promise that has come to its own already. */
  const settledWith = (promise) => ({ promise, pending: false, resolve: ignore, reject: ignore });

  /** Calls an author's function; the promise of what it returns, also when it throws. */
  function promiseCall(method, self, values) {
    try {
      return resolved(apply(method, self, values));
    } catch (error) {
      return rejected(error);
    }
  }

  /** First in, first out, in constant time. */
  class Fifo {
    #items = [];
    #first = 0;

    get length() { return this.#items.length - this.#first; }
    get first() { return this.#items[this.#first]; }
    push(item) { this.#items[this.#items.length] = item; }
    shift() {
      const item = this.#items[this.#first];
      this.#items[this.#first] = undefined;
      this.#first += 1;
      if (this.#first === this.#items.length) {
        this.#items = [];
        this.#first = 0;
      } else if (this.#first > 1024 && this.#first * 2 > this.#items.length) {
        this.#items = this.#items.slice(this.#first);
        this.#first = 0;
      }
      return item;
    }
    /** All, which are then no longer here. */
    take() {
      const items = this.#items.slice(this.#first);
      this.#items = [];
      this.#first = 0;
      return items;
    }
  }

  class SizedQueue {
    total = 0;
    #items = new Fifo();

    get length() { return this.#items.length; }
    push(value, size) {
      if (typeof size !== "number" || !(size >= 0) || size === Infinity) {
        throw new RangeError(`a chunk's size must be a finite number from 0 up, and is ${String(size)}`);
      }
      this.#items.push({ value, size });
      this.total += size;
    }
    shift() {
      const { value, size } = this.#items.shift();
      this.total = Math.max(this.total - size, 0);
      return value;
    }
    peek() { return this.#items.first.value; }
    clear() {
      this.#items.take();
      this.total = 0;
    }
  }

  // --- strategies -----------------------------------------------------------------------------------------

  function strategyOf(value) {
    const given = dictionary(value, "a queuing strategy");
    const { highWaterMark } = given;
    return {
      highWaterMark: highWaterMark === undefined ? undefined : +highWaterMark,
      size: callback(given.size, "the `size` of a queuing strategy"),
    };
  }

  function highWaterMarkOf({ highWaterMark }, otherwise) {
    if (highWaterMark === undefined) return otherwise;
    if (!(highWaterMark >= 0)) throw new RangeError(`highWaterMark must be a number from 0 up, and is ${highWaterMark}`);
    return highWaterMark;
  }

  function sizeOf({ size }) {
    return size === undefined ? () => 1 : (chunk) => +apply(size, undefined, [chunk]);
  }

  const highWaterMarkIn = (init, name, given) => {
    needs(1, given, `new ${name}`);
    if (!isObject(init) && init !== undefined && init !== null) throw new TypeError(`${name} takes { highWaterMark }`);
    if (init?.highWaterMark === undefined) throw new TypeError(`${name} needs a highWaterMark`);
    return +init.highWaterMark;
  };

  const byteLengthSize = { size: (chunk) => chunk.byteLength }.size;
  const countSize = { size: () => 1 }.size;

  class ByteLengthQueuingStrategy {
    #highWaterMark;
    constructor(init) { this.#highWaterMark = highWaterMarkIn(init, "ByteLengthQueuingStrategy", arguments); }
    get highWaterMark() { return this.#highWaterMark; }
    get size() {
      void this.#highWaterMark;
      return byteLengthSize;
    }
  }

  class CountQueuingStrategy {
    #highWaterMark;
    constructor(init) { this.#highWaterMark = highWaterMarkIn(init, "CountQueuingStrategy", arguments); }
    get highWaterMark() { return this.#highWaterMark; }
    get size() {
      void this.#highWaterMark;
      return countSize;
    }
  }

  return {
    react, ignore, handled, deferred, settledWith, promiseCall, Fifo, SizedQueue, strategyOf, highWaterMarkOf, sizeOf,
    ByteLengthQueuingStrategy: expose(ByteLengthQueuingStrategy),
    CountQueuingStrategy: expose(CountQueuingStrategy),
  };
}
