// node:util.

export default function utilModule(native, tools) {
  const { coded, wrongType, mustBe } = tools.part("node/errors");
  const { format, inspect: show, LOG } = tools.part("inspect");
  const types = tools.builtin("util/types");
  const { isDeepStrictEqual } = tools.part("node/equality");
  const custom = Symbol.for("nodejs.util.inspect.custom");
  const promisified = Symbol.for("nodejs.util.promisify.custom");

  // --- text -------------------------------------------------------------------------------------------------

  const limit = (value, otherwise) => (value === undefined ? otherwise : value === null ? Infinity : value);

  /** As in log lines. `depth`, `maxArrayLength`, `maxStringLength` and `breakLength` are heeded. */
  function inspect(value, options = undefined) {
    const { depth, maxArrayLength, maxStringLength, breakLength, customInspect } = options !== null && typeof options === "object" ? options : {};
    return show(value, {
      depth: limit(depth, 2),
      items: limit(maxArrayLength, LOG.items),
      text: limit(maxStringLength, LOG.text),
      width: limit(breakLength, LOG.width),
      custom: customInspect ?? true,
    });
  }
  Object.assign(inspect, { custom, defaultOptions: { depth: 2, maxArrayLength: LOG.items, maxStringLength: LOG.text, breakLength: LOG.width }, colors: {}, styles: {} });

  const formatted = (...values) => format(values);

  function debuglog(section) {
    const wanted = String(globalThis.process?.env?.NODE_DEBUG ?? "").toLowerCase().split(",");
    const enabled = wanted.includes(String(section).toLowerCase());
    const log = (...values) => {
      if (enabled) console.debug(`${String(section).toUpperCase()}: ${format(values)}`);
    };
    return Object.defineProperty(log, "enabled", { value: enabled });
  }

  // --- functions --------------------------------------------------------------------------------------------

  function promisify(original) {
    mustBe("function", "original", original);
    const own = original[promisified];
    if (own) return Object.defineProperty(own, promisified, { value: own, configurable: true });
    function made(...values) {
      return new Promise((resolve, reject) => {
        Reflect.apply(original, this, [...values, (error, value) => (error ? reject(error) : resolve(value))]);
      });
    }
    Object.setPrototypeOf(made, Object.getPrototypeOf(original));
    Object.defineProperties(made, Object.getOwnPropertyDescriptors(original));
    return Object.defineProperty(made, promisified, { value: made, configurable: true });
  }
  promisify.custom = promisified;

  function callbackify(original) {
    mustBe("function", "original", original);
    return function (...values) {
      const callback = values.pop();
      mustBe("function", "the last argument", callback);
      Reflect.apply(original, this, values).then(
        (value) => queueMicrotask(() => callback(null, value)),
        (error) => queueMicrotask(() => callback(error ?? coded(Error, "ERR_FALSY_VALUE_REJECTION", "a promise was rejected with nothing"))),
      );
    };
  }

  const warned = new Set();
  function deprecate(original, message, code = undefined) {
    let told = false;
    function made(...values) {
      if (!told && !(code && warned.has(code))) console.warn(`deprecated${code ? ` (${code})` : ""}: ${message}`);
      told = true;
      if (code) warned.add(code);
      return new.target ? Reflect.construct(original, values, new.target) : Reflect.apply(original, this, values);
    }
    Object.setPrototypeOf(made, original);
    if (original.prototype) made.prototype = original.prototype;
    return made;
  }

  function inherits(type, parent) {
    if (typeof type !== "function") throw wrongType("ctor", "a function", type);
    if (typeof parent !== "function") throw wrongType("superCtor", "a function", parent);
    if (parent.prototype === undefined) throw wrongType("superCtor.prototype", "an object", parent.prototype);
    Object.defineProperty(type, "super_", { value: parent, writable: true, configurable: true });
    Object.setPrototypeOf(type.prototype, parent.prototype);
  }

  /** Settles when the signal aborts. */
  function aborted(signal, resource) {
    if (signal === undefined) throw wrongType("signal", "an AbortSignal", signal);
    if (resource === null || typeof resource !== "object") throw wrongType("resource", "an object", resource);
    return new Promise((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  return {
    inspect,
    format: formatted,
    formatWithOptions: (_, ...values) => format(values),
    debuglog,
    debug: debuglog,
    promisify,
    callbackify,
    deprecate,
    inherits,
    aborted,
    types,
    isDeepStrictEqual,
    isArray: Array.isArray,
    toUSVString: (text) => `${text}`.toWellFormed(),
    stripVTControlCharacters: (text) => text.replace(/[\u001b\u009b](?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g, ""),
    styleText: (_, text) => `${text}`,
    _extend: (target, source) => Object.assign(target, source),
    log: (...values) => console.log(...values),
    get TextEncoder() { return TextEncoder; },
    get TextDecoder() { return TextDecoder; },
  };
}
