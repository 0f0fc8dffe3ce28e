// The heart of every isolate: it holds the processor and its state, runs the hooks, and keeps what waits
// for the host. Rust calls the functions returned at the end, one turn at a time, and passes `native`.
// Everything else of the prelude is loaded when it is first touched.

const { parse, stringify } = JSON;

// As they are before any script can change them.
const { defineProperty, getOwnPropertyDescriptor, getPrototypeOf, setPrototypeOf, keys: namesOf } = Object;
const [LanguageMap, LanguageWeakMap] = [Map, WeakMap];
const { get, set, has, delete: drop, values } = Map.prototype;
const { get: getWeakly, set: setWeakly } = WeakMap.prototype;
const attempt = Promise.try.bind(Promise);
const plainError = Error.prototype;

/** Collections that work whatever a script does to the prototypes, and that none of these ever sees. */
const keptMap = () => kept(new LanguageMap(), { __proto__: null, get, set, has, delete: drop, values });
const keptWeakMap = () => kept(new LanguageWeakMap(), { __proto__: null, get: getWeakly, set: setWeakly });

function kept(collection, methods) {
  for (const name in methods) defineProperty(collection, name, { __proto__: null, value: methods[name] });
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

/** What is looked at in a processor; whatever else it carries is its author's own. */
const KNOWN = { __proto__: null, reduce: 1, afterAppend: 1, onEvent: 1, onCaughtUp: 1, initialState: 1, concurrency: 1, slug: 1 };

/** Whether there is anything to be refused or to be told of what a module exports. */
function isOdd(found) {
  if (found === null || typeof found !== "object" || typeof found.then === "function") return true;
  const { reduce, afterAppend, onEvent, onCaughtUp, concurrency } = found;
  for (const member of [reduce, afterAppend, onEvent, onCaughtUp]) {
    if (member !== undefined && member !== null && typeof member !== "function") return true;
  }
  if (concurrency !== undefined && concurrency !== "serial" && concurrency !== "parallel") return true;
  for (const key of namesOf(found)) if (!(key in KNOWN)) return true;
  return !(reduce || afterAppend || onEvent || onCaughtUp || "initialState" in found);
}

export default function start(native) {
  closeFrames();
  const { logLinesMax, stateBytesMax } = native;
  let processor;
  let state;
  /** The state as JSON text as of the last event that was reduced without a failure. */
  let committed;
  /** The same, one event earlier. */
  let previous;
  let stream;
  let failing;

  /** The event whose `reduce` runs now. The clock and the randomness that a script sees come from it. */
  const reducing = { active: false, createdAt: undefined, offset: 0, random: undefined };
  /** Whose turn it is: log lines and timers belong to this hook. */
  let current = idle();
  const globals = native.part("globals")(native, {
    reducing,
    forbid,
    keptMap,
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

  /** Loaded with the first failure. */
  function failures() {
    failing ??= native.part("failures")(native, {
      keptWeakMap,
      format: globals.format,
      originals: { stringify, getOwnPropertyDescriptor, getPrototypeOf, plainError },
    });
    return failing;
  }

  function limit(message) {
    return failures().limit(message);
  }

  const describe = (thrown) => failures().describe(thrown);

  // --- logging ------------------------------------------------------------------------------------

  function log(level, values, offset = reducing.active ? reducing.offset : current.offset) {
    if (reducing.quiet) return;
    if (current.lines === logLinesMax) {
      current.dropped += 1;
      return;
    }
    current.lines += 1;
    native.log(level, globals.format(values).toWellFormed(), offset);
  }

  function reportDropped(hook) {
    if (hook.dropped === 0) return;
    const message = `${hook.dropped} more lines were dropped: a hook may log ${logLinesMax}`;
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
  let reduceLogger;

  // --- the processor --------------------------------------------------------------------------------

  function accept(namespace, text) {
    let found = "default" in namespace ? namespace.default : namespace.processor;
    if (typeof found === "function") found = found();
    // Said once: not whenever it wakes with its state.
    if (isOdd(found)) native.part("oddities")(found, namespace, failures().kindOf, text === undefined ? log : () => {});
    committed = text ?? toText(found.initialState === undefined ? {} : found.initialState, "initialState");
    previous = committed;
    state = parse(committed);
    processor = found;
    return stringify({
      reacts: Boolean(found.afterAppend || found.onEvent),
      reduces: Boolean(found.reduce),
      catchesUp: Boolean(found.onCaughtUp),
      parallel: found.concurrency === "parallel",
    });
  }

  function toText(value, what) {
    let text;
    try {
      text = stringify(value);
    } catch (error) {
      throw failures().notKept(what, value, undefined, error ?? "");
    }
    if (text === undefined || text.length > stateBytesMax) throw failures().notKept(what, value, text);
    return text;
  }

  /** What the module's top level can already see. */
  function prepare(streamText, envText) {
    stream = Object.freeze(parse(streamText));
    globals.setEnvironment(envText);
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
      const next = processor.reduce({ event, state, logger: (reduceLogger ??= loggerFor(() => undefined)) });
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
      keptMap,
      forbid,
      failures,
      limit,
      describe,
      loggerFor,
      reportDropped,
      enter,
      hook: () => current,
      stream,
      originals: { parse, stringify, defineProperty, setPrototypeOf, attempt },
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
