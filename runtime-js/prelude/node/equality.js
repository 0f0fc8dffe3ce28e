// Deep equality, as node:assert and util.isDeepStrictEqual have it: strict, or loose as `==` is.

export default function equality(native, tools) {
  const types = tools.builtin("util/types");
  const own = (value) => Reflect.ownKeys(value).filter((key) => Object.prototype.propertyIsEnumerable.call(value, key));
  const isObject = (value) => value !== null && typeof value === "object";

  function equal(one, other, strict, pairs) {
    if (Object.is(one, other)) return true;
    if (!isObject(one) || !isObject(other)) {
      if (strict) return false;
      return !isObject(one) && !isObject(other) && (one == other || (one !== one && other !== other));
    }
    if (strict && Object.getPrototypeOf(one) !== Object.getPrototypeOf(other)) return false;
    if (Object.prototype.toString.call(one) !== Object.prototype.toString.call(other)) return false;
    if (Array.isArray(one) !== Array.isArray(other)) return false;
    if (!sameSubstance(one, other, strict)) return false;
    // What is being compared already is equal as far as this comparison knows.
    if (pairs.get(one)?.has(other)) return true;
    if (!pairs.has(one)) pairs.set(one, new Set());
    pairs.get(one).add(other);
    const result = sameContents(one, other, strict, pairs);
    pairs.get(one).delete(other);
    return result;
  }

  /** What is not in members: times, patterns, bytes, messages. */
  function sameSubstance(one, other, strict) {
    if (types.isDate(one)) return types.isDate(other) && Object.is(one.getTime(), other.getTime());
    if (types.isRegExp(one)) return types.isRegExp(other) && String(one) === String(other) && one.lastIndex === other.lastIndex;
    if (one instanceof Error) return other instanceof Error && one.message === other.message && one.name === other.name;
    if (types.isBoxedPrimitive(one)) return types.isBoxedPrimitive(other) && Object.is(one.valueOf(), other.valueOf());
    if (types.isAnyArrayBuffer(one)) return types.isAnyArrayBuffer(other) && sameItems(new Uint8Array(one), new Uint8Array(other), Object.is);
    if (ArrayBuffer.isView(one)) {
      if (!ArrayBuffer.isView(other) || one.byteLength !== other.byteLength) return false;
      if (types.isDataView(one)) return sameItems(bytesOf(one), bytesOf(other), Object.is);
      return sameItems(one, other, strict ? Object.is : (a, b) => a === b || (a !== a && b !== b));
    }
    return true;
  }

  const bytesOf = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  const sameItems = (one, other, same) => one.length === other.length && one.every((item, at) => same(item, other[at]));

  function sameContents(one, other, strict, pairs) {
    const again = (a, b) => equal(a, b, strict, pairs);
    if (types.isSet(one) && !(types.isSet(other) && sameSets(one, other, again))) return false;
    if (types.isMap(one) && !(types.isMap(other) && sameMaps(one, other, again))) return false;
    const skip = ArrayBuffer.isView(one) ? (key) => !/^\d+$/.test(String(key)) : () => true;
    const keysOf = (value) => (strict ? own(value) : Object.keys(value)).filter(skip);
    const keys = keysOf(one);
    if (Array.isArray(one) && one.length !== other.length) return false;
    if (keys.length !== keysOf(other).length) return false;
    if (!keys.every((key) => Object.prototype.propertyIsEnumerable.call(other, key) && again(one[key], other[key]))) return false;
    return !(one instanceof Error) || ["cause", "errors"].every((key) => again(one[key], other[key]));
  }

  function sameSets(one, other, again) {
    if (one.size !== other.size) return false;
    const left = new Set(other);
    for (const item of one) {
      if (left.delete(item)) continue;
      const match = [...left].find((candidate) => again(item, candidate));
      if (match === undefined || !left.delete(match)) return false;
    }
    return true;
  }

  function sameMaps(one, other, again) {
    if (one.size !== other.size) return false;
    const left = new Map(other);
    for (const [key, value] of one) {
      if (left.has(key) && again(value, left.get(key))) {
        left.delete(key);
        continue;
      }
      const match = [...left].find(([candidate, held]) => isObject(key) && again(key, candidate) && again(value, held));
      if (!match) return false;
      left.delete(match[0]);
    }
    return true;
  }

  return {
    isDeepStrictEqual: (one, other) => equal(one, other, true, new Map()),
    isDeepEqual: (one, other) => equal(one, other, false, new Map()),
  };
}
