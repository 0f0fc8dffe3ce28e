// What was thrown: how the host is told of it, and what of it was a limit of ours or an answer of the host's. Loaded with
// the first failure, so that it relies on what the core has kept of the language.

const ERROR_CLASSES_MAX = 16;

export default function failing(native, core) {
  const { part, stringify, getOwnPropertyDescriptor, getPrototypeOf, plainError } = core;
  const format = (values) => part("logging").format(values);
  let isLimit;
  let codeOf;

  /** Marks an error that was made here, where no script can see it: with the code of the host's answer, if it was one. */
  class Made extends class { constructor(error) { return error; } } {
    #code;
    #isLimit;

    constructor(error, isLimit, code) {
      super(error);
      this.#isLimit = isLimit;
      this.#code = code;
    }

    static {
      isLimit = (error) => #isLimit in error && error.#isLimit;
      codeOf = (error) => (#code in error ? error.#code : undefined);
    }
  }

  function limit(message) {
    return new Made(new RangeError(message), true);
  }

  /** Makes an error what the host answered to an operation. */
  function answered(error, message, code) {
    error.message = message;
    error.code = code;
    return new Made(error, code === "limit-reached", code);
  }

  /** What was thrown, as JSON text. Anything can be thrown, and every getter of it can throw in turn. */
  function describe(thrown) {
    const failure = { name: "Error", message: "", stack: "", limit: false };
    try {
      if (thrown instanceof Error) {
        failure.name = String(thrown.name);
        failure.message = String(thrown.message);
        failure.stack = String(thrown.stack ?? "");
        failure.makers = makersOf(thrown);
        failure.limit = isLimit(thrown);
        failure.code = codeOf(thrown);
        if (thrown instanceof AggregateError) {
          failure.message += `: ${thrown.errors.map((error) => describeShortly(error)).join("; ")}`;
        }
        const said = failure.message !== "" && thrown.cause?.message && failure.message.endsWith(thrown.cause.message);
        if (thrown.cause !== undefined && !said) failure.message += ` (because of ${describeShortly(thrown.cause)})`;
      } else {
        failure.name = "NotAnError";
        failure.message = `${format([typeof thrown === "string" ? stringify(thrown) : thrown])} was thrown, which is not an Error, so that there is no stack`;
      }
    } catch {
      failure.message ||= "something was thrown that cannot be looked at";
    }
    return stringify(failure);
  }

  /** The names of an error's own classes: the engine's stack begins in their constructors. Nobody builds more of them. */
  function makersOf(error) {
    const names = [];
    for (let type = getPrototypeOf(error); type && type !== plainError && names.length < ERROR_CLASSES_MAX; type = getPrototypeOf(type)) {
      const made = getOwnPropertyDescriptor(type, "constructor")?.value;
      if (typeof made === "function") names.push(String(made.name));
    }
    return names;
  }

  const describeShortly = (error) => (error instanceof Error ? `${error.name}: ${error.message}` : format([error]));

  const kindOf = (value) => (value === null ? "null" : Array.isArray(value) ? "an array" : `of type ${typeof value}`);

  /** Why a value cannot be kept as JSON text: `text` is what became of it, unless it threw `error`. */
  function notKept(what, value, text, error) {
    if (error !== undefined) return new TypeError(`${what} must be JSON: ${error?.message}`);
    if (text === undefined) return new TypeError(`${what} must be JSON, and is ${kindOf(value)}`);
    return limit(`${what} has ${text.length} characters as JSON; it may have ${native.stateBytesMax}`);
  }

  return { limit, answered, describe, kindOf, notKept };
}
