// console: its lines go where the logger's go.

export default function consoles(native, tools) {
  const level = (name) => (...values) => tools.log(name, values);
  const counts = new Map();
  const times = new Map();
  const console = {
    log: level("info"),
    info: level("info"),
    debug: level("debug"),
    warn: level("warn"),
    error: level("error"),
    trace: (...values) => tools.log("debug", [...values, new Error().stack]),
    dir: (value) => tools.log("info", [value]),
    table: (value) => tools.log("info", [value]),
    group: level("info"),
    groupEnd: () => {},
    assert: (condition, ...values) => condition || tools.log("error", ["Assertion failed", ...values]),
    count: (label = "default") => {
      counts.set(label, (counts.get(label) ?? 0) + 1);
      tools.log("info", [`${label}: ${counts.get(label)}`]);
    },
    countReset: (label = "default") => counts.delete(label),
    time: (label = "default") => times.set(label, tools.clock.now()),
    timeEnd: (label = "default") => {
      tools.log("info", [`${label}: ${(tools.clock.now() - (times.get(label) ?? NaN)).toFixed(3)} ms`]);
      times.delete(label);
    },
  };
  return { console };
}
