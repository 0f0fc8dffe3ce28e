// console, as its standard has it: its lines go where the logger's go.

export default function consoles(native, tools) {
  const { log } = tools.part("logging");
  const level = (name) => (...values) => log(name, values);
  const counts = new Map();
  const times = new Map();
  /** The time since `time` was called with this label; without that there is nothing to tell. */
  function elapsed(label, more) {
    const began = times.get(label);
    if (began === undefined) log("warn", [`there is no timer ${JSON.stringify(label)}`]);
    else log("info", [`${label}: ${(tools.part("clock").now() - began).toFixed(3)} ms`, ...more]);
  }

  const members = {
    log: level("info"),
    info: level("info"),
    debug: level("debug"),
    warn: level("warn"),
    error: level("error"),
    trace: (...values) => log("debug", [...values, new Error().stack]),
    dir: (value) => log("info", [value]),
    dirxml: level("info"),
    table: (value) => log("info", [value]),
    group: level("info"),
    groupCollapsed: level("info"),
    groupEnd: () => {},
    clear: () => {},
    assert: (condition = false, ...values) => {
      if (!condition) log("error", ["Assertion failed", ...values]);
    },
    count: (label = "default") => {
      const key = `${label}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
      log("info", [`${key}: ${counts.get(key)}`]);
    },
    countReset: (label = "default") => {
      const key = `${label}`;
      if (!counts.delete(key)) log("warn", [`there is no count ${JSON.stringify(key)}`]);
    },
    time: (label = "default") => {
      const key = `${label}`;
      if (times.has(key)) log("warn", [`there is a timer ${JSON.stringify(key)} already`]);
      else times.set(key, tools.part("clock").now());
    },
    timeLog: (label = "default", ...values) => elapsed(`${label}`, values),
    timeEnd: (label = "default") => {
      const key = `${label}`;
      elapsed(key, []);
      times.delete(key);
    },
  };
  // A namespace: its prototype is an empty object of its own.
  const console = Object.assign(Object.create({}), members);
  Object.defineProperty(console, Symbol.toStringTag, { value: "console", configurable: true });
  return { console };
}
