// node:timers. Handles are objects here, as packages for Node expect; the functions of the web take them too.

export default function timersModule(native, tools) {
  class Timeout {
    #start;
    #id;

    constructor(start) {
      this.#start = start;
      this.#id = start();
    }
    /** Whether it is held or not, a timer runs as long as its processor. */
    ref() { return this; }
    unref() { return this; }
    hasRef() { return false; }
    refresh() {
      clearTimeout(this.#id);
      this.#id = this.#start();
      return this;
    }
    close() {
      clearTimeout(this.#id);
      return this;
    }
    [Symbol.toPrimitive]() { return this.#id; }
    [Symbol.dispose ?? Symbol.for("Symbol.dispose")]() { this.close(); }
  }

  const cancel = (handle) => {
    if (handle !== undefined && handle !== null) clearTimeout(Number(handle));
  };

  return {
    setTimeout: (...given) => new Timeout(() => setTimeout(...given)),
    setInterval: (...given) => new Timeout(() => setInterval(...given)),
    setImmediate: (...given) => new Timeout(() => setImmediate(...given)),
    clearTimeout: cancel,
    clearInterval: cancel,
    clearImmediate: cancel,
    get promises() { return tools.builtin("timers/promises"); },
  };
}
