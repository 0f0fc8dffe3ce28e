// structuredClone, as the HTML standard has it, for the types that an isolate knows.

export default function cloning(native, tools) {
  const { needs, dictionary } = tools.part("idl");
  const { apply } = Reflect;
  const { at } = Uint8Array.prototype;
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

  const isPort = (value) => Boolean(tools.loaded("messages")?.isPort(value));

  function structuredClone(value, options = undefined) {
    needs(1, arguments, "structuredClone");
    const { transfer } = dictionary(options, "the options of structuredClone");
    return copyWithTransfer(value, transfer === undefined ? [] : [...transfer]).value;
  }

  /** `{ value, ports }`: the copy, and the ports among what was transferred, as they now are. */
  function copyWithTransfer(value, transfer) {
    for (const [at, given] of transfer.entries()) {
      const movable = given instanceof ArrayBuffer ? !given.detached : isPort(given) && tools.part("messages").isOpen(given);
      if (!movable || transfer.indexOf(given) !== at) refuse(given);
    }
    const successors = transfer.filter(isPort).map((port) => [port, tools.part("messages").successor(port)]);
    const known = new Map(successors.map(([port, { next }]) => [port, next]));
    const copy = clone(value, known);
    // Nothing is detached unless all could be cloned.
    for (const given of transfer) if (given instanceof ArrayBuffer) given.transfer();
    for (const [, { move }] of successors) move();
    return { value: copy, ports: successors.map(([, { next }]) => next) };
  }

  function clone(value, known) {
    if (typeof value === "symbol" || typeof value === "function") refuse(value);
    if (value === null || typeof value !== "object") return value;
    if (known.has(value)) return known.get(value);
    const again = (inner) => clone(inner, known);
    const remember = (copy) => (known.set(value, copy), copy);
    if (value instanceof Boolean || value instanceof Number || value instanceof String || value instanceof BigInt) {
      return remember(Object(value.valueOf()));
    }
    if (value instanceof Symbol || isPort(value)) refuse(value);
    if (value instanceof Date) return remember(new Date(value.getTime()));
    if (value instanceof RegExp) return remember(new RegExp(value.source, value.flags));
    if (value instanceof ArrayBuffer) return remember(copyBuffer(value));
    if (ArrayBuffer.isView(value)) return remember(copyView(value, again));
    if (value instanceof Map) {
      const copy = remember(new Map());
      for (const [key, held] of [...value]) copy.set(again(key), again(held));
      return copy;
    }
    if (value instanceof Set) {
      const copy = remember(new Set());
      for (const held of [...value]) copy.add(again(held));
      return copy;
    }
    const blob = tools.loaded("blob")?.copyOf(value);
    if (blob) return remember(blob);
    const key = tools.loaded("subtle")?.copyOf(value);
    if (key) return remember(key);
    if (value instanceof DOMException) return remember(new DOMException(value.message, value.name));
    if (value instanceof Error) return cloneError(value, remember, again);
    if (Array.isArray(value)) return cloneMembers(value, remember(new Array(value.length)), again);
    if (isOpaque(value)) refuse(value);
    return cloneMembers(value, remember({}), again);
  }

  function copyBuffer(buffer) {
    if (buffer.detached) refuse(buffer);
    if (!buffer.resizable) return buffer.slice(0);
    const copy = new ArrayBuffer(buffer.byteLength, { maxByteLength: buffer.maxByteLength });
    new Uint8Array(copy).set(new Uint8Array(buffer));
    return copy;
  }

  function copyView(view, again) {
    if (isOutside(view)) refuse(view);
    const View = viewOf[view[Symbol.toStringTag]] ?? DataView;
    return new View(again(view.buffer), view.byteOffset, view instanceof DataView ? view.byteLength : view.length);
  }

  /** Whether a view's buffer has shrunk so that the view lies outside. */
  function isOutside(view) {
    try {
      if (view instanceof DataView) view.byteLength;
      else apply(at, view, [0]);
      return false;
    } catch {
      return true;
    }
  }

  function cloneError(error, remember, again) {
    const type = ERRORS[error.name] ?? Error;
    const made = remember(new type());
    const set = (name, value) => Object.defineProperty(made, name, { value, writable: true, configurable: true });
    const { value: message } = Object.getOwnPropertyDescriptor(error, "message") ?? {};
    if (message !== undefined) set("message", String(message));
    set("stack", String(error.stack ?? ""));
    if (Object.hasOwn(error, "cause")) set("cause", again(error.cause));
    return made;
  }

  function cloneMembers(value, copy, again) {
    for (const key of Object.keys(value)) {
      if (!Object.hasOwn(value, key)) continue;
      Object.defineProperty(copy, key, { value: again(value[key]), writable: true, enumerable: true, configurable: true });
    }
    return copy;
  }

  const viewOf = Object.fromEntries(
    [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, BigInt64Array, BigUint64Array, Float32Array, Float64Array]
      .concat(typeof Float16Array === "function" ? [Float16Array] : [])
      .map((type) => [type.name, type]),
  );

  /** Things whose substance is not in their members. */
  function isOpaque(value) {
    if ([Promise, WeakMap, WeakSet, WeakRef, FinalizationRegistry].some((type) => value instanceof type)) return true;
    // What only the prelude can make keeps its substance in private fields.
    return OURS.some(([from, name]) => {
      const type = tools.loaded(from)?.[name];
      return type && value instanceof type;
    });
  }

  const OURS = [
    ["events", "Event"], ["events", "EventTarget"], ["url", "URL"], ["url", "URLSearchParams"], ["encoding", "TextEncoder"],
    ["encoding", "TextDecoder"], ["fetch/headers", "Headers"], ["fetch/form", "FormData"], ["fetch/request", "Request"],
    ["fetch/response", "Response"], ["streams/readable", "ReadableStream"], ["streams/writable", "WritableStream"],
    ["streams/transform", "TransformStream"], ["crypto", "Crypto"],
  ];

  return { structuredClone, copyWithTransfer };
}
