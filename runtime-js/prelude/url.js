// URL and URLSearchParams, as the URL standard has them; parsing and serialising are Rust's.

export default function urls(native) {
  const FIELDS = ["href", "origin", "protocol", "username", "password", "host", "hostname", "port", "pathname", "search", "hash"];
  /** How a URL hears of changes in its parameters, and they of changes in it. */
  let follow;
  let replace;

  class URLSearchParams {
    #pairs = [];
    #changed = () => {};

    constructor(init = "") {
      if (init === null || (typeof init !== "object" && typeof init !== "function")) {
        const text = String(init);
        this.#pairs = parsed(text.startsWith("?") ? text.slice(1) : text);
      } else if (typeof init[Symbol.iterator] === "function") {
        for (const pair of init) {
          const both = [...pair];
          if (both.length !== 2) throw new TypeError("each entry of URLSearchParams must be a pair of a name and a value");
          this.#pairs.push([wellFormed(both[0]), wellFormed(both[1])]);
        }
      } else {
        for (const name of Reflect.ownKeys(init)) {
          if (!Object.getOwnPropertyDescriptor(init, name)?.enumerable) continue;
          this.#pairs.push([wellFormed(name), wellFormed(init[name])]);
        }
      }
    }

    static {
      follow = (params, changed) => (params.#changed = changed);
      replace = (params, text) => (params.#pairs = parsed(text));
    }

    get size() { return this.#pairs.length; }

    append(name, value) {
      this.#pairs.push([wellFormed(name), wellFormed(value)]);
      this.#changed();
    }

    delete(name, value) {
      const key = wellFormed(name);
      const wanted = value === undefined ? undefined : wellFormed(value);
      this.#pairs = this.#pairs.filter(([known, held]) => known !== key || (wanted !== undefined && held !== wanted));
      this.#changed();
    }

    get(name) {
      const key = wellFormed(name);
      return this.#pairs.find(([known]) => known === key)?.[1] ?? null;
    }

    getAll(name) {
      const key = wellFormed(name);
      return this.#pairs.filter(([known]) => known === key).map(([, value]) => value);
    }

    has(name, value) {
      const key = wellFormed(name);
      const wanted = value === undefined ? undefined : wellFormed(value);
      return this.#pairs.some(([known, held]) => known === key && (wanted === undefined || held === wanted));
    }

    set(name, value) {
      const key = wellFormed(name);
      const first = this.#pairs.findIndex(([known]) => known === key);
      if (first === -1) this.#pairs.push([key, wellFormed(value)]);
      else {
        this.#pairs[first][1] = wellFormed(value);
        this.#pairs = this.#pairs.filter(([known], at) => known !== key || at <= first);
      }
      this.#changed();
    }

    /** By code units, and stable. */
    sort() {
      this.#pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
      this.#changed();
    }

    forEach(callback, self) {
      for (const [name, value] of this) callback.call(self, value, name, this);
    }

    *entries() {
      for (let at = 0; at < this.#pairs.length; at += 1) yield [...this.#pairs[at]];
    }
    *keys() {
      for (let at = 0; at < this.#pairs.length; at += 1) yield this.#pairs[at][0];
    }
    *values() {
      for (let at = 0; at < this.#pairs.length; at += 1) yield this.#pairs[at][1];
    }

    toString() {
      return native.formSerialize(this.#pairs.flat());
    }
  }
  URLSearchParams.prototype[Symbol.iterator] = URLSearchParams.prototype.entries;
  Object.defineProperty(URLSearchParams.prototype, Symbol.iterator, { enumerable: false });

  const wellFormed = (value) => String(value).toWellFormed();

  function parsed(text) {
    const flat = native.formParse(text.toWellFormed());
    const pairs = [];
    for (let at = 0; at < flat.length; at += 2) pairs.push([flat[at], flat[at + 1]]);
    return pairs;
  }

  class URL {
    #parts;
    #params;

    constructor(url, base) {
      if (arguments.length === 0) throw new TypeError("URL takes a URL");
      this.#parts = native.urlParse(wellFormed(url), base === undefined ? undefined : wellFormed(base));
      if (!this.#parts) {
        const error = new TypeError(`Invalid URL: ${url}${base === undefined ? "" : ` (base ${base})`}`);
        error.code = "ERR_INVALID_URL";
        throw error;
      }
    }

    static canParse(url, base) {
      return Boolean(native.urlParse(wellFormed(url), base === undefined ? undefined : wellFormed(base)));
    }

    static parse(url, base) {
      return URL.canParse(url, base) ? new URL(url, base) : null;
    }

    #set(field, value) {
      const changed = native.urlSet(this.#parts[0], field, wellFormed(value));
      if (!changed) {
        if (field === "href") throw new TypeError(`Invalid URL: ${value}`);
        return;
      }
      this.#parts = changed;
      if (this.#params) replace(this.#params, this.search.slice(1));
    }

    get searchParams() {
      if (!this.#params) {
        this.#params = new URLSearchParams(this.search);
        follow(this.#params, () => {
          this.#parts = native.urlSet(this.#parts[0], "search", this.#params.toString()) ?? this.#parts;
        });
      }
      return this.#params;
    }

    toString() { return this.#parts[0]; }
    toJSON() { return this.#parts[0]; }

    static {
      FIELDS.forEach((field, at) => {
        Object.defineProperty(URL.prototype, field, {
          get() { return this.#parts[at]; },
          set: field === "origin" ? undefined : function (value) { this.#set(field, value); },
          enumerable: true,
          configurable: true,
        });
      });
    }
  }

  for (const type of [URL, URLSearchParams]) {
    Object.defineProperty(type.prototype, Symbol.toStringTag, { value: type.name, configurable: true });
  }
  return { URL, URLSearchParams };
}
