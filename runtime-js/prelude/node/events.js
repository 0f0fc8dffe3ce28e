// node:events.

export default function eventsModule(native, tools) {
  const { coded, wrongType, outOfRange } = tools.part("node/errors");
  const { apply } = Reflect;
  const errorMonitor = Symbol("events.errorMonitor");
  const captureRejectionSymbol = Symbol.for("nodejs.rejection");
  const kCapture = Symbol("captureRejections");
  let defaultMaxListeners = 10;

  /** A function, not a class: old packages call it on objects of their own. */
  function EventEmitter(options = undefined) {
    init.call(this, options);
  }

  function init(options) {
    if (this._events === undefined || this._events === Object.getPrototypeOf(this)._events) {
      this._events = Object.create(null);
      this._eventsCount = 0;
    }
    this._maxListeners = this._maxListeners || undefined;
    if (options?.captureRejections) this[kCapture] = true;
  }

  const mustListen = (listener) => {
    if (typeof listener !== "function") throw wrongType("listener", "a function", listener);
  };

  function add(emitter, type, listener, first) {
    mustListen(listener);
    if (emitter._events === undefined) init.call(emitter);
    // Before it is added, so that whoever hears of additions can add as well.
    if (emitter._events.newListener !== undefined) emitter.emit("newListener", type, listener.listener ?? listener);
    const held = emitter._events[type];
    if (held === undefined) {
      emitter._events[type] = [listener];
      emitter._eventsCount += 1;
    } else {
      emitter._events[type] = first ? [listener, ...held] : [...held, listener];
    }
    warnOfMany(emitter, type);
    return emitter;
  }

  function warnOfMany(emitter, type) {
    const held = emitter._events[type];
    const most = maxOf(emitter);
    if (most === 0 || held.length <= most || held.warned) return;
    held.warned = true;
    console.warn(`${held.length} listeners were added for ${String(type)}: this may be a leak; setMaxListeners() allows more`);
  }

  const maxOf = (emitter) => emitter._maxListeners ?? defaultMaxListeners;

  function onceWrapper(emitter, type, listener) {
    mustListen(listener);
    let fired = false;
    const wrapped = function (...values) {
      if (fired) return undefined;
      emitter.removeListener(type, wrapped);
      fired = true;
      return apply(listener, emitter, values);
    };
    wrapped.listener = listener;
    return wrapped;
  }

  function unhandled(error) {
    if (error instanceof Error) return error;
    const made = coded(Error, "ERR_UNHANDLED_ERROR", `an error event had no listener: ${tools.part("inspect").format([error])}`);
    made.context = error;
    return made;
  }

  function emit(type, ...values) {
    const events = this._events;
    if (type === "error") {
      if (events?.[errorMonitor] !== undefined) this.emit(errorMonitor, ...values);
      if (events?.error === undefined) throw unhandled(values[0]);
    }
    const held = events?.[type];
    if (held === undefined) return false;
    // Adding and removing make new lists: this one stays as it is.
    for (const listener of held) {
      const result = apply(listener, this, values);
      if (this[kCapture] && typeof result?.then === "function") capture(this, result, type, values);
    }
    return true;
  }

  function capture(emitter, promise, type, values) {
    promise.then(undefined, (error) => {
      queueMicrotask(() => {
        if (typeof emitter[captureRejectionSymbol] === "function") emitter[captureRejectionSymbol](error, type, ...values);
        else emitter.emit("error", error);
      });
    });
  }

  function remove(emitter, type, listener) {
    mustListen(listener);
    const held = emitter._events?.[type];
    if (held === undefined) return emitter;
    const at = held.findLastIndex((known) => known === listener || known.listener === listener);
    if (at === -1) return emitter;
    const [removed] = held.slice(at, at + 1);
    if (held.length === 1) forget(emitter, type);
    else emitter._events[type] = held.toSpliced(at, 1);
    if (emitter._events.removeListener !== undefined) emitter.emit("removeListener", type, removed.listener ?? listener);
    return emitter;
  }

  function forget(emitter, type) {
    delete emitter._events[type];
    emitter._eventsCount -= 1;
  }

  const plain = (listener) => listener.listener ?? listener;

  const methods = {
    setMaxListeners(most) {
      if (typeof most !== "number" || !(most >= 0)) throw outOfRange("n", "a number from 0 up", most);
      this._maxListeners = most;
      return this;
    },
    getMaxListeners() { return maxOf(this); },
    emit,
    addListener(type, listener) { return add(this, type, listener, false); },
    prependListener(type, listener) { return add(this, type, listener, true); },
    once(type, listener) { return this.on(type, onceWrapper(this, type, listener)); },
    prependOnceListener(type, listener) { return this.prependListener(type, onceWrapper(this, type, listener)); },
    removeListener(type, listener) { return remove(this, type, listener); },
    removeAllListeners(type = undefined) {
      const events = this._events;
      if (events === undefined) return this;
      const types = arguments.length === 0 ? Reflect.ownKeys(events) : [type];
      for (const name of types) {
        if (name === "removeListener" && arguments.length === 0) continue;
        const held = events[name] ?? [];
        if (events.removeListener === undefined) {
          if (held.length > 0) forget(this, name);
        } else for (const listener of held.toReversed()) this.removeListener(name, listener);
      }
      if (arguments.length === 0) {
        this._events = Object.create(null);
        this._eventsCount = 0;
      }
      return this;
    },
    listeners(type) { return (this._events?.[type] ?? []).map(plain); },
    rawListeners(type) { return [...(this._events?.[type] ?? [])]; },
    listenerCount(type, listener = undefined) {
      const held = this._events?.[type] ?? [];
      return listener ? held.filter((known) => plain(known) === listener).length : held.length;
    },
    eventNames() { return this._events ? Reflect.ownKeys(this._events) : []; },
  };
  // Enumerable: packages copy them from the prototype onto objects of their own.
  Object.assign(EventEmitter.prototype, methods, {
    on: methods.addListener,
    off: methods.removeListener,
    _events: undefined,
    _eventsCount: 0,
    _maxListeners: undefined,
  });

  // --- functions on emitters and event targets --------------------------------------------------------------

  const isTarget = (value) => typeof value?.addEventListener === "function" && typeof value.on !== "function";

  /** Listens on either kind; gives what takes that back. */
  function listen(emitter, type, listener) {
    if (isTarget(emitter)) {
      emitter.addEventListener(type, listener);
      return () => emitter.removeEventListener(type, listener);
    }
    if (typeof emitter?.on !== "function") throw wrongType("emitter", "an EventEmitter or an EventTarget", emitter);
    emitter.on(type, listener);
    return () => emitter.removeListener(type, listener);
  }

  const abortError = (signal) => Object.assign(new Error("The operation was aborted", { cause: signal.reason }), { name: "AbortError", code: "ABORT_ERR" });

  function once(emitter, type, { signal } = {}) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) throw abortError(signal);
      const ends = [];
      const end = (settle, value) => {
        for (const stop of ends) stop();
        settle(value);
      };
      ends.push(listen(emitter, type, (...values) => end(resolve, values)));
      if (type !== "error" && !isTarget(emitter)) ends.push(listen(emitter, "error", (error) => end(reject, error)));
      if (signal) ends.push(listen(signal, "abort", () => end(reject, abortError(signal))));
    });
  }

  /** An async iterator over all that is emitted from now on. */
  function on(emitter, type, { signal, close = [] } = {}) {
    if (signal?.aborted) throw abortError(signal);
    const values = [];
    const waiting = [];
    const ends = [];
    let failure;
    let finished = false;

    const next = async () => {
      if (values.length > 0) return { value: values.shift(), done: false };
      if (failure) {
        const { error } = failure;
        failure = undefined;
        throw error;
      }
      if (finished) return { value: undefined, done: true };
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    };
    const finish = async () => {
      finished = true;
      for (const stop of ends.splice(0)) stop();
      for (const { resolve } of waiting.splice(0)) resolve({ value: undefined, done: true });
      return { value: undefined, done: true };
    };
    const fail = (error) => {
      const first = waiting.shift();
      if (first) first.reject(error);
      else failure = { error };
      finish();
    };
    const emitted = (...given) => {
      const first = waiting.shift();
      if (first) first.resolve({ value: given, done: false });
      else values.push(given);
    };
    ends.push(listen(emitter, type, emitted));
    if (type !== "error" && !isTarget(emitter)) ends.push(listen(emitter, "error", fail));
    for (const name of close) ends.push(listen(emitter, name, finish));
    if (signal) ends.push(listen(signal, "abort", () => fail(abortError(signal))));
    return {
      next,
      return: finish,
      throw(error) {
        fail(error);
        return Promise.resolve({ value: undefined, done: true });
      },
      [Symbol.asyncIterator]() { return this; },
    };
  }

  class EventEmitterAsyncResource extends EventEmitter {}

  const statics = {
    once,
    on,
    EventEmitter,
    EventEmitterAsyncResource,
    errorMonitor,
    captureRejectionSymbol,
    captureRejections: false,
    usingDomains: false,
    init,
    getEventListeners: (emitter, type) => (isTarget(emitter) ? [] : emitter.listeners(type)),
    getMaxListeners: (emitter) => (isTarget(emitter) ? defaultMaxListeners : emitter.getMaxListeners()),
    setMaxListeners(most = defaultMaxListeners, ...emitters) {
      if (emitters.length === 0) defaultMaxListeners = most;
      for (const emitter of emitters) if (!isTarget(emitter)) emitter.setMaxListeners(most);
    },
    listenerCount: (emitter, type) => emitter.listenerCount(type),
    addAbortListener(signal, listener) {
      if (signal.aborted) queueMicrotask(() => listener());
      else signal.addEventListener("abort", listener, { once: true });
      return { [Symbol.dispose ?? Symbol.for("Symbol.dispose")]: () => signal.removeEventListener("abort", listener) };
    },
  };
  Object.assign(EventEmitter, statics);
  Object.defineProperty(EventEmitter, "defaultMaxListeners", {
    get: () => defaultMaxListeners,
    set(most) { defaultMaxListeners = most; },
    enumerable: true,
    configurable: true,
  });
  return EventEmitter;
}
