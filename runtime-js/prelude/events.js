// Event, its kinds, and EventTarget, as the DOM standard has them where there is no tree: an event is at its
// target or nowhere.

export default function events(native, tools) {
  const clock = tools.part("clock");
  const { expose, constants, dictionary, isObject, needs } = tools.part("idl");
  const NONE = 0;
  const AT_TARGET = 2;
  /** Runs the listeners of an event; the class below lets it see inside. */
  let dispatch;
  let trust;
  let listens;

  class Event {
    #type;
    #bubbles;
    #cancelable;
    #composed;
    #timeStamp = clock.now();
    #trusted = false;
    #canceled = false;
    #passive = false;
    #dispatching = false;
    #stopped = false;
    #stoppedAtOnce = false;
    #target = null;
    #phase = NONE;

    constructor(type, options = undefined) {
      needs(1, arguments, `new ${new.target.name}`);
      const { bubbles, cancelable, composed } = dictionary(options, "the options of an event");
      this.#type = `${type}`;
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
    get isTrusted() { return this.#trusted; }

    preventDefault() { if (this.#cancelable && !this.#passive) this.#canceled = true; }
    stopPropagation() { this.#stopped = true; }
    stopImmediatePropagation() { this.#stopped = this.#stoppedAtOnce = true; }
    composedPath() { return this.#phase === NONE ? [] : [this.#target]; }
    initEvent(type, bubbles = false, cancelable = false) {
      needs(1, arguments, "initEvent");
      if (this.#dispatching) return;
      this.#type = `${type}`;
      this.#bubbles = Boolean(bubbles);
      this.#cancelable = Boolean(cancelable);
      this.#stopped = this.#stoppedAtOnce = this.#canceled = false;
    }

    static {
      trust = (event) => (event.#trusted = true);
      dispatch = (event, target, listeners, call) => {
        if (event === null || typeof event !== "object" || !(#type in event)) throw new TypeError("dispatchEvent takes an Event");
        if (event.#dispatching) throw new DOMException("the event is being dispatched already", "InvalidStateError");
        event.#dispatching = true;
        event.#target = target;
        event.#phase = AT_TARGET;
        if (!event.#stopped) {
          for (const listener of listeners(event.#type)) {
            if (event.#stoppedAtOnce) break;
            event.#passive = listener.passive;
            call(listener, event);
            event.#passive = false;
          }
        }
        event.#dispatching = event.#stopped = event.#stoppedAtOnce = false;
        event.#phase = NONE;
        return !event.#canceled;
      };
    }
  }
  constants(Event, { NONE, CAPTURING_PHASE: 1, AT_TARGET, BUBBLING_PHASE: 3 });

  class CustomEvent extends Event {
    #detail;
    constructor(type, options = undefined) {
      super(...arguments);
      this.#detail = options?.detail ?? null;
    }
    get detail() { return this.#detail; }
  }

  class MessageEvent extends Event {
    #init;
    constructor(type, options = undefined) {
      super(...arguments);
      const { data = null, origin = "", lastEventId = "", source = null, ports = [] } = options ?? {};
      this.#init = { data, origin: `${origin}`, lastEventId: `${lastEventId}`, source, ports: Object.freeze([...ports]) };
    }
    get data() { return this.#init.data; }
    get origin() { return this.#init.origin; }
    get lastEventId() { return this.#init.lastEventId; }
    get source() { return this.#init.source; }
    get ports() { return this.#init.ports; }
  }

  class ErrorEvent extends Event {
    #init;
    constructor(type, options = undefined) {
      super(...arguments);
      const { message = "", filename = "", lineno = 0, colno = 0, error } = options ?? {};
      this.#init = { message: `${message}`, filename: `${filename}`, lineno: lineno >>> 0, colno: colno >>> 0, error };
    }
    get message() { return this.#init.message; }
    get filename() { return this.#init.filename; }
    get lineno() { return this.#init.lineno; }
    get colno() { return this.#init.colno; }
    get error() { return this.#init.error; }
  }

  class CloseEvent extends Event {
    #init;
    constructor(type, options = undefined) {
      super(...arguments);
      const { wasClean = false, code = 0, reason = "" } = options ?? {};
      this.#init = { wasClean: Boolean(wasClean), code: code & 0xffff, reason: `${reason}` };
    }
    get wasClean() { return this.#init.wasClean; }
    get code() { return this.#init.code; }
    get reason() { return this.#init.reason; }
  }

  class PromiseRejectionEvent extends Event {
    #promise;
    #reason;
    constructor(type, options) {
      needs(2, arguments, "new PromiseRejectionEvent");
      super(type, options);
      if (!isObject(options) || !isObject(options.promise)) throw new TypeError("a PromiseRejectionEvent needs its `promise`");
      this.#promise = options.promise;
      this.#reason = options.reason;
    }
    get promise() { return this.#promise; }
    get reason() { return this.#reason; }
  }

  /** What a listener throws is nobody's to catch but the global object's; else it is told as a rejection that nobody handled. */
  function report(error) {
    if (!tools.part("uncaught").caught(error)) Promise.reject(error);
  }

  /** What a listener is: its function, and how it is to be called. Options are read in the order of their names. */
  function listenerOf(callback, options) {
    const given = options !== null && (typeof options === "object" || typeof options === "function");
    const capture = Boolean(given ? options.capture : options);
    const once = given && Boolean(options.once);
    const passive = given && Boolean(options.passive);
    const signal = given ? options.signal : undefined;
    if (signal !== undefined && !tools.part("abort").isAbortSignal(signal)) {
      throw new TypeError("the signal of a listener must be an AbortSignal");
    }
    if (callback !== null && callback !== undefined && typeof callback !== "function" && typeof callback !== "object") {
      throw new TypeError("a listener is a function, or an object with handleEvent");
    }
    return { callback, capture, once, passive, signal, removed: false };
  }

  class EventTarget {
    #listeners = new Map();

    addEventListener(type, callback, options = undefined) {
      const target = selfOf(this);
      needs(2, arguments, "addEventListener");
      const listener = listenerOf(callback, options);
      const { signal } = listener;
      if (!callback || signal?.aborted) return;
      const name = `${type}`;
      const listeners = target.#listeners.get(name) ?? [];
      if (listeners.some((known) => known.callback === callback && known.capture === listener.capture)) return;
      target.#listeners.set(name, [...listeners, listener]);
      if (signal) tools.part("abort").onAbort(signal, () => target.#remove(name, listener));
    }

    removeEventListener(type, callback, options = undefined) {
      const target = selfOf(this);
      needs(2, arguments, "removeEventListener");
      const capture = Boolean(typeof options === "object" && options !== null ? options.capture : options);
      const name = `${type}`;
      const found = target.#listeners.get(name)?.find((known) => known.callback === callback && known.capture === capture);
      if (found) target.#remove(name, found);
    }

    #remove(name, listener) {
      listener.removed = true;
      const left = this.#listeners.get(name)?.filter((known) => known !== listener) ?? [];
      if (left.length > 0) this.#listeners.set(name, left);
      else this.#listeners.delete(name);
    }

    dispatchEvent(event) {
      const target = selfOf(this);
      needs(1, arguments, "dispatchEvent");
      const listeners = (name) => {
        const all = target.#listeners.get(name) ?? [];
        return [...all.filter((one) => one.capture), ...all.filter((one) => !one.capture)];
      };
      const seen = target === scope ? globalThis : target;
      return dispatch(event, seen, listeners, (listener, event) => {
        if (listener.removed) return;
        if (listener.once) target.#remove(event.type, listener);
        try {
          const { callback } = listener;
          if (typeof callback === "function") {
            Reflect.apply(callback, seen, [event]);
            return;
          }
          const { handleEvent } = callback;
          if (typeof handleEvent !== "function") throw new TypeError("the `handleEvent` of a listener is not a function");
          Reflect.apply(handleEvent, callback, [event]);
        } catch (error) {
          report(error);
        }
      });
    }

    static {
      listens = (target, name) => target.#listeners.has(name);
    }
  }

  /** Holds the listeners of the global object. */
  const scope = new EventTarget();

  /** Called bare, the methods of an EventTarget mean the global object. */
  const selfOf = (target) => (target === undefined || target === null || target === globalThis ? scope : target);

  /** An event of the prelude's own. */
  function fire(target, event) {
    trust(event);
    target.dispatchEvent(event);
  }

  /** `on<name>`: one listener that stays at its place when it is replaced. `onSet` hears when there is one. */
  function handlerAttribute(on, name, onSet = () => {}) {
    const handlers = new WeakMap();
    Object.defineProperty(on.prototype, `on${name}`, {
      get() { return handlers.get(this)?.handler ?? null; },
      set(value) {
        const handler = typeof value === "function" || (typeof value === "object" && value !== null) ? value : null;
        const known = handlers.get(this);
        if (known) known.handler = handler;
        else if (handler) {
          const held = { handler };
          handlers.set(this, held);
          this.addEventListener(name, (event) => {
            if (typeof held.handler !== "function") return;
            if (Reflect.apply(held.handler, this, [event]) === false) event.preventDefault();
          });
        }
        if (handler) onSet(this);
      },
      enumerable: true,
      configurable: true,
    });
  }

  for (const type of [Event, CustomEvent, MessageEvent, ErrorEvent, CloseEvent, PromiseRejectionEvent, EventTarget]) expose(type);
  const { addEventListener, removeEventListener, dispatchEvent } = EventTarget.prototype;
  return {
    Event, CustomEvent, MessageEvent, ErrorEvent, CloseEvent, PromiseRejectionEvent, EventTarget,
    addEventListener, removeEventListener, dispatchEvent, scope, handlerAttribute, fire, listens, report,
  };
}
