// Timers: each belongs to the hook that set it.

export default function timing(native, tools) {
  const { timer: arm, cancelTimer, timersMax } = tools.natives("timers");
  const { guarded } = tools.part("uncaught");
  /** By their numbers. */
  const timers = { __proto__: null };
  let lastTimer = 0;

  function schedule(name, callback, delay, values, repeats, least = 1) {
    tools.forbid(name);
    if (typeof callback !== "function") {
      throw new TypeError(`${name} takes a function; it was given a value of type ${typeof callback}`);
    }
    const id = ++lastTimer;
    // As everywhere: what is no number, or longer than 2^31 - 1 ms, runs at once.
    const millis = Math.trunc(Number(delay)) || 0;
    const wait = millis < 1 || millis > 0x7fffffff ? least : millis;
    if (!arm(id, wait, tools.hook().call)) {
      throw tools.limit(`more than ${timersMax} timers: clear some of them first (\`limits.timers\`)`);
    }
    timers[id] = { callback, values, hook: tools.hook(), repeats, wait };
    return id;
  }

  function cancel(id) {
    const given = Number(id);
    if (timers[given] === undefined) return;
    delete timers[given];
    cancelTimer(given);
  }

  /** Called by the host when a timer is due. */
  function fire(id) {
    const timer = timers[id];
    if (!timer) return;
    tools.enter(timer.hook);
    if (timer.repeats) arm(id, timer.wait, timer.hook.call);
    else delete timers[id];
    guarded(timer.callback, timer.values);
  }

  return {
    setTimeout: (callback, delay, ...values) => schedule("setTimeout", callback, delay, values, false),
    setInterval: (callback, delay, ...values) => schedule("setInterval", callback, delay, values, true),
    setImmediate: (callback, ...values) => schedule("setImmediate", callback, 0, values, false, 0),
    clearTimeout: cancel,
    clearInterval: cancel,
    clearImmediate: cancel,
    queueMicrotask(callback) {
      tools.forbid("queueMicrotask");
      if (typeof callback !== "function") throw new TypeError(`queueMicrotask takes a function; it was given a value of type ${typeof callback}`);
      tools.microtask(() => guarded(callback, []));
    },
    /** What is to happen soon, when all that happens now is done. */
    task: (name, callback) => schedule(name, callback, 0, [], false, 0),
    fire,
  };
}
