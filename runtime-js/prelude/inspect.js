// How values read in log lines: strings as they are, objects as a reader would write them, errors with
// their stack. Bounded in depth and breadth, because a log line is for people.

const DEPTH_MAX = 4;
const ITEMS_MAX = 100;
const WIDTH = 100;

export default function inspecting() {
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
      if (kind === "d" || kind === "f") return String(Number(value));
      if (kind === "i") return String(Math.trunc(Number(value)));
      if (kind === "j") return JSON.stringify(value);
      return inspect(value);
    });
    return [text, ...rest.map(shown)].join(" ");
  }

  const shown = (value) => (typeof value === "string" ? value : inspect(value));

  function inspect(value, depth = 0, above = []) {
    switch (typeof value) {
      case "string":
        return JSON.stringify(value);
      case "bigint":
        return `${value}n`;
      case "symbol":
        return value.toString();
      case "function":
        return `[${/^class\b/.test(Function.prototype.toString.call(value)) ? "class" : "Function"}${value.name ? `: ${value.name}` : " (anonymous)"}]`;
      case "object":
        if (value === null) return "null";
        try {
          return inspectObject(value, depth, above);
        } catch (error) {
          return `[cannot be shown: ${error?.message}]`;
        }
      default:
        return Object.is(value, -0) ? "-0" : String(value);
    }
  }

  function inspectObject(value, depth, above) {
    if (above.includes(value)) return "[circular]";
    if (value instanceof Error) return inspectError(value, depth, above);
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
    if (value instanceof RegExp) return String(value);
    if (value instanceof Promise) return "Promise {}";
    if (value instanceof Number || value instanceof String || value instanceof Boolean) {
      return `[${value.constructor.name}: ${inspect(value.valueOf())}]`;
    }
    const next = (inner) => inspect(inner, depth + 1, [...above, value]);
    const name = value.constructor?.name ?? "Object: null prototype";
    if (depth > DEPTH_MAX) return Array.isArray(value) ? "[Array]" : `[${name}]`;
    if (Array.isArray(value)) return braced("", "[", limited(value, value.length, next), "]");
    if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
      return braced(`${name}(${value.length}) `, "[", limited(value, value.length, next), "]");
    }
    if (value instanceof ArrayBuffer) return `ArrayBuffer { byteLength: ${value.byteLength} }`;
    if (value instanceof Map) {
      return braced(`Map(${value.size}) `, "{", limited(value, value.size, ([key, inner]) => `${next(key)} => ${next(inner)}`), "}");
    }
    if (value instanceof Set) return braced(`Set(${value.size}) `, "{", limited(value, value.size, next), "}");
    return braced(name === "Object" ? "" : `${name} `, "{", members(value, next), "}");
  }

  function inspectError(error, depth, above) {
    const head = `${error.name}: ${error.message}`;
    const stack = String(error.stack ?? "").trimEnd();
    const lines = stack === "" ? [head] : [head, stack];
    if (error.cause !== undefined && depth < DEPTH_MAX) {
      lines.push(`caused by ${inspect(error.cause, depth + 1, [...above, error])}`);
    }
    const extra = Object.keys(error).filter((key) => key !== "stack" && key !== "message" && key !== "cause");
    if (extra.length === 0) return lines.join("\n");
    const shownExtra = extra.map((key) => `${key}: ${inspect(error[key], depth + 1, [...above, error])}`);
    return `${lines.join("\n")} ${braced("", "{", shownExtra, "}")}`;
  }

  function limited(values, size, show) {
    const texts = [];
    for (const value of values) {
      if (texts.length === ITEMS_MAX) {
        texts.push(`… ${size - ITEMS_MAX} more`);
        break;
      }
      texts.push(show(value));
    }
    return texts;
  }

  function members(value, show) {
    const keys = Object.keys(value);
    const texts = keys.slice(0, ITEMS_MAX).map((key) => {
      const { get, value: held } = Object.getOwnPropertyDescriptor(value, key) ?? {};
      return `${/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? key : JSON.stringify(key)}: ${get ? "[getter]" : show(held)}`;
    });
    if (keys.length > ITEMS_MAX) texts.push(`… ${keys.length - ITEMS_MAX} more`);
    return texts;
  }

  function braced(prefix, open, texts, close) {
    if (texts.length === 0) return `${prefix}${open}${close}`;
    const line = texts.join(", ");
    if (line.length <= WIDTH && !line.includes("\n")) {
      return open === "[" ? `${prefix}[${line}]` : `${prefix}${open} ${line} ${close}`;
    }
    const inner = texts.map((text) => `  ${text.replaceAll("\n", "\n  ")}`).join(",\n");
    return `${prefix}${open}\n${inner}\n${close}`;
  }

  return { format, inspect };
}
