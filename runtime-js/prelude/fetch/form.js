// FormData.

export default function forms(native, tools) {
  const { expose, iterable, isObject, needs, text } = tools.part("idl");
  const { bytesOf, isFile, fileOf } = tools.part("blob");
  let entriesOf;
  let push;

  class FormData {
    #entries = [];

    constructor(form = undefined) {
      if (form !== undefined) throw new TypeError("FormData takes no form here: there are no documents");
    }
    static {
      entriesOf = (value) => (isObject(value) && #entries in value ? value.#entries : undefined);
      push = (form, name, value) => form.#entries.push([name, value]);
    }

    append(name, value, filename = undefined) {
      this.#entries.push(entryOf("append", arguments, name, value, filename));
    }
    delete(name) {
      needs(1, arguments, "delete");
      const key = text(name);
      this.#entries = this.#entries.filter(([known]) => known !== key);
    }
    get(name) {
      needs(1, arguments, "get");
      const key = text(name);
      return this.#entries.find(([known]) => known === key)?.[1] ?? null;
    }
    getAll(name) {
      needs(1, arguments, "getAll");
      const key = text(name);
      return this.#entries.filter(([known]) => known === key).map(([, value]) => value);
    }
    has(name) {
      needs(1, arguments, "has");
      const key = text(name);
      return this.#entries.some(([known]) => known === key);
    }
    set(name, value, filename = undefined) {
      const entry = entryOf("set", arguments, name, value, filename);
      const first = this.#entries.findIndex(([known]) => known === entry[0]);
      if (first === -1) this.#entries.push(entry);
      else {
        this.#entries[first] = entry;
        this.#entries = this.#entries.filter(([known], at) => known !== entry[0] || at <= first);
      }
    }
  }

  /** A Blob becomes a File; a file gets the name that was given with it. */
  function entryOf(method, given, name, value, filename) {
    needs(2, given, method);
    const bytes = bytesOf(value);
    if (!bytes) {
      if (given.length > 2) throw new TypeError(`${method} takes a file's name only with a Blob`);
      return [text(name), text(value)];
    }
    if (isFile(value) && filename === undefined) return [text(name), value];
    const called = filename === undefined ? "blob" : text(filename);
    return [text(name), fileOf(bytes, value.type, called, value.lastModified)];
  }

  function lengthOf(method, length) {
    Object.defineProperty(FormData.prototype[method], "length", { value: length, configurable: true });
  }

  iterable(FormData, (form) => entriesOf(form) ?? illegal());
  function illegal() {
    throw new TypeError("this is not a FormData");
  }
  expose(FormData);
  for (const method of ["append", "set"]) lengthOf(method, 2);
  return { FormData, entriesOf, push };
}
