// MIME types, as the MIME Sniffing standard reads and writes them.

export default function mime() {
  const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
  const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
  const trim = (text) => text.replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, "");

  /** `{ essence, parameters }`, or nothing when the text is no MIME type. */
  function parse(text) {
    const all = trim(`${text}`);
    const end = all.indexOf(";");
    const [type, subtype, ...more] = trim(end === -1 ? all : all.slice(0, end)).split("/");
    if (more.length > 0 || !TOKEN.test(type) || !TOKEN.test(subtype ?? "")) return undefined;
    const parameters = new Map();
    let at = end === -1 ? all.length : end;
    while (at < all.length) {
      at += 1;
      const stop = /[;=]|$/g;
      stop.lastIndex = at;
      const nameEnd = stop.exec(all).index;
      const name = all.slice(at, nameEnd).replace(/^[\t\n\r ]+/, "").toLowerCase();
      at = nameEnd;
      if (all[at] !== "=") continue;
      const quoted = all[at + 1] === '"';
      let value;
      if (quoted) {
        [value, at] = quotedString(all, at + 2);
        const next = all.indexOf(";", at);
        at = next === -1 ? all.length : next;
      } else {
        const next = all.indexOf(";", at);
        const valueEnd = next === -1 ? all.length : next;
        value = all.slice(at + 1, valueEnd).replace(/[\t\n\r ]+$/, "");
        at = valueEnd;
        if (value === "") continue;
      }
      if (TOKEN.test(name) && VALUE.test(value) && !parameters.has(name)) parameters.set(name, value);
    }
    return { essence: `${type}/${subtype}`.toLowerCase(), parameters };
  }

  /** The string that begins behind a quote, and where it ends. */
  function quotedString(text, start) {
    let value = "";
    let at = start;
    for (; at < text.length && text[at] !== '"'; at += 1) {
      if (text[at] === "\\" && at + 1 < text.length) at += 1;
      value += text[at];
    }
    return [value, at + 1];
  }

  function serialize({ essence, parameters }) {
    let text = essence;
    for (const [name, value] of parameters) {
      text += `;${name}=${TOKEN.test(value) ? value : `"${value.replace(/["\\]/g, "\\$&")}"`}`;
    }
    return text;
  }

  return { parse, serialize };
}
