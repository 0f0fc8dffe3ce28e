// The heart of every isolate: it holds the processor and its state, runs the hooks, and keeps what waits
// for the host. Rust calls the functions returned at the end, one turn at a time, and passes `native`.
// Everything else of the prelude is loaded when it is first touched.

const { parse, stringify } = JSON;

// As they are before any script can change them.
const { defineProperty, getOwnPropertyDescriptor, getPrototypeOf, setPrototypeOf, keys: namesOf } = Object;
const plainError = Error.prototype;

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
  const names = namesOf(found);
  for (let at = 0; at < names.length; at += 1) if (!(names[at] in KNOWN)) return true;
  const { reduce, afterAppend, onEvent, onCaughtUp, concurrency } = found;
  if (concurrency !== undefined && concurrency !== "serial" && concurrency !== "parallel") return true;
  const members = [reduce, afterAppend, onEvent, onCaughtUp];
  let lacks = 0;
  for (let at = 0; at < members.length; at += 1) {
    const member = members[at];
    if (member === undefined || member === null) lacks += 1;
    else if (typeof member !== "function") return true;
  }
  return lacks === members.length && !("initialState" in found);
}

export default function start(native) {
  closeFrames();
  const { stateBytesMax } = native;
  let processor;
  let state;
  /** The state as JSON text as of the last event that was reduced without a failure. */
  let committed;
  /** The same, one event earlier. */
  let previous;
  let failing;
  let acting;

  /** The event whose `reduce` runs now. The clock and the randomness that a script sees come from it. */
  const reducing = { active: false, createdAt: undefined, offset: 0, random: undefined, quiet: false };
  /** Whose turn it is: log lines and timers belong to this hook. */
  let current = idle();
  /** What the parts of the prelude share; the globals add what is theirs. */
  const tools = { reducing, forbid, limit, enter, hook: () => current, stream: undefined, environment: "{}" };
  const { part } = native.part("globals")(native, tools);

  function enter(hook) {
    current = hook;
  }

  function idle(call) {
    return { __proto__: null, call, offset: undefined, lines: 0, dropped: 0 };
  }

  function forbid(name) {
    if (reducing.active) {
      throw new Error(`${name} is not available in reduce, which only computes: use it in afterAppend`);
    }
  }

  /** Loaded with the first failure. */
  function failures() {
    return (failing ??= native.part("failures")(native, { part, stringify, getOwnPropertyDescriptor, getPrototypeOf, plainError }));
  }

  function limit(message) {
    return failures().limit(message);
  }

  // --- logging ------------------------------------------------------------------------------------

  function reportDropped(hook) {
    if (hook.dropped > 0) part("logging").reportDropped(hook);
  }

  const levelled = (level, offset) => (...values) => part("logging").log(level, values, offset());
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
    if (isOdd(found)) native.part("oddities")(found, namespace, failures().kindOf, text === undefined ? part("logging").log : () => {});
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
  function prepare(streamText, environment) {
    tools.stream = Object.freeze(parse(streamText));
    tools.environment = environment;
  }

  function load(call, importing, text) {
    const hook = idle(call);
    current = hook;
    const end = (failure, definition) => {
      reportDropped(hook);
      native.settled(call, failure, definition);
    };
    const fail = (error) => end(failures().describe(error));
    importing.then((namespace) => {
      let definition;
      try {
        definition = accept(namespace, text);
      } catch (error) {
        return fail(error);
      }
      end(undefined, definition);
    }, fail);
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
  function take(event) {
    reduce(event);
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

  /** What acts is loaded with the first hook: many processors only reduce. */
  function hooks() {
    return (acting ??= native.part("hooks")(native, tools, {
      processor,
      failures,
      loggerFor,
      reportDropped,
      parse,
      stringify,
      defineProperty,
      getOwnPropertyDescriptor,
      setPrototypeOf,
    }));
  }

  /** `event` is the hook's own: another one than was reduced. */
  function react(call, offset, event) {
    const before = previous;
    previous = committed;
    return (acting ?? hooks()).react(call, offset, event, before, committed);
  }

  function abort(call, name, message) {
    if (acting) acting.abort(call, name, message);
    else if (call === undefined) tools.loaded("fetch/network")?.abort(undefined, new DOMException(message, name));
  }

  return { part, prepare, load, reduce, take, commit, rollBack, replaying, hooks, react, abort, failures, state: () => committed };
}
