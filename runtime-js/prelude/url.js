// URL and URLSearchParams, as the URL standard has them; parsing and serialising are Rust's.

export default function urls(native, tools) {
  const urls = tools.natives("url");
  const { expose, iterable, isObject, needs, text: wellFormed } = tools.part("idl");
  const FIELDS = ["href", "origin", "protocol", "username", "password", "host", "hostname", "port", "pathname", "search", "hash"];
  /** How a URL hears of changes in its parameters, and they of changes in it. */
  let follow;
  let replace;
  let pairsOf;
  let isParams;

  class URLSearchParams {
    #pairs = [];
    #changed = () => {};

    constructor(init = "") {
      if (!isObject(init)) {
        const text = wellFormed(init);
        this.#pairs = parsed(text.startsWith("?") ? text.slice(1) : text);
      } else if (init[Symbol.iterator] !== undefined && init[Symbol.iterator] !== null) {
        for (const pair of init) {
          const both = [...pair];
          if (both.length !== 2) throw new TypeError("each entry of URLSearchParams must be a pair of a name and a value");
          this.#pairs.push([wellFormed(both[0]), wellFormed(both[1])]);
        }
      } else {
        const pairs = new Map();
        for (const name of Reflect.ownKeys(init)) {
          if (!Object.getOwnPropertyDescriptor(init, name)?.enumerable) continue;
          pairs.set(wellFormed(name), wellFormed(init[name]));
        }
        this.#pairs = [...pairs];
      }
    }

    static {
      pairsOf = (params) => params.#pairs;
      isParams = (value) => isObject(value) && #pairs in value;
      follow = (params, changed) => (params.#changed = changed);
      replace = (params, text) => (params.#pairs = parsed(text));
    }

    get size() { return this.#pairs.length; }

    append(name, value) {
      needs(2, arguments, "append");
      this.#pairs.push([wellFormed(name), wellFormed(value)]);
      this.#changed();
    }

    delete(name, value = undefined) {
      needs(1, arguments, "delete");
      const key = wellFormed(name);
      const wanted = value === undefined ? undefined : wellFormed(value);
      this.#pairs = this.#pairs.filter(([known, held]) => known !== key || (wanted !== undefined && held !== wanted));
      this.#changed();
    }

    get(name) {
      needs(1, arguments, "get");
      const key = wellFormed(name);
      return this.#pairs.find(([known]) => known === key)?.[1] ?? null;
    }

    getAll(name) {
      needs(1, arguments, "getAll");
      const key = wellFormed(name);
      return this.#pairs.filter(([known]) => known === key).map(([, value]) => value);
    }

    has(name, value = undefined) {
      needs(1, arguments, "has");
      const key = wellFormed(name);
      const wanted = value === undefined ? undefined : wellFormed(value);
      return this.#pairs.some(([known, held]) => known === key && (wanted === undefined || held === wanted));
    }

    set(name, value) {
      needs(2, arguments, "set");
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

    toString() {
      return urls.formSerialize(this.#pairs.flat());
    }
  }
  iterable(URLSearchParams, (params) => pairsOf(params));
  expose(URLSearchParams);
  Object.defineProperty(URLSearchParams, "length", { value: 0, configurable: true });

  function parsed(text) {
    const flat = urls.formParse(text.toWellFormed());
    const pairs = [];
    for (let at = 0; at < flat.length; at += 2) pairs.push([flat[at], flat[at + 1]]);
    return pairs;
  }

  class URL {
    #parts;
    #params;

    constructor(url, base = undefined) {
      needs(1, arguments, "new URL");
      this.#parts = urls.urlParse(wellFormed(url), base === undefined ? undefined : wellFormed(base));
      if (!this.#parts) {
        const error = new TypeError(`Invalid URL: ${url}${base === undefined ? "" : ` (base ${base})`}`);
        error.code = "ERR_INVALID_URL";
        throw error;
      }
    }

    static canParse(url, base = undefined) {
      needs(1, arguments, "canParse");
      return Boolean(urls.urlParse(wellFormed(url), base === undefined ? undefined : wellFormed(base)));
    }

    static parse(url, base = undefined) {
      needs(1, arguments, "parse");
      return URL.canParse(url, base) ? new URL(url, base) : null;
    }

    #set(field, value) {
      const changed = urls.urlSet(this.#parts[0], field, wellFormed(value));
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
          this.#parts = urls.urlSet(this.#parts[0], "search", this.#params.toString()) ?? this.#parts;
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

  expose(URL);
  return { URL, URLSearchParams, isParams };
}
