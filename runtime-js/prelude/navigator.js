// navigator: what a script may know of where it runs.

export default function navigating(native, tools) {
  const { expose, inside, closed } = tools.part("idl");

  class Navigator {
    #brand = undefined;
    constructor(key) { closed(key, "Navigator"); }
    get userAgent() { return this.#brand ?? "millrace"; }
    get language() { return this.#brand ?? "en-US"; }
    get languages() { return this.#brand ?? Object.freeze(["en-US"]); }
    get onLine() { return this.#brand ?? false; }
    get hardwareConcurrency() { return this.#brand ?? 1; }
  }
  expose(Navigator);
  Object.defineProperty(Navigator, "length", { value: 0, configurable: true });
  return { Navigator, navigator: new Navigator(inside) };
}
