// Event, CustomEvent, EventTarget, AbortController and AbortSignal, as the DOM standard has them where
// there is no tree: an event is at its target or nowhere.

export default function events() {
  const NONE = 0;
  const AT_TARGET = 2;
  /** Runs the listeners of an event; the class below lets it see inside. */
  let dispatch;
  /** Lets this file, and nobody else, make what has no public constructor. */
  const inside = Symbol("inside");

  class Event {
    #type;
    #bubbles;
    #cancelable;
    #composed;
    #timeStamp = performance.now();
    #canceled = false;
    #passive = false;
    #dispatching = false;
    #stopped = false;
    #stoppedAtOnce = false;
    #target = null;
    #phase = NONE;

    constructor(type, options) {
      if (arguments.length === 0) throw new TypeError("an event needs a type");
      const { bubbles, cancelable, composed } = options ?? {};
      this.#type = String(type);
      this.#bubbles = Boolean(bubbles);
      this.#cancelable = Boolean(cancelable);
      this.#composed = Boolean(composed);
    }

    get type() { return this.#type; }
    get target() { return this.#target; }
    get srcElement() { return this.#target; }
    get currentTarget() { return this.#phase === NONE ? null : this.#target; }
    get eventPhase() { return this.#phase; }
    get bubbles() { return this.#bubbles; }
    get cancelable() { return this.#cancelable; }
    get composed() { return this.#composed; }
    get defaultPrevented() { return this.#canceled; }
    get returnValue() { return !this.#canceled; }
    set returnValue(value) { if (!value) this.preventDefault(); }
    get cancelBubble() { return this.#stopped; }
    set cancelBubble(value) { if (value) this.#stopped = true; }
    get timeStamp() { return this.#timeStamp; }
    get isTrusted() { return false; }

    preventDefault() { if (this.#cancelable && !this.#passive) this.#canceled = true; }
    stopPropagation() { this.#stopped = true; }
    stopImmediatePropagation() { this.#stopped = this.#stoppedAtOnce = true; }
    composedPath() { return this.#phase === NONE ? [] : [this.#target]; }

    static #begin(event, target) {
      if (event.#dispatching) throw new DOMException("the event is being dispatched already", "InvalidStateError");
      event.#dispatching = true;
      event.#target = target;
      event.#phase = AT_TARGET;
    }
    static #end(event) {
      event.#dispatching = event.#stopped = event.#stoppedAtOnce = false;
      event.#phase = NONE;
    }
    static {
      dispatch = (event, target, listeners, call) => {
        if (!(#type in event)) throw new TypeError("dispatchEvent takes an Event");
        Event.#begin(event, target);
        if (!event.#stopped) {
          for (const listener of listeners(event.#type)) {
            if (event.#stoppedAtOnce) break;
            event.#passive = listener.passive;
            call(listener, event);
            event.#passive = false;
          }
        }
        Event.#end(event);
        return !event.#canceled;
      };
    }
  }
  for (const [name, value] of Object.entries({ NONE, CAPTURING_PHASE: 1, AT_TARGET, BUBBLING_PHASE: 3 })) {
    for (const on of [Event, Event.prototype]) Object.defineProperty(on, name, { value, enumerable: true });
  }

  class CustomEvent extends Event {
    #detail;
    constructor(type, options) {
      super(...arguments);
      this.#detail = options?.detail ?? null;
    }
    get detail() { return this.#detail; }
  }

  /** What a listener throws is nobody's to catch; it is told as what was rejected and not handled is. */
  function report(error) {
    Promise.reject(error);
  }

  class EventTarget {
    #listeners = new Map();

    addEventListener(type, callback, options) {
      const { capture = false, once = false, passive = false, signal } =
        typeof options === "object" && options !== null ? options : { capture: Boolean(options) };
      if (callback === null || callback === undefined) return;
      if (typeof callback !== "function" && typeof callback !== "object") {
        throw new TypeError("a listener is a function, or an object with handleEvent");
      }
      if (signal?.aborted) return;
      const name = String(type);
      const listeners = this.#listeners.get(name) ?? [];
      if (listeners.some((known) => known.callback === callback && known.capture === Boolean(capture))) return;
      const listener = { callback, capture: Boolean(capture), once, passive: Boolean(passive), removed: false };
      this.#listeners.set(name, [...listeners, listener]);
      signal?.addEventListener("abort", () => this.#remove(name, listener), { once: true });
    }

    removeEventListener(type, callback, options) {
      const capture = Boolean(typeof options === "object" && options !== null ? options.capture : options);
      const name = String(type);
      const found = this.#listeners.get(name)?.find((known) => known.callback === callback && known.capture === capture);
      if (found) this.#remove(name, found);
    }

    #remove(name, listener) {
      listener.removed = true;
      const left = this.#listeners.get(name)?.filter((known) => known !== listener) ?? [];
      if (left.length > 0) this.#listeners.set(name, left);
      else this.#listeners.delete(name);
    }

    dispatchEvent(event) {
      if (event === null || typeof event !== "object") throw new TypeError("dispatchEvent takes an Event");
      const listeners = (name) => {
        const all = this.#listeners.get(name) ?? [];
        return [...all.filter((one) => one.capture), ...all.filter((one) => !one.capture)];
      };
      return dispatch(event, this, listeners, (listener, event) => {
        if (listener.removed) return;
        if (listener.once) this.#remove(event.type, listener);
        try {
          const { callback } = listener;
          if (typeof callback === "function") callback.call(this, event);
          else callback.handleEvent(event);
        } catch (error) {
          report(error);
        }
      });
    }
  }

  /** `on<name>`: one listener that stays at its place when it is replaced. */
  function handlerAttribute(on, name) {
    const handlers = new WeakMap();
    Object.defineProperty(on.prototype, `on${name}`, {
      get() { return handlers.get(this)?.handler ?? null; },
      set(value) {
        const handler = typeof value === "function" ? value : null;
        const known = handlers.get(this);
        if (known) {
          known.handler = handler;
          return;
        }
        if (!handler) return;
        const held = { handler };
        handlers.set(this, held);
        this.addEventListener(name, (event) => held.handler?.call(this, event));
      },
      enumerable: true,
      configurable: true,
    });
  }

  let abortSignal;

  class AbortSignal extends EventTarget {
    #aborted = false;
    #reason = undefined;
    #dependents = [];
    #sources = [];

    constructor(key) {
      if (key !== inside) throw new TypeError("Illegal constructor: use AbortController, AbortSignal.timeout or AbortSignal.any");
      super();
    }

    get aborted() { return this.#aborted; }
    get reason() { return this.#reason; }
    throwIfAborted() { if (this.#aborted) throw this.#reason; }

    static abort(reason) {
      const signal = new AbortSignal(inside);
      abortSignal(signal, reason);
      return signal;
    }

    static timeout(milliseconds) {
      if (!(Number(milliseconds) >= 0)) throw new TypeError("AbortSignal.timeout takes a number of milliseconds");
      const signal = new AbortSignal(inside);
      setTimeout(() => abortSignal(signal, new DOMException("The operation timed out.", "TimeoutError")), milliseconds);
      return signal;
    }

    static any(signals) {
      const result = new AbortSignal(inside);
      const given = [...signals];
      const aborted = given.find((signal) => signal.#aborted);
      if (aborted) {
        abortSignal(result, aborted.#reason);
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
      abortSignal = (signal, reason = new DOMException("This operation was aborted", "AbortError")) => {
        if (signal.#aborted) return;
        // All are aborted before any listener hears of it.
        const together = [signal, ...signal.#dependents.filter((dependent) => !dependent.#aborted)];
        signal.#dependents = [];
        for (const one of together) {
          one.#aborted = true;
          one.#reason = reason;
        }
        for (const one of together) one.dispatchEvent(new Event("abort"));
      };
    }
  }
  handlerAttribute(AbortSignal, "abort");

  class AbortController {
    #signal = new AbortSignal(inside);
    get signal() { return this.#signal; }
    abort(reason) { abortSignal(this.#signal, reason); }
  }

  for (const type of [Event, CustomEvent, EventTarget, AbortSignal, AbortController]) {
    Object.defineProperty(type.prototype, Symbol.toStringTag, { value: type.name, configurable: true });
  }
  return { Event, CustomEvent, EventTarget, AbortSignal, AbortController };
}
