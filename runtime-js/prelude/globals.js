// The globals of an isolate. All but a few are loaded when they are first touched, because most processors use few
// of them and thousands of isolates share one machine.

export default function installGlobals(native, host) {
  const { defineProperty } = Object;
  const { reducing } = host;
  const parts = { __proto__: null };
  const groups = { __proto__: null };
  const nativeQueueMicrotask = queueMicrotask;
  const clockedPerformanceNow = performance.now.bind(performance);
  let environment = {};

  function part(name) {
    return (parts[name] ??= native.part(name)(native, tools));
  }

  /** What Rust does for one group of parts. */
  function natives(name) {
    return (groups[name] ??= native.group(name));
  }

  /** Whether a script listens to such events of the global object. */
  function isHeard(name) {
    const { events } = parts;
    return events !== undefined && events.listens(events.scope, name);
  }

  /** Whether the script takes on an error that nothing caught. */
  const caught = (error) => isHeard("error") && part("scope").caught(error);

  /** Calls what nobody waits for. */
  function guarded(callback, values) {
    try {
      callback(...values);
    } catch (error) {
      if (!caught(error)) throw error;
    }
  }

  const tools = {
    ...host,
    caught,
    guarded,
    part,
    natives,
    /** A part if something has touched it: what it makes cannot exist before. */
    loaded: (name) => parts[name],
    /** What `import` and `require` of `node:<name>` give. */
    builtin: (name) => part(`node/${name}`),
    environment: () => environment,
    /** Of the machine's randomness; in `reduce`, of the event's. */
    randomBytes: (length) => part("random").bytes(length),
    microtask: (callback) => nativeQueueMicrotask(callback),
  };
  native.setBuiltins((name) => (name === "millrace/sdk" ? part("sdk") : tools.builtin(name)));

  const define = (name, value) =>
    defineProperty(globalThis, name, { value, writable: true, enumerable: false, configurable: true });

  // Each part, and the globals that are its own.
  const lazy = [
    ["console", "console"],
    ["timers", "setTimeout", "clearTimeout", "setInterval", "clearInterval", "setImmediate", "clearImmediate"],
    ["performance", "performance", "Performance", "PerformanceEntry", "PerformanceMark", "PerformanceMeasure", "PerformanceObserver", "PerformanceObserverEntryList"],
    ["events", "Event", "CustomEvent", "MessageEvent", "ErrorEvent", "CloseEvent", "PromiseRejectionEvent", "EventTarget"],
    ["events", "addEventListener", "removeEventListener", "dispatchEvent"],
    ["scope", "reportError"],
    ["abort", "AbortController", "AbortSignal"],
    ["url", "URL", "URLSearchParams"],
    ["urlpattern", "URLPattern"],
    ["encoding", "TextEncoder", "TextDecoder", "atob", "btoa"],
    ["clone", "structuredClone"],
    ["messages", "MessageChannel", "MessagePort"],
    ["crypto", "crypto", "Crypto"],
    ["subtle", "CryptoKey", "SubtleCrypto"],
    ["navigator", "navigator", "Navigator"],
    ["blob", "Blob", "File"],
    ["fetch/headers", "Headers"],
    ["fetch/form", "FormData"],
    ["fetch/request", "Request"],
    ["fetch/response", "Response"],
    ["fetch/fetch", "fetch"],
    ["fetch/socket", "WebSocket"],
    ["fetch/source", "EventSource"],
    ["streams/common", "ByteLengthQueuingStrategy", "CountQueuingStrategy"],
    ["streams/readable", "ReadableStream", "ReadableStreamDefaultReader", "ReadableStreamBYOBReader"],
    ["streams/default", "ReadableStreamDefaultController"],
    ["streams/bytes", "ReadableByteStreamController", "ReadableStreamBYOBRequest"],
    ["streams/writable", "WritableStream", "WritableStreamDefaultWriter"],
    ["streams/sink", "WritableStreamDefaultController"],
    ["streams/transform", "TransformStream", "TransformStreamDefaultController"],
    ["streams/text", "TextEncoderStream", "TextDecoderStream"],
    ["compression", "CompressionStream", "DecompressionStream"],
    ["intl", "Intl"],
    ["node/buffer", "Buffer"],
    ["require", "require"],
  ];
  // Until it is touched, one small function stands for a global: it reads, and with a value it writes. What it holds on
  // to, and how it is defined, is paid for by every isolate.
  const accessors = [];
  for (const [from, ...names] of lazy) {
    for (const name of names) {
      const access = (...given) => {
        define(name, given.length === 0 ? part(from)[name] : given[0]);
        return globalThis[name];
      };
      accessors.push(name, access, access);
    }
  }
  native.addAccessors(globalThis, accessors, false);
  define("self", globalThis);
  define("global", globalThis);
  // Also without an import, as the module `millrace` exports it.
  define("defineProcessor", (definition) => (typeof definition === "function" ? definition() : definition));
  define("queueMicrotask", (callback) => {
    host.forbid("queueMicrotask");
    if (typeof callback !== "function") throw new TypeError(`queueMicrotask takes a function; it was given a value of type ${typeof callback}`);
    nativeQueueMicrotask(() => guarded(callback, []));
  });
  for (const name of ["error", "rejectionhandled", "unhandledrejection"]) {
    const access = (...given) => {
      if (given.length > 0) part("scope").setHandler(name, given[0]);
      return parts.scope?.handlerOf(name) ?? null;
    };
    defineProperty(globalThis, `on${name}`, { get: access, set: access, configurable: true });
  }

  // What depends on a locale is Intl's, wherever it is asked for.
  const localized = [[Number, "toLocaleString"], [BigInt, "toLocaleString"], [Date, "toLocaleString", "toLocaleDateString", "toLocaleTimeString"], [String, "localeCompare"]];
  for (const [type, ...names] of localized) {
    for (const name of names) {
      const value = { [name](...given) { return part("intl").localized(type, name, this, given); } }[name];
      defineProperty(type.prototype, name, { value, writable: true, enumerable: false, configurable: true });
    }
  }

  // --- the clock and randomness: those of the event, while `reduce` runs -----------------------------

  const NativeDate = Date;
  /** In a rehearsal the clock is that of the recorded events, and the same run gives the same numbers again. */
  const { recordedTime } = native;
  const nativeNow = recordedTime ?? Date.now;
  const nativePerformanceNow = recordedTime ? () => recordedTime() - timeOrigin : clockedPerformanceNow;
  const timeOrigin = recordedTime ? recordedTime() : nativeNow() - clockedPerformanceNow();
  const isDetermined = () => reducing.active || recordedTime !== undefined;
  const nativeRandom = Math.random;

  const now = () => (reducing.active ? NativeDate.parse(reducing.createdAt) : nativeNow());

  function ClockedDate(...parts) {
    if (new.target === undefined) return new NativeDate(now()).toString();
    const target = new.target === ClockedDate ? NativeDate : new.target;
    return Reflect.construct(NativeDate, parts.length === 0 ? [now()] : parts, target);
  }
  defineProperty(ClockedDate, "name", { value: "Date", configurable: true });
  defineProperty(ClockedDate, "length", { value: 7, configurable: true });
  defineProperty(ClockedDate, "prototype", { value: NativeDate.prototype, writable: false });
  for (const [name, value] of [["now", now], ["parse", NativeDate.parse], ["UTC", NativeDate.UTC]]) {
    defineProperty(ClockedDate, name, { value, writable: true, enumerable: false, configurable: true });
  }
  defineProperty(NativeDate.prototype, "constructor", { value: ClockedDate, writable: true, configurable: true });
  define("Date", ClockedDate);

  /** A number from 0 to 2^32 - 1: of the machine, or in `reduce` of a sequence that the event determines. */
  function random32() {
    reducing.random ??= part("random").sequence(host.seed());
    return reducing.random();
  }
  tools.random32 = random32;
  tools.isDetermined = isDetermined;
  Math.random = function random() {
    if (!isDetermined()) return nativeRandom();
    return (random32() * 0x200000 + (random32() >>> 11)) / 0x20000000000000;
  };
  tools.clock = {
    origin: () => (reducing.active ? 0 : timeOrigin),
    now: () => (reducing.active ? now() : nativePerformanceNow()),
  };

  /** `process` has the environment; what else there is of it comes from a part of its own. */
  const behindProcess = {
    get: (target, name, self) => part("process").member(name, () => Reflect.get(target, name, self)),
    has: (target, name) => part("process").names.has(name) || Reflect.has(target, name),
  };

  return {
    format(values) {
      if (values.every((value) => typeof value === "string" && !value.includes("%"))) return values.join(" ");
      return part("inspect").format(values);
    },
    /** Called by the host of a promise that nobody handled: 0 when nobody hears of it, 2 when a listener takes it on. */
    rejected(promise, reason) {
      if (!isHeard("unhandledrejection")) return 0;
      return part("scope").rejected(promise, reason) ? 2 : 1;
    },
    /** And when such a one is handled after all. */
    handled: (promise, reason) => parts.scope?.handled(promise, reason),
    /** Called by the host when a timer is due. */
    fire: (id) => part("timers").fire(id),
    /** Called by the host with what came over the network, and when that took too long. */
    receive: (id, text, bytes) => part("fetch/network").receive(id, text, bytes),
    expire: (id, message) => part("fetch/network").expire(id, message),
    /** What a hook, or without one the whole isolate, has under way on the network is to end. */
    disconnect: (hook, reason) => parts["fetch/network"]?.abort(hook, reason),
    setEnvironment(env) {
      environment = env;
      define("process", Object.setPrototypeOf({ env }, new Proxy({}, behindProcess)));
    },
    get AbortController() {
      return part("abort").AbortController;
    },
  };
}
