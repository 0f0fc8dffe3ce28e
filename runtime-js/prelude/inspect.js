// How values read in log lines: strings as they are, objects as a reader would write them, errors with
// their stack. Bounded in depth, breadth and text, because a log line is for people, and an event may hold megabytes.

const LOG = { depth: 4, items: 100, width: 100, text: 10_000 };
const CUSTOM = Symbol.for("nodejs.util.inspect.custom");
/** Members of web objects that say little, or make something when they are asked. */
const DULL = new Set([
  "body", "bubbles", "cache", "cancelBubble", "closed", "composed", "credentials", "currentTarget", "destination", "duplex", "eventPhase",
  "integrity", "isHistoryNavigation", "isReloadNavigation", "isTrusted", "keepalive", "mode", "readable", "ready", "referrer",
  "referrerPolicy", "returnValue", "searchParams", "signal", "srcElement", "target", "timeStamp", "webkitRelativePath", "writable",
]);

export default function inspecting(native, tools) {
  /** As console.log: a first string may hold %s %d %i %f %j %o %O %c %%. */
  function format(values) {
    if (typeof values[0] !== "string" || !values[0].includes("%")) return values.map(shown).join(" ");
    const [template, ...rest] = values;
    const text = template.replace(/%([sdifjoOc%])/g, (placeholder, kind) => {
      if (kind === "%") return "%";
      if (rest.length === 0) return placeholder;
      const value = rest.shift();
      if (kind === "c") return "";
      if (kind === "s") return typeof value === "object" ? inspect(value) : String(value);
      if (kind === "d" && typeof value === "bigint") return `${value}n`;
      if (kind === "d" || kind === "f") return String(Number(value));
      if (kind === "i") return String(Math.trunc(Number(value)));
      if (kind === "j") return JSON.stringify(value);
      return inspect(value);
    });
    return [text, ...rest.map(shown)].join(" ");
  }

  const shown = (value) => (typeof value === "string" ? value : inspect(value));

  /** `limits`: how deep, how many items of one thing, how long a line, and how many characters of a text. */
  function inspect(value, limits = LOG, depth = 0, above = []) {
    switch (typeof value) {
      case "string":
        if (value.length <= limits.text) return JSON.stringify(value);
        return `${JSON.stringify(value.slice(0, limits.text))}… ${value.length - limits.text} more characters`;
      case "bigint":
        return `${value}n`;
      case "symbol":
        return value.toString();
      case "function":
        return `[${/^class\b/.test(Function.prototype.toString.call(value)) ? "class" : "Function"}${value.name ? `: ${value.name}` : " (anonymous)"}]`;
      case "object":
        if (value === null) return "null";
        try {
          return inspectObject(value, limits, depth, above);
        } catch (error) {
          return `[cannot be shown: ${error?.message}]`;
        }
      default:
        return Object.is(value, -0) ? "-0" : String(value);
    }
  }

  function inspectObject(value, limits, depth, above) {
    if (above.includes(value)) return "[circular]";
    const next = (inner) => inspect(inner, limits, depth + 1, [...above, value]);
    if (limits.custom !== false && depth <= limits.depth && typeof value[CUSTOM] === "function") {
      const made = value[CUSTOM](limits.depth - depth, { ...limits, depth: limits.depth - depth }, (inner, options) => inspect(inner, { ...limits, ...options }));
      if (made !== value) return typeof made === "string" ? made : next(made);
    }
    if (value instanceof Error) return inspectError(value, limits, depth, next);
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
    if (value instanceof RegExp) return String(value);
    if (value instanceof Promise) return "Promise {}";
    if (value instanceof Number || value instanceof String || value instanceof Boolean) {
      return `[${value.constructor.name}: ${inspect(value.valueOf())}]`;
    }
    const name = value.constructor?.name ?? "Object: null prototype";
    if (depth > limits.depth) return Array.isArray(value) ? "[Array]" : `[${name}]`;
    const braced = bracedTo(limits.width);
    const limited = limitedTo(limits.items);
    if (Array.isArray(value)) return braced("", "[", limited(value, value.length, next), "]");
    if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
      return braced(`${name}(${value.length}) `, "[", limited(value, value.length, next), "]");
    }
    if (value instanceof ArrayBuffer) return `ArrayBuffer { byteLength: ${value.byteLength} }`;
    if (value instanceof Map) {
      return braced(`Map(${value.size}) `, "{", limited(value, value.size, ([key, inner]) => `${next(key)} => ${next(inner)}`), "}");
    }
    if (value instanceof Set) return braced(`Set(${value.size}) `, "{", limited(value, value.size, next), "}");
    const own = members(value, limits.items, next);
    return braced(name === "Object" ? "" : `${name} `, "{", [...ofWeb(value, limited, next), ...own], "}");
  }

  /** What an object of the web's classes has: these keep nothing in members of their own. */
  function ofWeb(value, limited, next) {
    const classes = tools.loaded("idl");
    if (!classes) return [];
    const { exposed, lists } = classes;
    const texts = new Map();
    for (let type = Object.getPrototypeOf(value); type; type = Object.getPrototypeOf(type)) {
      if (!exposed.has(type) || value === type) continue;
      try {
        const pairs = lists.get(type)?.(value);
        if (pairs) return limited(pairs, pairs.length, ([key, held]) => `${next(key)} => ${next(held)}`);
      } catch {
        // It has the prototype, and is none of them.
        return [];
      }
      for (const key of Object.keys(type)) {
        const { get } = Object.getOwnPropertyDescriptor(type, key);
        if (!get || DULL.has(key) || key.startsWith("on") || texts.has(key)) continue;
        try {
          texts.set(key, `${key}: ${next(Reflect.apply(get, value, []))}`);
        } catch {
          // The same.
        }
      }
    }
    return [...texts.values()];
  }

  function inspectError(error, limits, depth, next) {
    const head = `${error.name}: ${error.message}`;
    const stack = String(error.stack ?? "").trimEnd();
    const lines = stack === "" ? [head] : [head, stack];
    if (error.cause !== undefined && depth < limits.depth) lines.push(`caused by ${next(error.cause)}`);
    const extra = Object.keys(error).filter((key) => key !== "stack" && key !== "message" && key !== "cause");
    if (extra.length === 0) return lines.join("\n");
    const shownExtra = extra.map((key) => `${key}: ${next(error[key])}`);
    return `${lines.join("\n")} ${bracedTo(limits.width)("", "{", shownExtra, "}")}`;
  }

  const limitedTo = (most) => (values, size, show) => {
    const texts = [];
    for (const value of values) {
      if (texts.length === most) {
        texts.push(`… ${size - most} more`);
        break;
      }
      texts.push(show(value));
    }
    return texts;
  };

  function members(value, most, show) {
    const keys = Object.keys(value);
    const texts = keys.slice(0, most).map((key) => {
      const { get, value: held } = Object.getOwnPropertyDescriptor(value, key) ?? {};
      return `${/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? key : JSON.stringify(key)}: ${get ? "[getter]" : show(held)}`;
    });
    if (keys.length > most) texts.push(`… ${keys.length - most} more`);
    return texts;
  }

  const bracedTo = (width) => (prefix, open, texts, close) => {
    if (texts.length === 0) return `${prefix}${open}${close}`;
    const line = texts.join(", ");
    if (line.length <= width && !line.includes("\n")) {
      return open === "[" ? `${prefix}[${line}]` : `${prefix}${open} ${line} ${close}`;
    }
    const inner = texts.map((text) => `  ${text.replaceAll("\n", "\n  ")}`).join(",\n");
    return `${prefix}${open}\n${inner}\n${close}`;
  };

  return { format, inspect, LOG };
}
