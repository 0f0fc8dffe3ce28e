// Errors as Node marks them: a class of the language, and a code that programs ask for.

export default function nodeErrors(native, tools) {
  function coded(Type, code, message) {
    const error = new Type(message);
    error.code = code;
    return error;
  }

  function shown(value) {
    if (value === null || value === undefined) return String(value);
    if (typeof value === "function") return `function ${value.name}`;
    if (typeof value === "object") return value.constructor?.name ? `an instance of ${value.constructor.name}` : "an object";
    return `type ${typeof value} (${typeof value === "string" ? JSON.stringify(value.slice(0, 25)) : String(value)})`;
  }

  /** The argument is of another type than `expected` says. */
  const wrongType = (name, expected, value) =>
    coded(TypeError, "ERR_INVALID_ARG_TYPE", `"${name}" must be ${expected}, and is ${shown(value)}`);
  const wrongValue = (name, value, why) => coded(TypeError, "ERR_INVALID_ARG_VALUE", `"${name}" ${why}, and is ${shown(value)}`);
  const outOfRange = (name, range, value) =>
    coded(RangeError, "ERR_OUT_OF_RANGE", `"${name}" is out of range: it must be ${range}, and is ${String(value)}`);

  function mustBe(type, name, value) {
    if (typeof value !== type) throw wrongType(name, `of type ${type}`, value);
  }

  return { coded, shown, wrongType, wrongValue, outOfRange, mustBe };
}
