// node:util/types.

export default function utilTypes(native, tools) {
  const { getPrototypeOf, getOwnPropertyDescriptor } = Object;
  const typed = getPrototypeOf(Uint8Array);
  const tagOf = getOwnPropertyDescriptor(typed.prototype, Symbol.toStringTag).get;
  const viewName = (value) => (ArrayBuffer.isView(value) ? Reflect.apply(tagOf, value, []) : undefined);

  /** Whether a getter of the language's own accepts the value. Nothing but the real thing passes. */
  function accepts(call) {
    return (value) => {
      if (value === null || typeof value !== "object") return false;
      try {
        call(value);
        return true;
      } catch {
        return false;
      }
    };
  }

  const getter = (type, name) => getOwnPropertyDescriptor(type.prototype, name).get;
  const by = (method, ...values) => accepts((value) => Reflect.apply(method, value, values));
  const unwraps = (type) => (value) => typeof value === "object" && by(type.prototype.valueOf)(value);
  const tagged = (tag) => (value) => value !== null && typeof value === "object" && Object.prototype.toString.call(value) === `[object ${tag}]`;
  const prototypeOf = (make) => getPrototypeOf(make);
  const asyncFunction = prototypeOf(async () => {});
  const generatorFunction = prototypeOf(function* () {});
  const asyncGeneratorFunction = prototypeOf(async function* () {});
  const inherits = (prototype) => (value) => value !== null && typeof value === "object" && prototype.isPrototypeOf(value);

  const isAnyArrayBuffer = (value) => isArrayBuffer(value) || isSharedArrayBuffer(value);
  const isArrayBuffer = by(getter(ArrayBuffer, "byteLength"));
  const isSharedArrayBuffer = (value) => typeof SharedArrayBuffer === "function" && value instanceof SharedArrayBuffer;
  const boxes = {
    isBigIntObject: unwraps(BigInt),
    isBooleanObject: unwraps(Boolean),
    isNumberObject: unwraps(Number),
    isStringObject: unwraps(String),
    isSymbolObject: unwraps(Symbol),
  };
  const names = [
    "Uint8Array", "Uint8ClampedArray", "Uint16Array", "Uint32Array", "Int8Array", "Int16Array", "Int32Array", "Float32Array", "Float64Array",
    "BigInt64Array", "BigUint64Array",
  ];

  return {
    isExternal: () => false,
    isDate: by(Date.prototype.getTime),
    isArgumentsObject: tagged("Arguments"),
    ...boxes,
    isBoxedPrimitive: (value) => Object.values(boxes).some((is) => is(value)),
    isNativeError: (value) => (typeof Error.isError === "function" ? Error.isError(value) : value instanceof Error),
    isRegExp: by(getter(RegExp, "global")),
    isAsyncFunction: (value) => typeof value === "function" && [asyncFunction, asyncGeneratorFunction].includes(getPrototypeOf(value)),
    isGeneratorFunction: (value) => typeof value === "function" && [generatorFunction, asyncGeneratorFunction].includes(getPrototypeOf(value)),
    isGeneratorObject: (value) => inherits(generatorFunction.prototype)(value) || inherits(asyncGeneratorFunction.prototype)(value),
    isPromise: (value) => value instanceof Promise,
    isMap: by(getter(Map, "size")),
    isSet: by(getter(Set, "size")),
    isMapIterator: inherits(getPrototypeOf(new Map().entries())),
    isSetIterator: inherits(getPrototypeOf(new Set().values())),
    isWeakMap: by(WeakMap.prototype.has, {}),
    isWeakSet: by(WeakSet.prototype.has, {}),
    isArrayBuffer,
    isSharedArrayBuffer,
    isAnyArrayBuffer,
    isDataView: by(getter(DataView, "byteOffset")),
    /** What a Proxy is cannot be told from within. */
    isProxy: () => false,
    isModuleNamespaceObject: tagged("Module"),
    isArrayBufferView: ArrayBuffer.isView,
    isTypedArray: (value) => viewName(value) !== undefined,
    ...Object.fromEntries(names.map((name) => [`is${name}`, (value) => viewName(value) === name])),
    isKeyObject: () => false,
    isCryptoKey: (value) => Boolean(tools.loaded("subtle") && value instanceof tools.loaded("subtle").CryptoKey),
  };
}
