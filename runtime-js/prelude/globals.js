// The globals of an isolate. The small ones are here; the others are loaded when they are first touched,
// because most processors use few of them and thousands of isolates share one machine.

const LAZY = {
  events: ["Event", "CustomEvent", "MessageEvent", "ErrorEvent", "CloseEvent", "EventTarget"],
  abort: ["AbortController", "AbortSignal"],
  url: ["URL", "URLSearchParams"],
  encoding: ["TextEncoder", "TextDecoder", "atob", "btoa"],
  clone: ["structuredClone"],
  messages: ["MessageChannel", "MessagePort"],
  crypto: ["crypto", "Crypto", "CryptoKey", "SubtleCrypto"],
  navigator: ["navigator", "Navigator"],
  blob: ["Blob", "File"],
  "fetch/headers": ["Headers"],
  "fetch/form": ["FormData"],
  "fetch/request": ["Request"],
  "fetch/response": ["Response"],
  "fetch/fetch": ["fetch"],
  "streams/common": ["ByteLengthQueuingStrategy", "CountQueuingStrategy"],
  "streams/readable": ["ReadableStream", "ReadableStreamDefaultReader", "ReadableStreamBYOBReader", "ReadableStreamDefaultController"],
  "streams/bytes": ["ReadableByteStreamController", "ReadableStreamBYOBRequest"],
  "streams/writable": ["WritableStream", "WritableStreamDefaultWriter", "WritableStreamDefaultController"],
  "streams/transform": ["TransformStream", "TransformStreamDefaultController"],
  "streams/text": ["TextEncoderStream", "TextDecoderStream"],
  compression: ["CompressionStream", "DecompressionStream"],
};

