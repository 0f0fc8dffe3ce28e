// The heart of every isolate: it holds the processor and its state, runs the hooks, and keeps what waits
// for the host. Rust calls the functions returned at the end, one turn at a time, and passes `native`.
// Everything else of the prelude is loaded by the getters of globals.js when it is first touched.

const { parse, stringify } = JSON;
const MEMBERS = ["reduce", "afterAppend", "onEvent", "onCaughtUp"];
const ACTING = ["afterAppend", "onEvent"];
/** What is looked at in a processor; whatever else it carries is its author's own. */
const KEYS = [...MEMBERS, "slug", "initialState", "concurrency"];

// As they are before any script can change them.
const { defineProperty, getOwnPropertyDescriptor, getPrototypeOf, setPrototypeOf } = Object;
const PlainError = Error.prototype;
/** Classes of errors that extend one another; nobody builds more. */
const ERROR_CLASSES_MAX = 16;
const attempt = Promise.try.bind(Promise);
const collections = { __proto__: null, Map, Set, WeakMap, WeakSet };
const methods = {
  __proto__: null,
  Map: methodsOf(Map.prototype, ["get", "set", "has", "delete", "values"]),
  Set: methodsOf(Set.prototype, ["has", "add", "delete", "values"]),
  WeakMap: methodsOf(WeakMap.prototype, ["get", "set", "has", "delete"]),
  WeakSet: methodsOf(WeakSet.prototype, ["has", "add", "delete"]),
};

function methodsOf(prototype, names) {
  return [names, names.map((name) => prototype[name])];
}

/** A collection that works whatever a script does to the prototypes, and that none of these ever sees. */
function kept(kind) {
  const [names, found] = methods[kind];
  const collection = new collections[kind]();
  for (let at = 0; at < names.length; at += 1) {
    defineProperty(collection, names[at], { __proto__: null, value: found[at] });
  }
  return collection;
}

/** The frames of a stack say where they are; they would also hand out the functions of the prelude that are under way. */
function closeFrames() {
  const before = Error.prepareStackTrace;
  Error.prepareStackTrace = (error, frames) => frames;
  const [frame] = new Error().stack;
  Error.prepareStackTrace = before;
  const type = Object.getPrototypeOf(frame);
  delete type.getFunction;
  delete type.getThis;
}

