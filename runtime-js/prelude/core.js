// The heart of every isolate: it holds the processor and its state, runs the hooks, and keeps what waits
// for the host. Rust calls the functions returned at the end, one turn at a time, and passes `native`.
// Everything else of the prelude is loaded by the getters of globals.js when it is first touched.

const { parse, stringify } = JSON;
const MEMBERS = ["reduce", "afterAppend", "onEvent", "onCaughtUp"];
const ACTING = ["afterAppend", "onEvent"];
const CATCHING_UP = ["onCaughtUp"];
/** What is looked at in a processor; whatever else it carries is its author's own. */
const KEYS = [...MEMBERS, "slug", "initialState", "concurrency"];

// As they are before any script can change them.
const { defineProperties, getPrototypeOf } = Object;
const promises = Promise.prototype;
const collections = { Map, Set, WeakMap, WeakSet };
const methods = {};
for (const [kind, type] of Object.entries(collections)) {
  methods[kind] = { __proto__: null };
  for (const name of ["get", "set", "has", "add", "delete", "values"]) {
    if (type.prototype[name]) methods[kind][name] = { value: type.prototype[name] };
  }
}

/** A collection that works whatever a script does to the prototypes, and that none of these ever sees. */
const kept = (kind) => defineProperties(new collections[kind](), methods[kind]);

/** Marks an object that is made elsewhere with what it stands for, where no script can see it. */
class Marked extends class { constructor(object) { return object; } } {
  #of;

  constructor(object, of) {
    super(object);
    this.#of = of;
  }

