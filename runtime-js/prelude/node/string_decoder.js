// node:string_decoder: text from bytes that come in pieces.

export default function stringDecoderModule(native, tools) {
  const { coded, wrongType } = tools.part("node/errors");
  const { nameOf, decode } = tools.part("node/encodings");

  /** How many bytes at the end belong to a character that is not complete. */
  function unfinished(bytes, encoding) {
    if (encoding === "utf8") return unfinishedUtf8(bytes);
    if (encoding === "base64" || encoding === "base64url") return bytes.length % 3;
    if (encoding !== "utf16le") return 0;
    const odd = bytes.length % 2;
    const high = bytes.length - odd >= 2 ? bytes[bytes.length - odd - 1] : 0;
    return high >= 0xd8 && high <= 0xdb ? odd + 2 : odd;
  }

  function unfinishedUtf8(bytes) {
    for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
      const byte = bytes[bytes.length - back];
      if ((byte & 0xc0) === 0x80) continue;
      const needed = byte >= 0xf0 && byte <= 0xf4 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 1;
      return byte < 0xf5 && needed > back && possible(bytes.subarray(bytes.length - back)) ? back : 0;
    }
    return 0;
  }

  /** Whether a second byte can follow the first: some cannot, and then nothing is waited for. */
  function possible([first, second]) {
    if (second === undefined) return true;
    if (first === 0xe0) return second >= 0xa0;
    if (first === 0xed) return second < 0xa0;
    if (first === 0xf0) return second >= 0x90;
    return first !== 0xf4 || second < 0x90;
  }

  function StringDecoder(encoding = "utf8") {
    const name = nameOf(encoding ?? "utf8");
    if (!name) throw coded(TypeError, "ERR_UNKNOWN_ENCODING", `there is no encoding ${String(encoding)}`);
    this.encoding = name;
    Object.defineProperty(this, "held", { value: new Uint8Array(0), writable: true });
  }

  function bytesOf(chunk) {
    if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    throw wrongType("buf", "a Buffer or a view of one", chunk);
  }

  StringDecoder.prototype.write = function write(chunk) {
    if (typeof chunk === "string") return chunk;
    const bytes = bytesOf(chunk);
    let all = bytes;
    if (this.held.length > 0) {
      all = new Uint8Array(this.held.length + bytes.length);
      all.set(this.held);
      all.set(bytes, this.held.length);
    }
    const end = all.length - unfinished(all, this.encoding);
    this.held = all.slice(end);
    return decode(all.subarray(0, end), this.encoding);
  };

  StringDecoder.prototype.end = function end(chunk = undefined) {
    const text = chunk === undefined ? "" : this.write(chunk);
    const { held } = this;
    this.held = new Uint8Array(0);
    return text + decode(held, this.encoding);
  };

  StringDecoder.prototype.text = function text(chunk, offset) {
    this.held = new Uint8Array(0);
    return this.write(chunk.slice(offset));
  };

  for (const [name, of] of [["lastNeed", (held) => (held.length > 0 ? 1 : 0)], ["lastTotal", (held) => held.length]]) {
    Object.defineProperty(StringDecoder.prototype, name, { get() { return of(this.held); }, configurable: true });
  }
  return { StringDecoder };
}
