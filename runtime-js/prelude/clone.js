// structuredClone, as the HTML standard has it, for the types that an isolate knows.

export default function cloning() {
  const ERRORS = { EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };

  function refuse(value) {
    let shown;
    try {
      shown = typeof value === "function" ? `function ${value.name || "(anonymous)"}` : String(value);
    } catch {
      shown = "the value";
    }
    throw new DOMException(`${shown} could not be cloned.`, "DataCloneError");
  }

  function structuredClone(value, options) {
    if (arguments.length === 0) throw new TypeError("structuredClone takes a value");
    const transfer = options?.transfer === undefined ? [] : [...options.transfer];
    for (const [at, buffer] of transfer.entries()) {
      if (!(buffer instanceof ArrayBuffer) || transfer.indexOf(buffer) !== at || buffer.detached) refuse(buffer);
    }
    const known = new Map();
    const result = clone(value);
    // Nothing is detached unless all could be cloned.
    for (const buffer of transfer) buffer.transfer();
    return result;

    function clone(value) {
      if (typeof value === "symbol" || typeof value === "function") refuse(value);
      if (value === null || typeof value !== "object") return value;
      if (known.has(value)) return known.get(value);
      const remember = (copy) => (known.set(value, copy), copy);
      if (value instanceof Boolean || value instanceof Number || value instanceof String || value instanceof BigInt) {
        return remember(Object(value.valueOf()));
      }
      if (value instanceof Symbol) refuse(value);
      if (value instanceof Date) return remember(new Date(value.getTime()));
      if (value instanceof RegExp) return remember(new RegExp(value.source, value.flags));
      if (value instanceof ArrayBuffer) return remember(value.slice(0));
      if (ArrayBuffer.isView(value)) {
        const buffer = clone(value.buffer);
        const length = value instanceof DataView ? value.byteLength : value.length;
        return remember(new viewOf[value[Symbol.toStringTag] ?? "DataView"](buffer, value.byteOffset, length));
      }
      if (value instanceof Map) {
        const copy = remember(new Map());
        for (const [key, held] of [...value]) copy.set(clone(key), clone(held));
        return copy;
      }
      if (value instanceof Set) {
        const copy = remember(new Set());
        for (const held of [...value]) copy.add(clone(held));
        return copy;
      }
      if (value instanceof DOMException) return remember(new DOMException(value.message, value.name));
      if (value instanceof Error) return cloneError(value, remember);
      if (Array.isArray(value)) return cloneMembers(value, remember(new Array(value.length)));
      if (isOpaque(value)) refuse(value);
      return cloneMembers(value, remember({}));
    }

    function cloneError(error, remember) {
      const type = ERRORS[error.name] ?? Error;
      const made = remember(new type(String(error.message)));
      Object.defineProperty(made, "stack", { value: String(error.stack ?? ""), writable: true, configurable: true });
      if (Object.hasOwn(error, "cause")) {
        Object.defineProperty(made, "cause", { value: clone(error.cause), writable: true, configurable: true });
      }
      return made;
    }

    function cloneMembers(value, copy) {
      for (const key of Object.keys(value)) {
        Object.defineProperty(copy, key, { value: clone(value[key]), writable: true, enumerable: true, configurable: true });
      }
      return copy;
    }
  }

  const viewOf = Object.fromEntries(
    [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, BigInt64Array, BigUint64Array, Float32Array, Float64Array, DataView]
      .concat(typeof Float16Array === "function" ? [Float16Array] : [])
      .map((type) => [type.name, type]),
  );

  /** Things whose substance is not in their members. */
  function isOpaque(value) {
    return [Promise, WeakMap, WeakSet, WeakRef, FinalizationRegistry].some((type) => value instanceof type);
  }

  return { structuredClone };
}
