// The hooks of a processor: what each is given, how it comes to its end, and what it asks of the host meanwhile.

const [AFTER_APPEND, ON_EVENT, BOTH] = [["afterAppend"], ["onEvent"], ["afterAppend", "onEvent"]];
const CATCHING_UP = ["onCaughtUp"];

/** One call of the processor's hooks. Nothing is inherited: what is not there yet is not there. */
class Hook {
  constructor(call, offset, before, after) {
    this.call = call;
    this.offset = offset;
    /** The states in front of its event and behind it, as JSON text. */
    this.before = before;
    this.after = after;
  }
}

export default function hooksOf(native, tools, core) {
  const { processor, failures, loggerFor, reportDropped, parse, stringify, defineProperty, getOwnPropertyDescriptor, setPrototypeOf } = core;
  const { part, loaded, forbid, limit, enter, stream, hook: currentHook } = tools;
  const host = native.group("hooks");
  // Until it logs and appends. The appends that are `waiting`, and its `controller`, are there when they are needed.
  const unused = setPrototypeOf(Hook.prototype, null);
  unused.lines = unused.dropped = unused.ordinal = 0;
  /** Of a value that a hook gave: whether to wait for it would only take a turn of the job queue, with nobody else in it. */
  const { isOver } = host;
  /** Those under way, by their numbers. */
  const hooks = { __proto__: null };
  const ops = { __proto__: null };
  /** What every `async` function gives is one of these. */
  const promises = Object.getPrototypeOf((async () => {})());

  /** A promise that is rejected. */
  const failed = async (error) => {
    throw error;
  };

  function end(hook, failure) {
    if (hooks[hook.call] === undefined) return;
    delete hooks[hook.call];
    reportDropped(hook);
    native.settled(hook.call, failure, undefined);
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
        if (!isOver(acting, promises)) return goOn(hook, acting, names.slice(at), context);
      }
    } catch (error) {
      hooks[hook.call] = hook;
      end(hook, failures().describe(error));
      return false;
    }
    if (hook.waiting?.size > 0) return goOn(hook, undefined, [], context);
    if (hook.dropped > 0) reportDropped(hook);
    return true;
  }

  function goOn(hook, acting, names, context) {
    hooks[hook.call] = hook;
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
      return end(hook, failures().describe(error));
    }
    end(hook);
  }

  function react(call, offset, event, before, after) {
    const hook = new Hook(call, offset, before, after);
    enter(hook);
    return run(hook, acting(), host.context(hook, appendFor(hook), event, stream));
  }

  function caughtUp(call, state) {
    const hook = new Hook(call, undefined, undefined, state);
    enter(hook);
    return run(hook, CATCHING_UP, host.context(hook, appendFor(hook), undefined, stream));
  }

  function acting() {
    if (!processor.onEvent) return processor.afterAppend ? AFTER_APPEND : [];
    return processor.afterAppend ? BOTH : ON_EVENT;
  }

  // --- what a hook is given -----------------------------------------------------------------------------

  /** Members that are made when they are first touched. The functions are the same for all hooks: most touch few. */
  const members = {
    __proto__: null,
    get read() {
      const hook = hookOf(this);
      return (hook.read ??= readOf(hook));
    },
    get simulate() {
      const hook = hookOf(this);
      return (hook.simulate ??= simulateOf(hook));
    },
    get state() {
      const hook = hookOf(this);
      return (hook.state ??= parse(hook.after));
    },
    get signal() {
      return controllerOf(hookOf(this)).signal;
    },
    get logger() {
      const hook = hookOf(this);
      const { offset } = hook;
      return (hook.logger ??= loggerFor(() => offset));
    },
    /** The last, because it is there only where there is an event. */
    get prevState() {
      const hook = hookOf(this);
      return (hook.prevState ??= parse(hook.before));
    },
  };
  for (const name in members) addMember(name);

  /** A proxy or an heir of a context has no mark: then it is the hook whose turn it is. */
  function hookOf(context) {
    return host.hookOf(context) ?? currentHook();
  }

  const kindOf = (value) => failures().kindOf(value);

  /** Tells the host of a member, whose setter puts a value in the place of both. */
  function addMember(name) {
    const { get } = getOwnPropertyDescriptor(members, name);
    host.addMember(name, get, function (value) {
      defineProperty(this, name, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
    });
  }

  function appendFor(hook) {
    return function append(input) {
      forbid("append");
      try {
        return appendOf(hook, input);
      } catch (error) {
        return failed(error);
      }
    };
  }

  function controllerOf(hook) {
    hook.controller ??= new (part("abort").AbortController)();
    return hook.controller;
  }

  function abort(call, name, message) {
    for (const number in hooks) {
      const hook = hooks[number];
      if (call !== undefined && hook.call !== call) continue;
      enter(hook);
      const reason = new DOMException(message, name);
      controllerOf(hook).abort(reason);
      loaded("fetch/network")?.abort(hook, reason);
    }
    if (call === undefined) loaded("fetch/network")?.abort(undefined, new DOMException(message, name));
  }

  function forget(call) {
    const hook = hooks[call];
    if (hook) reportDropped(hook);
    delete hooks[call];
  }

  // --- operations of the host -------------------------------------------------------------------------

  /** The promise of an operation. Its error is made now, so that the stack shows who asked. */
  function op(hook, send) {
    const failure = new Error();
    return new Promise((resolve, reject) => {
      const id = send();
      if (id === 0) throw limit(`more than ${host.pendingOpsMax} operations, or ${host.pendingOpBytesMax} bytes, wait for the host: await some of them first`);
      ops[id] = { hook, resolve, reject, failure };
    });
  }

  function appendOf(hook, input) {
    const asked = appendInput(input);
    if (hook.ordinal === host.appendsPerHookMax) {
      throw limit(`more than ${host.appendsPerHookMax} appends in one hook (\`limits.appendsPerHook\`)`);
    }
    hook.ordinal += 1;
    const { ordinal } = hook;
    const ask = () => {
      const id = host.append(hook.call, hook.offset, ordinal, asked.path, asked.text);
      if (id < 0) throw limit(`the event has ${-id} bytes as JSON; it may have ${host.eventBytesMax} (\`limits.eventBytes\`)`);
      return id;
    };
    const answered = op(hook, ask);
    hook.waiting ??= new Set();
    hook.waiting.add(answered);
    const settled = () => hook.waiting.delete(answered);
    answered.then(settled, settled);
    // A promise of its own: whether its rejection is handled is the script's.
    return answered.then(parse);
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
      if (wanted.length > host.readTypesMax) throw limit(`read: \`types\` has ${wanted.length} entries; it may have ${host.readTypesMax}`);
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
        return op(hook, () => host.simulate(hook.call, path?.toWellFormed(), stringify(asked))).then(parse);
      });
    };
  }

  async function* pages(hook, path, after, before, types) {
    for (;;) {
      const page = await op(hook, () => host.read(hook.call, path, after, before, types));
      if (page === "") return;
      for (const line of page.split("\n")) {
        const event = parse(line);
        after = String(event.offset);
        yield event;
      }
    }
  }

  function settle(id, text, code) {
    const waiting = ops[id];
    if (!waiting) return;
    delete ops[id];
    enter(waiting.hook);
    if (code === undefined) return waiting.resolve(text);
    waiting.reject(failures().answered(waiting.failure, text, code));
  }

  return { react, caughtUp, abort, forget, settle };
}
