// node:querystring.

export default function querystringModule() {
  /** As encodeURIComponent, but lone surrogates do not stop it. */
  const escape = (text) => encodeURIComponent((typeof text === "object" ? String(text) : `${text}`).toWellFormed());

  function unescape(text) {
    try {
      return decodeURIComponent(text);
    } catch {
      return new TextDecoder().decode(unescapeBytes(text));
    }
  }

  function unescapeBytes(text) {
    const bytes = [];
    for (let at = 0; at < text.length; at += 1) {
      const hex = text[at] === "%" ? /^[0-9a-fA-F]{2}/.exec(text.slice(at + 1, at + 3)) : null;
      if (hex) {
        bytes.push(Number.parseInt(hex[0], 16));
        at += 2;
      } else bytes.push(...new TextEncoder().encode(text[at]));
    }
    return new Uint8Array(bytes);
  }

  function written(value, encode) {
    if (typeof value === "string") return encode(value);
    if (typeof value === "number") return Number.isFinite(value) ? encode(String(value)) : "";
    if (typeof value === "bigint" || typeof value === "boolean") return encode(String(value));
    return "";
  }

  function stringify(object, separator = "&", equals = "=", options = undefined) {
    if (object === null || typeof object !== "object") return "";
    const encode = options?.encodeURIComponent ?? module.escape;
    const pairs = Object.keys(object).flatMap((key) => {
      const name = written(key, encode) + (equals ?? "=");
      const value = object[key];
      return Array.isArray(value) ? value.map((one) => name + written(one, encode)) : [name + written(value, encode)];
    });
    return pairs.join(separator ?? "&");
  }

  function parse(text, separator = "&", equals = "=", options = undefined) {
    const found = Object.create(null);
    if (typeof text !== "string" || text === "") return found;
    const decode = options?.decodeURIComponent ?? module.unescape;
    const most = options?.maxKeys ?? 1000;
    const pairs = text.split(separator || "&").filter((pair) => pair !== "");
    const between = equals || "=";
    for (const pair of most > 0 ? pairs.slice(0, most) : pairs) {
      const at = pair.indexOf(between);
      const read = (part) => decode(part.replaceAll("+", " "));
      const key = read(at === -1 ? pair : pair.slice(0, at));
      const value = at === -1 ? "" : read(pair.slice(at + between.length));
      if (!(key in found)) found[key] = value;
      else if (Array.isArray(found[key])) found[key].push(value);
      else found[key] = [found[key], value];
    }
    return found;
  }

  const module = {
    escape,
    unescape,
    unescapeBuffer: (text) => Buffer.from(unescapeBytes(String(text))),
    stringify,
    encode: stringify,
    parse,
    decode: parse,
  };
  return module;
}
