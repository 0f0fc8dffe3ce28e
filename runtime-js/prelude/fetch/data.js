// data: URLs, which need no network.

export default function dataUrls(native, tools) {
  const { utf8Encode } = tools.natives("text");
  const { parse, serialize } = tools.part("fetch/mime");

  /** The bytes of each character, and of each `%xx`. */
  function unescaped(text) {
    const bytes = utf8Encode(text);
    const made = [];
    for (let at = 0; at < bytes.length; at += 1) {
      const hex = bytes[at] === 0x25 ? String.fromCharCode(bytes[at + 1] ?? 0, bytes[at + 2] ?? 0) : "";
      if (/^[0-9a-fA-F]{2}$/.test(hex)) {
        made.push(Number.parseInt(hex, 16));
        at += 2;
      } else made.push(bytes[at]);
    }
    return Uint8Array.from(made);
  }

  /** `{ bytes, type }`; nothing when the URL has no comma, or its base64 is none. */
  function read(href) {
    const url = href.slice("data:".length).replace(/#.*$/s, "");
    const comma = url.indexOf(",");
    if (comma === -1) return undefined;
    let head = url.slice(0, comma).replace(/^[\t\n\f\r ]+|[\t\n\f\r ]+$/g, "");
    let bytes = unescaped(url.slice(comma + 1));
    const base64 = /; *base64$/i.exec(head);
    if (base64) {
      head = head.slice(0, base64.index);
      try {
        const digits = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
        bytes = Uint8Array.from(tools.part("encoding").atob(digits), (one) => one.charCodeAt(0));
      } catch {
        return undefined;
      }
    }
    const type = parse(head.startsWith(";") ? `text/plain${head}` : head);
    return { bytes, type: type ? serialize(type) : "text/plain;charset=US-ASCII" };
  }

  return { read };
}
