// Text to bytes and back, in the encodings that Node names.

export default function encodings(native, tools) {
  const texts = tools.natives("text");
  const NAMES = {
    utf8: "utf8", "utf-8": "utf8", hex: "hex", base64: "base64", base64url: "base64url", ascii: "ascii", latin1: "latin1",
    binary: "latin1", ucs2: "utf16le", "ucs-2": "utf16le", utf16le: "utf16le", "utf-16le": "utf16le",
  };
  /** How many code units one call of `String.fromCharCode` takes. */
  const SLICE = 8192;

  /** The one name of an encoding, however it is spelled; nothing if there is none. */
  const nameOf = (encoding) => (typeof encoding === "string" ? NAMES[encoding] ?? NAMES[encoding.toLowerCase()] : undefined);

  function encode(text, encoding) {
    switch (encoding) {
      case "utf8":
        return texts.utf8Encode(text.toWellFormed());
      case "hex":
        return fromHex(text);
      case "base64":
      case "base64url":
        return fromBase64(text);
      case "utf16le":
        return fromUnits(text);
      default:
        return fromLatin1(text);
    }
  }

  /** As far as there are pairs of digits. */
  function fromHex(text) {
    const digits = /^(?:[0-9a-fA-F]{2})*/.exec(text)[0];
    return Uint8Array.fromHex(digits);
  }

  /** Of either alphabet, up to the first padding; what is of none is passed over. */
  function fromBase64(text) {
    const end = text.indexOf("=");
    let digits = (end === -1 ? text : text.slice(0, end)).replace(/[^A-Za-z0-9+/_-]/g, "").replaceAll("-", "+").replaceAll("_", "/");
    if (digits.length % 4 === 1) digits = digits.slice(0, -1);
    return Uint8Array.fromBase64(digits);
  }

  function fromUnits(text) {
    const bytes = new Uint8Array(text.length * 2);
    for (let at = 0; at < text.length; at += 1) {
      const unit = text.charCodeAt(at);
      bytes[at * 2] = unit;
      bytes[at * 2 + 1] = unit >> 8;
    }
    return bytes;
  }

  function fromLatin1(text) {
    const bytes = new Uint8Array(text.length);
    for (let at = 0; at < text.length; at += 1) bytes[at] = text.charCodeAt(at);
    return bytes;
  }

  function decode(bytes, encoding) {
    switch (encoding) {
      case "utf8":
        return texts.utf8Text(bytes);
      case "hex":
        return bytes.toHex();
      case "base64":
        return bytes.toBase64();
      case "base64url":
        return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
      case "utf16le":
        return toUnits(bytes);
      case "ascii":
        return toLatin1(bytes.map((byte) => byte & 0x7f));
      default:
        return toLatin1(bytes);
    }
  }

  function toUnits(bytes) {
    const even = bytes.slice(0, bytes.length & ~1);
    return charactersOf(new Uint16Array(even.buffer, 0, even.length / 2));
  }

  const toLatin1 = (bytes) => charactersOf(bytes);

  function charactersOf(units) {
    let text = "";
    for (let at = 0; at < units.length; at += SLICE) text += String.fromCharCode.apply(null, units.subarray(at, at + SLICE));
    return text;
  }

  /** The number of bytes of a text; of digits that are all there. */
  function lengthOf(text, encoding) {
    const { length } = text;
    if (encoding === "utf8") return texts.utf8Encode(text.toWellFormed()).length;
    if (encoding === "utf16le") return length * 2;
    if (encoding === "hex") return length >>> 1;
    if (encoding.startsWith("base64")) return (text.replace(/={1,2}$/, "").length * 3) >>> 2;
    return length;
  }

  return { nameOf, encode, decode, lengthOf };
}
