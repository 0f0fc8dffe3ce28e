// Headers, as the Fetch standard has them.

export default function headersPart() {
  const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

  function nameOf(name) {
    const text = String(name);
    if (!TOKEN.test(text)) throw new TypeError(`${JSON.stringify(text)} is not a valid header name`);
    return text.toLowerCase();
  }

  function valueOf(value, name) {
    const text = String(value).replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, "");
    if (/[\0\n\r]|[^\0-\xff]/.test(text)) throw new TypeError(`the value of header ${name} holds a character that headers cannot`);
    return text;
  }

  class Headers {
    /** Lower-case names to their values, one by one. */
    #values = new Map();

    constructor(init) {
      if (init === undefined) return;
      if (init === null || (typeof init !== "object" && typeof init !== "function")) {
        throw new TypeError("Headers takes an object, or a list of pairs");
      }
      if (typeof init[Symbol.iterator] === "function") {
        for (const pair of init) {
          const both = [...pair];
          if (both.length !== 2) throw new TypeError("each entry of Headers must be a pair of a name and a value");
          this.append(both[0], both[1]);
        }
        return;
      }
      for (const name of Reflect.ownKeys(init)) {
        if (Object.getOwnPropertyDescriptor(init, name)?.enumerable) this.append(name, init[name]);
      }
    }

    append(name, value) {
      const key = nameOf(name);
      const text = valueOf(value, key);
      const held = this.#values.get(key);
      if (held) held.push(text);
      else this.#values.set(key, [text]);
    }

    delete(name) { this.#values.delete(nameOf(name)); }
    get(name) { return this.#values.get(nameOf(name))?.join(", ") ?? null; }
    has(name) { return this.#values.has(nameOf(name)); }
    set(name, value) {
      const key = nameOf(name);
      this.#values.set(key, [valueOf(value, key)]);
    }
    getSetCookie() { return [...(this.#values.get("set-cookie") ?? [])]; }

    forEach(callback, self) {
      for (const [name, value] of this) callback.call(self, value, name, this);
    }

    /** Sorted by name; cookies stay apart. */
    *entries() {
      for (const name of [...this.#values.keys()].sort()) {
        const values = this.#values.get(name);
        if (values === undefined) continue;
        if (name === "set-cookie") for (const value of values) yield [name, value];
        else yield [name, values.join(", ")];
      }
    }
    *keys() { for (const [name] of this) yield name; }
    *values() { for (const [, value] of this) yield value; }
  }
  Object.defineProperty(Headers.prototype, Symbol.iterator, { value: Headers.prototype.entries, writable: true, configurable: true });
  Object.defineProperty(Headers.prototype, Symbol.toStringTag, { value: "Headers", configurable: true });
  return { Headers };
}