export default function installGlobals(native, host) {
  const { defineProperty } = Object;
  const parts = new Map();

  function part(name) {
    let made = parts.get(name);
    if (!made) parts.set(name, (made = native.part(name)(native, tools)));
    return made;
  }

  const nativeQueueMicrotask = queueMicrotask;
  const tools = {
    ...host,
    part,
    /** A part if something has touched it: what it makes cannot exist before. */
    loaded: (name) => parts.get(name),
    microtask: (callback) => nativeQueueMicrotask(callback),
  };

  const define = (name, value) =>
    defineProperty(globalThis, name, { value, writable: true, enumerable: false, configurable: true });

  function defineLazily(name, make) {
    defineProperty(globalThis, name, {
      get: () => (define(name, make()), globalThis[name]),
      set: (value) => define(name, value),
      enumerable: false,
      configurable: true,
    });
  }

  for (const [from, names] of Object.entries(LAZY)) {
    for (const name of names) defineLazily(name, () => part(from)[name]);
  }
  define("self", globalThis);
  define("global", globalThis);

  /** What `import` and `require` of `node:<name>` give. */
  tools.builtin = (name) => part(`node/${name}`);
  native.setBuiltins(tools.builtin);
  defineLazily("Buffer", () => tools.builtin("buffer").Buffer);
  define("require", (specifier) => {
    const name = `${specifier}`.replace(/^node:/, "");
    if (native.isBuiltin(name)) return tools.builtin(name);
    const error = new Error(`cannot find module ${JSON.stringify(specifier)}: packages are bundled, and of Node's modules it is not one that processors have`);
    error.code = "MODULE_NOT_FOUND";
    throw error;
  });
  // Also without an import, as the module `millrace` exports it.
  define("defineProcessor", (definition) => (typeof definition === "function" ? definition() : definition));

  // --- the clock and randomness: those of the event, while `reduce` runs -----------------------------

  const { reducing } = host;
  const NativeDate = Date;
  const nativeNow = Date.now;
  const nativeRandom = Math.random;
  const nativePerformanceNow = performance.now.bind(performance);

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
  Math.random = function random() {
    if (!reducing.active) return nativeRandom();
    return (random32() * 0x200000 + (random32() >>> 11)) / 0x20000000000000;
  };
  /** Bytes of the machine's randomness; in `reduce`, of the event's. */
  tools.randomBytes = (length) => {
    const bytes = new Uint8Array(length);
    if (reducing.active) for (let at = 0; at < length; at += 1) bytes[at] = random32() >>> 24;
    else for (let at = 0; at < length; at += 65536) bytes.set(native.random(Math.min(length - at, 65536)), at);
    return bytes;
  };
  const timeOrigin = nativeNow() - nativePerformanceNow();
  tools.clock = {
    get origin() {
      return reducing.active ? 0 : timeOrigin;
    },
    now: () => (reducing.active ? now() : nativePerformanceNow()),
  };
  const measuring = (name) => ({ [name]: (...given) => part("performance")[name](...given) })[name];
  define("performance", {
    get timeOrigin() {
      return tools.clock.origin;
    },
    now: tools.clock.now,
    toJSON: () => ({ timeOrigin: tools.clock.origin }),
    ...Object.fromEntries(
      ["mark", "measure", "clearMarks", "clearMeasures", "getEntries", "getEntriesByName", "getEntriesByType"].map((name) => [name, measuring(name)]),
    ),
  });

  // --- console ----------------------------------------------------------------------------------------

  const format = (values) => {
    if (values.every((value) => typeof value === "string" && !value.includes("%"))) return values.join(" ");
    return part("inspect").format(values);
  };
  const level = (name) => (...values) => host.log(name, values);
  const counts = new Map();
  const times = new Map();
  define("console", {
    log: level("info"),
    info: level("info"),
    debug: level("debug"),
    warn: level("warn"),
    error: level("error"),
    trace: (...values) => host.log("debug", [...values, new Error().stack]),
    dir: (value) => host.log("info", [value]),
    table: (value) => host.log("info", [value]),
    group: level("info"),
    groupEnd: () => {},
    assert: (condition, ...values) => condition || host.log("error", ["Assertion failed", ...values]),
    count: (label = "default") => {
      counts.set(label, (counts.get(label) ?? 0) + 1);
      host.log("info", [`${label}: ${counts.get(label)}`]);
    },
    countReset: (label = "default") => counts.delete(label),
    time: (label = "default") => times.set(label, performance.now()),
    timeEnd: (label = "default") => {
      host.log("info", [`${label}: ${(performance.now() - (times.get(label) ?? NaN)).toFixed(3)} ms`]);
      times.delete(label);
    },
  });

  // --- timers -----------------------------------------------------------------------------------------

  const timers = new Map();
  let lastTimer = 0;

  function schedule(name, callback, delay, values, repeats, least = 1) {
    host.forbid(name);
    if (typeof callback !== "function") {
      throw new TypeError(`${name} takes a function; it was given a value of type ${typeof callback}`);
    }
    const id = ++lastTimer;
    // As everywhere: what is no number, or longer than 2^31 - 1 ms, runs at once.
    const millis = Math.trunc(Number(delay)) || 0;
    const wait = millis < 1 || millis > 0x7fffffff ? least : millis;
    if (!native.timer(id, wait, host.hook().call)) {
      throw host.limit(`more than ${native.timersMax} timers: clear some of them first`);
    }
    timers.set(id, { callback, values, hook: host.hook(), repeats, wait });
    return id;
  }

  function cancel(id) {
    if (timers.delete(Number(id))) native.cancelTimer(Number(id));
  }

  /** Called by the host when a timer is due. */
  function fire(id) {
    const timer = timers.get(id);
    if (!timer) return;
    host.enter(timer.hook);
    if (timer.repeats) native.timer(id, timer.wait, timer.hook.call);
    else timers.delete(id);
    timer.callback(...timer.values);
  }

  define("setTimeout", (callback, delay, ...values) => schedule("setTimeout", callback, delay, values, false));
  define("setInterval", (callback, delay, ...values) => schedule("setInterval", callback, delay, values, true));
  define("setImmediate", (callback, ...values) => schedule("setImmediate", callback, 0, values, false, 0));
  for (const name of ["clearTimeout", "clearInterval", "clearImmediate"]) define(name, cancel);

  /** What is to happen soon, when all that happens now is done. */
  tools.task = (name, callback) => schedule(name, callback, 0, [], false, 0);

  define("queueMicrotask", (callback) => {
    host.forbid("queueMicrotask");
    nativeQueueMicrotask(callback);
  });

  let environment = {};
  tools.environment = () => environment;

  return {
    format,
    fire,
    setEnvironment(env) {
      environment = env;
      define("process", { env });
    },
    get AbortController() {
      return part("abort").AbortController;
    },
  };
}
