// What the web's interface descriptions ask of every class and argument, said once.

export default function idl() {
  const { defineProperty, getOwnPropertyDescriptor } = Object;
  const { apply } = Reflect;
  const { resolve: promiseResolve, reject: promiseReject } = Promise;
  const NativePromise = Promise;

  /** The prototypes of what is exposed, for whoever shows a value; and of those that are lists, what gives their pairs. */
  const exposed = new WeakSet();
  const lists = new WeakMap();

  /** Members are enumerable, and `Object.prototype.toString` tells the name. `inner` are members that scripts cannot see as such. */
  function expose(type, name = type.name) {
    if (type.name !== name) defineProperty(type, "name", { value: name, configurable: true });
    for (const [holder, kept] of [[type, ["length", "name", "prototype"]], [type.prototype, ["constructor"]]]) {
      for (const key of Object.getOwnPropertyNames(holder)) {
        if (kept.includes(key)) continue;
        if (getOwnPropertyDescriptor(holder, key).configurable) defineProperty(holder, key, { enumerable: true });
      }
    }
    defineProperty(type.prototype, Symbol.toStringTag, { value: name, configurable: true });
    exposed.add(type.prototype);
    return type;
  }

  /** Constants are on the class and on what it makes. */
  function constants(type, values) {
    for (const [key, value] of Object.entries(values)) {
      for (const holder of [type, type.prototype]) defineProperty(holder, key, { value, enumerable: true });
    }
  }

  /** The iteration of a class that is a list of pairs: `pairsOf` gives them as they are at that moment. */
  function iterable(type, pairsOf) {
    const iteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));
    const inner = new WeakMap();
    lists.set(type.prototype, pairsOf);
    const prototype = Object.create(iteratorPrototype, {
      [Symbol.toStringTag]: { value: `${type.name} Iterator`, configurable: true },
    });
    const next = function next() {
      const held = inner.get(this);
      if (!held) throw new TypeError(`next must be called on an iterator of ${type.name}`);
      const pairs = pairsOf(held.target);
      if (held.at >= pairs.length) return { value: undefined, done: true };
      const [key, value] = pairs[held.at];
      held.at += 1;
      return { value: held.kind === "keys" ? key : held.kind === "values" ? value : [key, value], done: false };
    };
    defineProperty(prototype, "next", { value: next, writable: true, enumerable: true, configurable: true });
    const make = (target, kind) => {
      pairsOf(target);
      const iterator = Object.create(prototype);
      inner.set(iterator, { target, kind, at: 0 });
      return iterator;
    };
    const methods = {
      entries() { return make(this, "entries"); },
      keys() { return make(this, "keys"); },
      values() { return make(this, "values"); },
      forEach(callback, self) {
        if (typeof callback !== "function") throw new TypeError("forEach takes a function");
        for (let at = 0, pairs = pairsOf(this); at < pairs.length; at += 1, pairs = pairsOf(this)) {
          apply(callback, self, [pairs[at][1], pairs[at][0], this]);
        }
      },
    };
    defineProperty(methods.forEach, "length", { value: 1, configurable: true });
    for (const [key, value] of Object.entries(methods)) {
      defineProperty(type.prototype, key, { value, writable: true, enumerable: true, configurable: true });
    }
    defineProperty(type.prototype, Symbol.iterator, { value: methods.entries, writable: true, configurable: true });
  }

  const isObject = (value) => (typeof value === "object" && value !== null) || typeof value === "function";

  /** A dictionary argument: an object, or nothing. */
  function dictionary(value, what) {
    if (value === undefined || value === null) return {};
    if (!isObject(value)) throw new TypeError(`${what} must be an object, and is of type ${typeof value}`);
    return value;
  }

  function callback(value, what) {
    if (value !== undefined && typeof value !== "function") throw new TypeError(`${what} must be a function, and is of type ${typeof value}`);
    return value;
  }

  function needs(count, given, what) {
    if (given.length < count) throw new TypeError(`${what} takes ${count === 1 ? "an argument" : `${count} arguments`}; it was given ${given.length}`);
  }

  /** Text without lone surrogates. A symbol is not text. */
  const text = (value) => `${value}`.toWellFormed();

  /** An integer from 0 up to `max`; anything else is a TypeError. */
  function integer(value, what, max = Number.MAX_SAFE_INTEGER) {
    const number = Math.trunc(+value);
    if (!(number >= 0 && number <= max)) throw new TypeError(`${what} must be an integer from 0 to ${max}, and is ${String(value)}`);
    return number === 0 ? 0 : number;
  }

  /** Text in which each character stands for a byte. */
  function byteText(value, what) {
    const string = `${value}`;
    if (/[^\0-\xff]/.test(string)) throw new TypeError(`${what} holds a character beyond U+00FF`);
    return string;
  }

  /** Always a new promise, as the standards have it: one that is given is adopted, and that takes its time. */
  const resolved = (value) => new NativePromise((resolve) => resolve(value));
  const rejected = (reason) => apply(promiseReject, NativePromise, [reason]);

  /** For what returns a promise: it never throws. */
  function promised(body) {
    try {
      return apply(promiseResolve, NativePromise, [body()]);
    } catch (error) {
      return rejected(error);
    }
  }

  /** Only this prelude can make things with it. */
  const inside = Symbol("inside");
  function closed(key, name) {
    if (key !== inside) throw new TypeError(`Illegal constructor: ${name} is not made by scripts`);
  }

  return {
    expose, exposed, lists, constants, iterable, isObject, dictionary, callback, needs, text, integer, byteText, resolved, rejected, promised, inside, closed,
  };
}
