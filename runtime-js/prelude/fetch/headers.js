// Headers, as the Fetch standard has them. What a browser forbids a page to set, a server may.

export default function headersPart(native, tools) {
  const { expose, iterable, isObject, needs, byteText } = tools.part("idl");
  const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

  function nameOf(name) {
    const text = `${name}`;
    if (!TOKEN.test(text)) throw new TypeError(`${JSON.stringify(text)} is not a valid header name`);
    return text.toLowerCase();
  }

  function valueOf(value, name) {
    const text = byteText(value, `the value of header ${name}`).replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, "");
    if (/[\0\n\r]/.test(text)) throw new TypeError(`the value of header ${name} holds a character that headers cannot`);
    return text;
  }

  let pairsOf;
  let freeze;
  let isHeaders;

  class Headers {
    /** Lower-case names to their values, one by one. */
    #values = new Map();
    #immutable = false;
    /** What iterating sees, until something changes. */
    #sorted = undefined;

    constructor(init = undefined) {
      if (init !== undefined) fill(this, init);
    }

    static {
      isHeaders = (value) => isObject(value) && #values in value;
      freeze = (headers) => {
        headers.#immutable = true;
        return headers;
      };
      pairsOf = (headers) => (headers.#sorted ??= sorted(headers.#values));
    }

    #change() {
      if (this.#immutable) throw new TypeError("these headers cannot be changed");
      this.#sorted = undefined;
    }

    append(name, value) {
      needs(2, arguments, "append");
      const key = nameOf(name);
      const text = valueOf(value, key);
      this.#change();
      const held = this.#values.get(key);
      if (held) held.push(text);
      else this.#values.set(key, [text]);
    }
    delete(name) {
      needs(1, arguments, "delete");
      const key = nameOf(name);
      this.#change();
      this.#values.delete(key);
    }
    get(name) {
      needs(1, arguments, "get");
      return this.#values.get(nameOf(name))?.join(", ") ?? null;
    }
    has(name) {
      needs(1, arguments, "has");
      return this.#values.has(nameOf(name));
    }
    set(name, value) {
      needs(2, arguments, "set");
      const key = nameOf(name);
      const text = valueOf(value, key);
      this.#change();
      this.#values.set(key, [text]);
    }
    getSetCookie() { return [...(this.#values.get("set-cookie") ?? [])]; }
  }

  /** By name; values of one name are combined, but for cookies. */
  function sorted(values) {
    const names = [...values.keys()].sort();
    return names.flatMap((name) => {
      const held = values.get(name);
      return name === "set-cookie" ? held.map((value) => [name, value]) : [[name, held.join(", ")]];
    });
  }

  function fill(headers, init) {
    if (!isObject(init)) throw new TypeError("Headers takes an object, or a list of pairs");
    const method = init[Symbol.iterator];
    if (method !== undefined && method !== null) {
      if (typeof method !== "function") throw new TypeError("Headers takes an object, or a list of pairs");
      const pairs = Array.from({ [Symbol.iterator]: () => Reflect.apply(method, init, []) }, (pair) => {
        if (!isObject(pair) || typeof pair[Symbol.iterator] !== "function") throw new TypeError("each entry of Headers must be a pair");
        return [...pair];
      });
      for (const pair of pairs) {
        if (pair.length !== 2) throw new TypeError("each entry of Headers must be a pair of a name and a value");
        headers.append(pair[0], pair[1]);
      }
      return;
    }
    const pairs = new Map();
    for (const name of Reflect.ownKeys(init)) {
      if (!Object.getOwnPropertyDescriptor(init, name)?.enumerable) continue;
      if (typeof name === "symbol") throw new TypeError("the name of a header must be text, and is a symbol");
      pairs.set(byteText(name, "the name of a header"), byteText(init[name], `the value of header ${name}`));
    }
    for (const [name, value] of pairs) headers.append(name, value);
  }

  iterable(Headers, pairsOf);
  return { Headers: expose(Headers), freeze, isHeaders, pairsOf };
}