export default function start(native) {
  closeFrames();
  let processor;
  let state;
  /** The state as JSON text as of the last event that was reduced without a failure. */
  let committed;
  /** The same, one event earlier. */
  let previous;
  let stream;

  /** The event whose `reduce` runs now. The clock and the randomness that a script sees come from it. */
  const reducing = { active: false, createdAt: undefined, offset: 0, random: undefined };
  /** Whose turn it is: log lines and timers belong to this hook. */
  let current = idle();
  const limitErrors = kept("WeakSet");
  /** The errors of operations, to their codes. */
  const opErrors = kept("WeakMap");
  const globals = native.part("globals")(native, {
    reducing,
    forbid,
    kept,
    limit,
    log,
    hook: () => current,
    enter,
    seed: () => `${stream.project} ${stream.path} ${stream.slug} ${reducing.offset}`,
  });

  function enter(hook) {
    current = hook;
  }

  function idle() {
    return { offset: undefined, lines: 0, dropped: 0 };
  }

  function forbid(name) {
    if (reducing.active) {
      throw new Error(`${name} is not available in reduce, which only computes: use it in afterAppend`);
    }
  }

  function limit(message) {
    const error = new RangeError(message);
    limitErrors.add(error);
    return error;
  }

  // --- logging ------------------------------------------------------------------------------------

  function log(level, values, offset = reducing.active ? reducing.offset : current.offset) {
    if (reducing.quiet) return;
    if (current.lines === native.logLinesMax) {
      current.dropped += 1;
      return;
    }
    current.lines += 1;
    native.log(level, globals.format(values).toWellFormed(), offset);
  }

  function reportDropped(hook) {
    if (hook.dropped === 0) return;
    const message = `${hook.dropped} more lines were dropped: a hook may log ${native.logLinesMax}`;
    hook.dropped = 0;
    native.log("warn", message, hook.offset);
  }

  const levelled = (level, offset) => (...values) => log(level, values, offset());
  const loggerFor = (offset) => ({
    debug: levelled("debug", offset),
    info: levelled("info", offset),
    log: levelled("info", offset),
    warn: levelled("warn", offset),
    error: levelled("error", offset),
  });
  const reduceLogger = loggerFor(() => undefined);

  // --- the processor --------------------------------------------------------------------------------

  function accept(namespace, text) {
    let found = "default" in namespace ? namespace.default : namespace.processor;
    if (typeof found === "function") found = found();
    if (found === null || typeof found !== "object" || typeof found.then === "function") {
      throw new TypeError(
        `the module must export a processor as its default export, or as \`processor\`: an object such as ` +
          `{ initialState, reduce, afterAppend }, or defineProcessor(() => object); it exports ${shape(namespace)}`,
      );
    }
    for (const name of MEMBERS) {
      if (found[name] !== undefined && found[name] !== null && typeof found[name] !== "function") {
        throw new TypeError(`the processor's \`${name}\` must be a function, and is ${kindOf(found[name])}`);
      }
    }
    const { concurrency } = found;
    if (concurrency !== undefined && concurrency !== "serial" && concurrency !== "parallel") {
      throw new TypeError('the processor\'s `concurrency` must be "serial" or "parallel"');
    }
    // Once: not whenever it wakes with its state.
    if (text === undefined && isOdd(found)) native.part("oddities")(found, { members: MEMBERS, keys: KEYS, log });
    committed = text ?? toText(found.initialState === undefined ? {} : found.initialState, "initialState");
    previous = committed;
    state = parse(committed);
    processor = found;
    return stringify({
      reacts: ACTING.some((name) => found[name]),
      reduces: Boolean(found.reduce),
      catchesUp: Boolean(found.onCaughtUp),
      parallel: concurrency === "parallel",
    });
  }

  /** Whether there is anything to be told of what it has, or has not. */
  const isOdd = (found) =>
    Object.keys(found).some((key) => !KEYS.includes(key)) || ![...MEMBERS, "initialState"].some((name) => name in found);

  const kindOf = (value) => (value === null ? "null" : Array.isArray(value) ? "an array" : `of type ${typeof value}`);

  function shape(namespace) {
    const names = Object.keys(namespace);
    if (names.length === 0) return "nothing";
    return names.map((name) => `\`${name}\` (${kindOf(namespace[name])})`).join(", ");
  }

  function toText(value, what) {
    let text;
    try {
      text = stringify(value);
    } catch (error) {
      throw new TypeError(`${what} must be JSON: ${error?.message}`);
    }
    if (text === undefined) throw new TypeError(`${what} must be JSON, and is ${kindOf(value)}`);
    if (text.length > native.stateBytesMax) {
      throw limit(`${what} has ${text.length} characters as JSON; it may have ${native.stateBytesMax}`);
    }
    return text;
  }

  /** What the module's top level can already see. */
  function prepare(streamText, envText) {
    stream = Object.freeze(parse(streamText));
    globals.setEnvironment(parse(envText));
  }

  function load(call, importing, text) {
    current = { call, offset: undefined, lines: 0, dropped: 0 };
    const hook = current;
    const end = (failure, definition) => {
      reportDropped(hook);
      native.settled(call, failure, definition);
    };
    importing.then(
      (namespace) => {
        try {
          end(undefined, accept(namespace, text));
        } catch (error) {
          end(describe(error));
        }
      },
      (error) => end(describe(error)),
    );
  }

  // --- reduce ---------------------------------------------------------------------------------------

  function reduce(event) {
    reducing.active = true;
    reducing.createdAt = event.createdAt;
    reducing.offset = event.offset;
    reducing.random = undefined;
    try {
      const next = processor.reduce({ event, state, logger: reduceLogger });
      if (next === undefined || next === null) return;
      if (typeof next.then === "function") {
        next.then(undefined, () => {});
        throw new TypeError("reduce returned a promise: it must be synchronous; wait in afterAppend and append the result");
      }
      state = next;
    } finally {
      reducing.active = false;
    }
  }

  /** Reduces an event that just came. */
  function take(text) {
    reduce(parse(text));
    commit();
  }

  /** Takes the state as good: what comes next can fail without harming it. */
  function commit() {
    const text = toText(state, "the state that reduce returned");
    previous = committed;
    committed = text;
  }

  /** Back to the last good state, whatever a failing `reduce` did to it. */
  function rollBack() {
    state = parse(committed);
  }

  /** What a replay logs is one hook's worth. Quiet: events are reduced once more, after a failure. */
  function replaying(quiet) {
    if (!quiet && !reducing.quiet) {
      reportDropped(current);
      current = idle();
    }
    reducing.quiet = quiet;
  }

  // --- hooks ----------------------------------------------------------------------------------------

  let acting;

  /** What acts is loaded with the first hook: many processors only reduce. */
  function hooks() {
    acting ??= native.part("hooks")(native, {
      processor,
      globals,
      kept,
      forbid,
      limit,
      kindOf,
      describe,
      loggerFor,
      reportDropped,
      enter,
      hook: () => current,
      stream,
      opErrors,
      limitErrors,
      builtins: { parse, stringify, defineProperty, setPrototypeOf, attempt },
    });
    return acting;
  }

  function react(call, offset, text) {
    const before = previous;
    previous = committed;
    return (acting ?? hooks()).react(call, offset, text, before, committed);
  }

  function abort(call, name, message) {
    if (acting) return acting.abort(call, name, message);
    if (call === undefined) globals.disconnect(undefined, new DOMException(message, name));
  }

  // --- failures ---------------------------------------------------------------------------------------

  /** What was thrown, as JSON text. Anything can be thrown, and every getter of it can throw in turn. */
  function describe(thrown) {
    const failure = { name: "Error", message: "", stack: "", limit: false };
    try {
      if (thrown instanceof Error) {
        failure.name = String(thrown.name);
        failure.message = String(thrown.message);
        failure.stack = String(thrown.stack ?? "");
        failure.makers = makersOf(thrown);
        failure.limit = limitErrors.has(thrown);
        failure.code = opErrors.get(thrown);
        if (thrown instanceof AggregateError) {
          failure.message += `: ${thrown.errors.map((error) => describeShortly(error)).join("; ")}`;
        }
        const said = failure.message !== "" && thrown.cause?.message && failure.message.endsWith(thrown.cause.message);
        if (thrown.cause !== undefined && !said) failure.message += ` (because of ${describeShortly(thrown.cause)})`;
      } else {
        failure.name = "NotAnError";
        failure.message = `${globals.format([typeof thrown === "string" ? stringify(thrown) : thrown])} was thrown, which is not an Error, so that there is no stack`;
      }
    } catch {
      failure.message ||= "something was thrown that cannot be looked at";
    }
    return stringify(failure);
  }

  /** The names of an error's own classes: the engine's stack begins in their constructors. */
  function makersOf(error) {
    const names = [];
    for (let type = getPrototypeOf(error); type && type !== PlainError && names.length < ERROR_CLASSES_MAX; type = getPrototypeOf(type)) {
      const made = getOwnPropertyDescriptor(type, "constructor")?.value;
      if (typeof made === "function") names.push(String(made.name));
    }
    return names;
  }

  const describeShortly = (error) =>
    error instanceof Error ? `${error.name}: ${error.message}` : globals.format([error]);

  return {
    prepare,
    load,
    reduce,
    take,
    commit,
    rollBack,
    replaying,
    react,
    caughtUp: (call) => hooks().caughtUp(call, committed),
    abort,
    forget: (call) => acting?.forget(call),
    settle: (id, text, code) => acting?.settle(id, text, code),
    describe,
    rejected: globals.rejected,
    handled: globals.handled,
    fire: globals.fire,
    receive: globals.receive,
    expire: globals.expire,
    state: () => committed,
  };
}
