// Forms as bytes: multipart/form-data and application/x-www-form-urlencoded, both ways.

export default function multipart(native, tools) {
  const texts = tools.natives("text");
  const urls = tools.natives("url");
  const { FormData, push } = tools.part("fetch/form");
  const { bytesOf, fileOf, joined } = tools.part("blob");
  const CRLF = "\r\n";

  const escaped = (name) => name.replace(/\r\n?|\n/g, CRLF).replace(/[\n\r"]/g, (one) => ({ "\n": "%0A", "\r": "%0D", '"': "%22" })[one]);
  const fileName = (name) => name.replace(/[\n\r"]/g, (one) => ({ "\n": "%0A", "\r": "%0D", '"': "%22" })[one]);

  /** The bytes of a form, and their type. */
  function serialize(entries) {
    const boundary = `----formdata-${tools.part("random").bytes(16).toHex()}`;
    const pieces = [];
    const add = (string) => pieces.push(texts.utf8Encode(string));
    for (const [name, value] of entries) {
      const head = `--${boundary}${CRLF}Content-Disposition: form-data; name="${escaped(name)}"`;
      if (typeof value === "string") {
        add(`${head}${CRLF}${CRLF}${value.replace(/\r\n?|\n/g, CRLF)}${CRLF}`);
        continue;
      }
      add(`${head}; filename="${fileName(value.name)}"${CRLF}Content-Type: ${value.type || "application/octet-stream"}${CRLF}${CRLF}`);
      pieces.push(bytesOf(value));
      add(CRLF);
    }
    add(`--${boundary}--${CRLF}`);
    return { bytes: joined(pieces), type: `multipart/form-data; boundary=${boundary}` };
  }

  // --- reading --------------------------------------------------------------------------------------------

  const bad = (why) => new TypeError(`the body is not a form of parts: ${why}`);

  function indexOf(bytes, pattern, from) {
    const [first] = pattern;
    for (let at = bytes.indexOf(first, from); at !== -1 && at + pattern.length <= bytes.length; at = bytes.indexOf(first, at + 1)) {
      let same = 1;
      while (same < pattern.length && bytes[at + same] === pattern[same]) same += 1;
      if (same === pattern.length) return at;
    }
    return -1;
  }

  const startsWith = (bytes, pattern, at) => pattern.every((byte, index) => bytes[at + index] === byte);

  function parse(bytes, boundary) {
    if (!boundary) throw bad("its type names no boundary");
    const form = new FormData();
    const dashes = texts.utf8Encode(`--${boundary}`);
    const delimiter = texts.utf8Encode(`${CRLF}--${boundary}`);
    const blank = texts.utf8Encode(CRLF + CRLF);
    const line = texts.utf8Encode(CRLF);
    const end = texts.utf8Encode("--");
    let at = startsWith(bytes, line, 0) ? 2 : 0;
    if (!startsWith(bytes, dashes, at)) throw bad("it does not begin with its boundary");
    at += dashes.length;
    for (;;) {
      if (startsWith(bytes, end, at)) return form;
      if (!startsWith(bytes, line, at)) throw bad("a boundary is not followed by a part");
      at += 2;
      // A part without headers has a blank line at once.
      const bodyAt = startsWith(bytes, line, at) ? at - 2 : indexOf(bytes, blank, at);
      if (bodyAt === -1) throw bad("the headers of a part do not end");
      const headers = headersOf(texts.utf8Decode(bytes.subarray(at, Math.max(bodyAt, at))));
      const close = indexOf(bytes, delimiter, bodyAt + 2);
      if (close === -1) throw bad("a part does not end");
      const content = bytes.slice(Math.min(bodyAt + 4, close), close);
      if (headers.filename === undefined) push(form, headers.name, texts.utf8Decode(content));
      else push(form, headers.name, fileOf(content, headers.type ?? "text/plain", headers.filename));
      at = close + delimiter.length;
    }
  }

  function headersOf(text) {
    const found = { name: undefined, filename: undefined, type: undefined };
    for (const header of text.split(CRLF)) {
      const colon = header.indexOf(":");
      if (colon < 1) throw bad("a part has a line that is not a header");
      const name = header.slice(0, colon).trim().toLowerCase();
      const value = header.slice(colon + 1).trim();
      if (name === "content-type") found.type = value.toLowerCase();
      if (name !== "content-disposition") continue;
      if (!/^form-data(;|\s|$)/i.test(value)) throw bad("a part is not form-data");
      for (const [, key, quoted, plain] of value.matchAll(/;\s*([a-z*]+)=(?:"((?:[^"\\]|\\[^])*)"|([^;\s]*))/gi)) {
        const held = (quoted ?? plain).replace(/%0A|%0D|%22/gi, (one) => ({ "%0A": "\n", "%0D": "\r", "%22": '"' })[one.toUpperCase()]);
        if (key.toLowerCase() === "name") found.name ??= held;
        if (key.toLowerCase() === "filename") found.filename ??= held;
      }
    }
    if (found.name === undefined) throw bad("a part has no name");
    return found;
  }

  function parseUrlEncoded(bytes) {
    const form = new FormData();
    const flat = urls.formParse(texts.utf8Text(bytes));
    for (let at = 0; at < flat.length; at += 2) push(form, flat[at], flat[at + 1]);
    return form;
  }

  return { serialize, parse, parseUrlEncoded };
}