  /** What an object, or the nearest one that it inherits from, stands for. */
  static of(object) {
    if (#of in object) return object.#of;
    const above = getPrototypeOf(object);
    return above === null ? undefined : Marked.of(above);
  }
}

/** One call of the processor's hooks. Nothing is inherited: what is not there yet is not there. */
class Hook {
  constructor(call, offset, before, after, text) {
    this.call = call;
    this.offset = offset;
    /** The states in front of its event and behind it, and the event, as JSON text. */
    this.before = before;
    this.after = after;
    this.text = text;
    this.lines = 0;
    this.dropped = 0;
    /** How often it has appended; the appends that are under way, and what aborts it, are there when they are needed. */
    this.ordinal = 0;
    this.waiting = undefined;
    this.controller = undefined;
  }
}
Object.setPrototypeOf(Hook.prototype, null);

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
  const hooks = kept("Map");
  const ops = kept("Map");
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
    enter: (hook) => (current = hook),
    seed: () => `${stream.project} ${stream.path} ${stream.slug} ${reducing.offset}`,
  });

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
    if (text === undefined) tellOddities(found);
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

  /** A misspelt member is never called, and nothing else would tell. */
  function tellOddities(found) {
    const unknown = Object.keys(found).filter((key) => !KEYS.includes(key));
    for (const key of unknown) {
      const likely = KEYS.find((known) => found[known] === undefined && isNear(key, known));
      if (likely) log("warn", [`the processor has \`${key}\`, which nothing looks at: is \`${likely}\` meant?`]);
    }
    if (![...MEMBERS, "initialState"].some((name) => name in found)) {
      log("warn", [`the processor has none of ${MEMBERS.map((name) => `\`${name}\``).join(", ")}: it runs, and does nothing`]);
    }
  }

  /** Whether somebody who wrote `key` may have meant `known`: another case, or one letter in four amiss. */
  function isNear(key, known) {
    const [a, b] = [key, known].map((text) => text.toLowerCase().replace(/[^a-z]/g, ""));
    const most = Math.max(1, b.length >> 2);
    if (Math.abs(a.length - b.length) > most) return false;
    // The changes from each beginning of `a` to those of `b`, row by row; two letters in the wrong order are one.
    let [before, row] = [[], Array.from({ length: b.length + 1 }, (_, j) => j)];
    for (let i = 1; i <= a.length; i += 1) {
      const next = [i];
      for (let j = 1; j <= b.length; j += 1) {
        next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
        if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) next[j] = Math.min(next[j], before[j - 2] + 1);
      }
      [before, row] = [row, next];
    }
    return row[b.length] <= most;
  }

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
    const hook = begin(call);
    hooks.set(call, hook);
    importing.then(
      (namespace) => {
        try {
          end(hook, undefined, accept(namespace, text));
        } catch (error) {
          end(hook, describe(error));
        }
      },
      (error) => end(hook, describe(error)),
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

  function begin(call, offset, before, after, text) {
    return (current = new Hook(call, offset, before, after, text));
  }

  function end(hook, failure, value) {
    if (!hooks.delete(hook.call)) return;
    reportDropped(hook);
    native.settled(hook.call, failure, value);
  }

  /**
   * Calls hooks one after the other. Most have come to their end when they return: then it says so, with `true`, and no
   * job has to run for that. Others are `settled` later.
   */
  function run(hook, names, context) {
    let at = 0;
    let acting;
    try {
      while (at < names.length) {
        acting = processor[names[at++]](context);
        if (!isOver(acting)) return goOn(hook, acting, names.slice(at), context);
      }
    } catch (error) {
      hooks.set(hook.call, hook);
      end(hook, describe(error));
      return false;
    }
    if (hook.waiting?.size > 0) return goOn(hook, undefined, [], context);
    reportDropped(hook);
    return true;
  }

  /** Of a value that a hook gave: whether to wait for it would only take a turn of the job queue, with nobody else in it. */
  const isOver = (value) => native.isOver(value) && (value === undefined || getPrototypeOf(value) === promises);

  function goOn(hook, acting, names, context) {
    hooks.set(hook.call, hook);
    finish(hook, acting, names, context);
    return false;
  }

  /** An append that nobody waited for still belongs to its event: the hook ends when all are stored. */
  async function finish(hook, acting, names, context) {
    try {
      await acting;
      for (const name of names) await processor[name](context);
      while (hook.waiting?.size > 0) await Promise.allSettled(hook.waiting);
    } catch (error) {
      return end(hook, describe(error));
    }
    end(hook);
  }

  function react(call, offset, text) {
    const after = committed;
    const before = previous;
    previous = committed;
    const hook = begin(call, offset, before, after, text);
    return run(hook, acting(), contextOf(hook, reactingMembers));
  }

  function caughtUp(call) {
    const hook = begin(call, undefined, undefined, committed);
    return run(hook, CATCHING_UP, contextOf(hook, members));
  }

  function acting() {
    if (processor.onEvent) return processor.afterAppend ? ACTING : ACTING.slice(1);
    return processor.afterAppend ? ACTING.slice(0, 1) : [];
  }

  // --- what a hook is given -----------------------------------------------------------------------------

  /** A member that is made when it is first touched. The functions are the same for all hooks: most touch few. */
  const lazy = (name, make) => ({
    __proto__: null,
    get() {
      const hook = hookBehind(this);
      if (!(name in hook)) hook[name] = make(hook);
      return hook[name];
    },
    set(value) {
      hookBehind(this)[name] = value;
    },
    enumerable: true,
    configurable: true,
  });

  /** Behind a proxy there is no mark to see: then it is the hook whose turn it is. */
  const hookBehind = (context) => (typeof context === "object" && context !== null && Marked.of(context)) || current;

  const members = {
    __proto__: null,
    read: lazy("read", readOf),
    simulate: lazy("simulate", simulateOf),
    state: lazy("state", (hook) => parse(hook.after)),
    signal: lazy("signal", (hook) => controllerOf(hook).signal),
    logger: lazy("logger", ({ offset }) => loggerFor(() => offset)),
  };
  const reactingMembers = {
    __proto__: null,
    ...members,
    event: lazy("event", (hook) => parse(hook.text)),
    prevState: lazy("prevState", (hook) => parse(hook.before)),
  };

  function contextOf(hook, lazyMembers) {
    const append = (input) => {
      forbid("append");
      return Promise.try(appendOf, hook, input);
    };
    return new Marked(defineProperties({ append, stream }, lazyMembers), hook);
  }

  function controllerOf(hook) {
    hook.controller ??= new globals.AbortController();
    return hook.controller;
  }

  function abort(call, name, message) {
    for (const hook of call === undefined ? [...hooks.values()] : [hooks.get(call)]) {
      if (!hook) continue;
      current = hook;
      const reason = new DOMException(message, name);
      controllerOf(hook).abort(reason);
      globals.disconnect(hook, reason);
    }
    if (call === undefined) globals.disconnect(undefined, new DOMException(message, name));
  }

  function forget(call) {
    const hook = hooks.get(call);
    if (hook) reportDropped(hook);
    hooks.delete(call);
  }

  // --- operations of the host -------------------------------------------------------------------------

  /** The promise of an operation. Its error is made now, so that the stack shows who asked. */
  function op(hook, send) {
    const failure = new Error();
    return new Promise((resolve, reject) => {
      const id = send();
      if (id === 0) throw limit(`more than ${native.pendingOpsMax} operations, or ${native.pendingOpBytesMax} bytes, wait for the host: await some of them first`);
      ops.set(id, { hook, resolve, reject, failure });
    });
  }

  function appendOf(hook, input) {
    const asked = appendInput(input);
    if (hook.ordinal === native.appendsPerHookMax) {
      throw limit(`more than ${native.appendsPerHookMax} appends in one hook (\`limits.appendsPerHook\`)`);
    }
    hook.ordinal += 1;
    const { ordinal } = hook;
    const ask = () => {
      const id = native.append(hook.call, hook.offset, ordinal, asked.path, asked.text);
      if (id < 0) throw limit(`the event has ${-id} bytes as JSON; it may have ${native.eventBytesMax} (\`limits.eventBytes\`)`);
      return id;
    };
    const stored = op(hook, ask).then(parse);
    hook.waiting ??= new Set();
    hook.waiting.add(stored);
    const settled = () => hook.waiting.delete(stored);
    stored.then(settled, settled);
    return stored;
  }

  function appendInput(input) {
    if (input === null || typeof input !== "object") {
      throw new TypeError(`append takes an event, { type, payload }, or { event, path }; it was given ${kindOf(input)}`);
    }
    const wrapped = "event" in input && !("type" in input);
    const event = wrapped ? input.event : input;
    const path = wrapped ? input.path : undefined;
    if (wrapped) {
      const unknown = Object.keys(input).find((key) => key !== "event" && key !== "path");
      if (unknown) throw new TypeError(`append takes { event, path }; it was given \`${unknown}\` too`);
    }
    if (event === null || typeof event !== "object" || Array.isArray(event)) {
      throw new TypeError(`append: \`event\` must be an object { type, payload }, and is ${kindOf(event)}`);
    }
    if (path !== undefined && typeof path !== "string") {
      throw new TypeError(`append: \`path\` must be a string such as "/a/b" or "./child", and is ${kindOf(path)}`);
    }
    return { path: path?.toWellFormed(), text: stringify(event) };
  }

  function readOf(hook) {
    return function read(options = {}) {
      forbid("read");
      const { path, afterOffset, beforeOffset, types } = options;
      if (path !== undefined && typeof path !== "string") throw new TypeError(`read: \`path\` must be a string, and is ${kindOf(path)}`);
      const before = beforeOffset === undefined ? undefined : String(beforeOffset);
      const wanted = types === undefined ? [] : typeof types === "string" ? [types] : Array.from(types, String);
      if (wanted.length > native.readTypesMax) throw limit(`read: \`types\` has ${wanted.length} entries; it may have ${native.readTypesMax}`);
      return pages(hook, path, afterOffset === undefined ? undefined : String(afterOffset), before, wanted);
    };
  }

  /** Tries code over a stream's history, with no effect: what the server answers to POST /api/simulate. */
  function simulateOf(hook) {
    return function simulate(candidate) {
      forbid("simulate");
      return Promise.try(() => {
        if (candidate === null || typeof candidate !== "object") {
          throw new TypeError(`simulate takes { path?, slug?, files | script | modules, … }; it was given ${kindOf(candidate)}`);
        }
        const { path, ...asked } = candidate;
        if (path !== undefined && typeof path !== "string") throw new TypeError(`simulate: \`path\` must be a string, and is ${kindOf(path)}`);
        return op(hook, () => native.simulate(hook.call, path?.toWellFormed(), stringify(asked))).then(parse);
      });
    };
  }

  async function* pages(hook, path, after, before, types) {
    for (;;) {
      const page = await op(hook, () => native.read(hook.call, path, after, before, types));
      if (page === "") return;
      for (const line of page.split("\n")) {
        const event = parse(line);
        after = String(event.offset);
        yield event;
      }
    }
  }

  function settle(id, text, code) {
    const waiting = ops.get(id);
    if (!waiting) return;
    ops.delete(id);
    current = waiting.hook;
    if (code === undefined) return waiting.resolve(text);
    const error = waiting.failure;
    error.message = text;
    error.code = code;
    opErrors.set(error, code);
    if (code === "limit-reached") limitErrors.add(error);
    waiting.reject(error);
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
    caughtUp,
    abort,
    forget,
    settle,
    describe,
    rejected: globals.rejected,
    handled: globals.handled,
    fire: globals.fire,
    receive: globals.receive,
    expire: globals.expire,
    state: () => committed,
  };
}
