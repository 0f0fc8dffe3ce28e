// AbortController and AbortSignal.

export default function aborting(native, tools) {
  const { expose, needs, inside, integer } = tools.part("idl");
  const { Event, EventTarget, handlerAttribute, fire } = tools.part("events");
  let abort;
  let isAbortSignal;
  let onAbort;

  class AbortSignal extends EventTarget {
    #aborted = false;
    #reason = undefined;
    /** What the prelude does when it aborts, before any listener hears of it. */
    #acts = new Set();
    /** Signals made of this one and others. */
    #dependents = [];
    #sources = [];

    constructor(key) {
      if (key !== inside) throw new TypeError("Illegal constructor: use AbortController, AbortSignal.timeout or AbortSignal.any");
      super();
    }

    get aborted() { return this.#aborted; }
    get reason() { return this.#reason; }
    throwIfAborted() { if (this.#aborted) throw this.#reason; }

    static abort(reason = undefined) {
      const signal = new AbortSignal(inside);
      abort(signal, reason);
      return signal;
    }

    static timeout(milliseconds) {
      needs(1, arguments, "AbortSignal.timeout");
      const delay = integer(milliseconds, "the milliseconds of AbortSignal.timeout");
      const signal = new AbortSignal(inside);
      setTimeout(() => abort(signal, new DOMException("The operation timed out.", "TimeoutError")), delay);
      return signal;
    }

    static any(signals) {
      needs(1, arguments, "AbortSignal.any");
      const given = [...signals];
      if (!given.every(isAbortSignal)) throw new TypeError("AbortSignal.any takes AbortSignals");
      const result = new AbortSignal(inside);
      const aborted = given.find((signal) => signal.#aborted);
      if (aborted) {
        result.#aborted = true;
        result.#reason = aborted.#reason;
        return result;
      }
      for (const signal of given) {
        const sources = signal.#sources.length > 0 ? signal.#sources : [signal];
        for (const source of sources) {
          if (result.#sources.includes(source)) continue;
          result.#sources.push(source);
          source.#dependents.push(result);
        }
      }
      return result;
    }

    static {
      isAbortSignal = (value) => typeof value === "object" && value !== null && #aborted in value;

      /** Runs `act` when the signal aborts. Gives a function that takes that back. */
      onAbort = (signal, act) => {
        signal.#acts.add(act);
        return () => signal.#acts.delete(act);
      };

      abort = (signal, reason = new DOMException("This operation was aborted", "AbortError")) => {
        if (signal.#aborted) return;
        // All are aborted before any listener hears of it.
        const together = [signal, ...signal.#dependents.filter((dependent) => !dependent.#aborted)];
        signal.#dependents = [];
        for (const one of together) {
          one.#aborted = true;
          one.#reason = reason;
        }
        for (const one of together) {
          const acts = [...one.#acts];
          one.#acts.clear();
          for (const act of acts) act();
          fire(one, new Event("abort"));
        }
      };
    }
  }
  handlerAttribute(AbortSignal, "abort");

  class AbortController {
    #signal = new AbortSignal(inside);
    get signal() { return this.#signal; }
    abort(reason = undefined) { abort(this.#signal, reason); }
  }

  for (const type of [AbortSignal, AbortController]) expose(type);
  Object.defineProperty(AbortSignal, "length", { value: 0, configurable: true });

  /** A signal that follows another, as that of a Request does. */
  const following = (signal) => AbortSignal.any(signal ? [signal] : []);

  return { AbortSignal, AbortController, isAbortSignal, onAbort, following };
}
