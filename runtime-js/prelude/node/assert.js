// node:assert.

export default function assertModule(native, tools) {
  const { isDeepEqual, isDeepStrictEqual } = tools.part("node/equality");
  const { inspect } = tools.part("inspect");
  const { wrongType, coded } = tools.part("node/errors");

  class AssertionError extends Error {
    constructor(options) {
      if (options === null || typeof options !== "object") throw wrongType("options", "an object", options);
      const { message, actual, expected, operator } = options;
      super(message === undefined ? `${inspect(actual)} ${operator} ${inspect(expected)}` : String(message));
      this.name = "AssertionError";
      this.code = "ERR_ASSERTION";
      this.generatedMessage = message === undefined;
      this.actual = actual;
      this.expected = expected;
      this.operator = operator;
    }
  }

  function failWith(message, actual, expected, operator, said) {
    if (message instanceof Error) throw message;
    throw new AssertionError({ message: message ?? said, actual, expected, operator });
  }

  function assert(value, message = undefined) {
    if (value) return;
    const said = arguments.length === 0 ? "no value was given to assert.ok" : `${inspect(value)} is not truthy`;
    failWith(message, value, true, "==", said);
  }

  const shown = (value) => inspect(value);
  function comparison(operator, holds, words) {
    return (actual, expected, message = undefined) => {
      if (!holds(actual, expected)) failWith(message, actual, expected, operator, `${shown(actual)} ${words} ${shown(expected)}`);
    };
  }

  const loose = (a, b) => a == b || (a !== a && b !== b);
  const not = (holds) => (a, b) => !holds(a, b);

  /** Whether what was thrown is what was expected: a class, a pattern, a test, or members to have. */
  function check(error, expected, message) {
    if (expected === undefined) return;
    if (expected instanceof RegExp) {
      if (!expected.test(String(error))) failWith(message, error, expected, "throws", `${shown(String(error))} does not match ${expected}`);
      return;
    }
    if (typeof expected === "function") {
      if (expected.prototype !== undefined && error instanceof expected) return;
      if (expected === Error || Error.isPrototypeOf(expected)) {
        failWith(message, error, expected, "throws", `what was thrown is not of ${expected.name}: ${shown(error)}`);
      }
      if (Reflect.apply(expected, {}, [error]) !== true) failWith(message, error, expected, "throws", `${shown(error)} did not pass the test`);
      return;
    }
    if (expected === null || typeof expected !== "object") throw wrongType("expected", "a class, a pattern, a function or an object", expected);
    const keys = Object.keys(expected);
    if (expected instanceof Error) keys.push("name", "message");
    for (const key of keys) {
      const pattern = expected[key] instanceof RegExp && typeof error?.[key] === "string";
      const same = pattern ? expected[key].test(error[key]) : isDeepStrictEqual(error?.[key], expected[key]);
      if (!same) failWith(message, error, expected, "throws", `the ${key} of what was thrown is ${shown(error?.[key])}, and not ${shown(expected[key])}`);
    }
  }

  const told = (expected, message) => (typeof expected === "string" ? [undefined, expected] : [expected, message]);

  function caught(body) {
    if (typeof body !== "function") throw wrongType("fn", "a function", body);
    try {
      body();
    } catch (error) {
      return { error };
    }
    return undefined;
  }

  async function rejection(body) {
    const promise = typeof body === "function" ? body() : body;
    if (typeof promise?.then !== "function") throw coded(TypeError, "ERR_INVALID_RETURN_VALUE", "a promise was expected");
    try {
      await promise;
    } catch (error) {
      return { error };
    }
    return undefined;
  }

  function expectFailure(failure, operator, expected, message) {
    const [wanted, said] = told(expected, message);
    if (!failure) failWith(said, undefined, wanted, operator, operator === "throws" ? "nothing was thrown" : "nothing was rejected");
    check(failure.error, wanted, said);
  }

  function expectNone(failure, operator, expected, message) {
    if (!failure) return;
    const [, said] = told(expected, message);
    failWith(undefined, failure.error, expected, operator, `${said ? `${said}: ` : ""}an unexpected error came: ${failure.error?.message ?? shown(failure.error)}`);
  }

  function matching(operator, wanted) {
    return (text, pattern, message = undefined) => {
      if (!(pattern instanceof RegExp)) throw wrongType("regexp", "a RegExp", pattern);
      if (typeof text !== "string" || pattern.test(text) !== wanted) {
        failWith(message, text, pattern, operator, `${shown(text)} ${wanted ? "does not match" : "matches"} ${pattern}`);
      }
    };
  }

  const methods = {
    AssertionError,
    ok: assert,
    fail: (message = undefined) => failWith(message, undefined, undefined, "fail", "failed"),
    equal: comparison("==", loose, "!="),
    notEqual: comparison("!=", not(loose), "=="),
    strictEqual: comparison("strictEqual", Object.is, "is not"),
    notStrictEqual: comparison("notStrictEqual", not(Object.is), "is"),
    deepEqual: comparison("deepEqual", isDeepEqual, "is not loosely deep-equal to"),
    notDeepEqual: comparison("notDeepEqual", not(isDeepEqual), "is loosely deep-equal to"),
    deepStrictEqual: comparison("deepStrictEqual", isDeepStrictEqual, "is not deep-equal to"),
    notDeepStrictEqual: comparison("notDeepStrictEqual", not(isDeepStrictEqual), "is deep-equal to"),
    throws: (body, expected, message) => expectFailure(caught(body), "throws", expected, message),
    doesNotThrow: (body, expected, message) => expectNone(caught(body), "doesNotThrow", expected, message),
    rejects: async (body, expected, message) => expectFailure(await rejection(body), "rejects", expected, message),
    doesNotReject: async (body, expected, message) => expectNone(await rejection(body), "doesNotReject", expected, message),
    match: matching("match", true),
    doesNotMatch: matching("doesNotMatch", false),
    ifError(value) {
      if (value === null || value === undefined) return;
      failWith(undefined, value, null, "ifError", `an error was not expected: ${value instanceof Error ? value.message : shown(value)}`);
    },
  };
  Object.assign(assert, methods);
  const strict = Object.assign((...values) => Reflect.apply(assert, undefined, values), methods, {
    equal: methods.strictEqual,
    notEqual: methods.notStrictEqual,
    deepEqual: methods.deepStrictEqual,
    notDeepEqual: methods.notDeepStrictEqual,
  });
  strict.strict = strict;
  assert.strict = strict;
  return assert;
}
