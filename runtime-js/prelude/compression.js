// Deflate in its three wrappers, piece by piece, and the streams of the Compression standard.

export default function compression(native, tools) {
  const packing = tools.natives("zlib");
  const { expose, needs } = tools.part("idl");
  const [GO_ON, FLUSH, END] = [0, 1, 2];
  const MAGIC = [0x1f, 0x8b];
  const NONE = new Uint8Array(0);

  /** The bytes are not of that format, or end before it does. */
  class FormatError extends Error {
    constructor(message, cut) {
      super(message);
      this.cut = cut;
    }
  }

  /** `format`: "zlib", "gzip" or "raw". Gives lists of chunks. */
  class Deflate {
    #codec;
    #gzip;
    #crc = 0;
    #length = 0;
    #begun = false;

    constructor(format, level = -1) {
      this.#gzip = format === "gzip";
      this.#codec = packing.deflater(level, format === "zlib");
    }

    push(bytes) { return this.#run(bytes, GO_ON); }
    flush() { return this.#run(NONE, FLUSH); }
    finish() {
      const chunks = this.#run(NONE, END);
      if (this.#gzip) chunks.push(trailer(this.#crc, this.#length));
      return chunks;
    }

    #run(bytes, how) {
      const chunks = [];
      if (this.#gzip) {
        if (!this.#begun) chunks.push(new Uint8Array([...MAGIC, 8, 0, 0, 0, 0, 0, 0, 3]));
        this.#crc = packing.crc32(bytes, this.#crc);
        this.#length = (this.#length + bytes.length) >>> 0;
      }
      this.#begun = true;
      let at = 0;
      for (;;) {
        const piece = this.#codec.run(bytes, at, how);
        at += this.#codec.consumed;
        if (piece.length > 0) chunks.push(piece);
        const idle = piece.length === 0 && this.#codec.consumed === 0;
        if (how === END ? this.#codec.ended : at >= bytes.length && (how === GO_ON || idle)) return chunks;
        if (idle) return chunks;
      }
    }
  }

  function trailer(crc, length) {
    const view = new DataView(new ArrayBuffer(8));
    view.setUint32(0, crc, true);
    view.setUint32(4, length, true);
    return new Uint8Array(view.buffer);
  }

  /** `format`: "zlib", "gzip", "raw", or "any" of the first two. */
  class Inflate {
    #format;
    #codec;
    /** What came and cannot be read yet: a header or a trailer that is not complete. */
    #held = NONE;
    #phase = "header";
    #crc = 0;
    #length = 0;
    #members = 0;

    constructor(format) {
      this.#format = format;
    }

    get ended() { return this.#phase === "end"; }

    /** Bytes behind the end. */
    get rest() { return this.#held; }

    push(bytes) {
      const chunks = [];
      let left = this.#held.length === 0 ? bytes : concat(this.#held, bytes);
      this.#held = NONE;
      for (;;) {
        const next = this.#step(left, chunks);
        if (next === undefined) {
          this.#held = left.slice();
          return chunks;
        }
        left = next;
        if (left.length === 0 && this.#phase !== "end") return chunks;
      }
    }

    finish() {
      if (this.#phase !== "end" && !(this.#phase === "member" && this.#members > 0)) {
        throw new FormatError("the compressed data ends too early", true);
      }
    }

    /** What is left behind one step; nothing when more bytes are needed, or no more are read. */
    #step(bytes, chunks) {
      if (this.#phase === "header" || this.#phase === "member") return this.#begin(bytes);
      if (this.#phase === "body") return this.#body(bytes, chunks);
      return this.#phase === "trailer" ? this.#trailer(bytes) : undefined;
    }

    #begin(bytes) {
      if (this.#format === "any") {
        if (bytes.length < 1) return undefined;
        this.#format = bytes[0] === MAGIC[0] ? "gzip" : "zlib";
      }
      if (this.#format !== "gzip") {
        this.#codec = packing.inflater(this.#format === "zlib");
        this.#phase = "body";
        return bytes;
      }
      // Behind a member, what is not another one is of no matter.
      if (this.#phase === "member" && bytes.length > 0 && (bytes[0] !== MAGIC[0] || (bytes.length > 1 && bytes[1] !== MAGIC[1]))) {
        this.#phase = "end";
        return undefined;
      }
      const length = gzipHeader(bytes);
      if (length === undefined) return undefined;
      this.#codec = packing.inflater(false);
      this.#crc = this.#length = 0;
      this.#phase = "body";
      return bytes.subarray(length);
    }

    #body(bytes, chunks) {
      let at = 0;
      for (;;) {
        const piece = this.#codec.run(bytes, at, GO_ON);
        if (!piece) throw new FormatError("the data is not compressed as it should be", false);
        at += this.#codec.consumed;
        if (piece.length > 0) chunks.push(piece);
        if (this.#format === "gzip") {
          this.#crc = packing.crc32(piece, this.#crc);
          this.#length = (this.#length + piece.length) >>> 0;
        }
        if (this.#codec.ended) {
          this.#phase = this.#format === "gzip" ? "trailer" : "end";
          this.#codec = undefined;
          return bytes.subarray(at);
        }
        if (piece.length === 0 && (at >= bytes.length || this.#codec.consumed === 0)) return bytes.subarray(at);
      }
    }

    #trailer(bytes) {
      if (bytes.length < 8) return undefined;
      const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
      if (view.getUint32(0, true) !== this.#crc) throw new FormatError("the checksum of the data is wrong", false);
      if (view.getUint32(4, true) !== this.#length) throw new FormatError("the length of the data is wrong", false);
      this.#members += 1;
      this.#phase = "member";
      return bytes.subarray(8);
    }
  }

  /** The length of a gzip header; nothing when it is not complete. */
  function gzipHeader(bytes) {
    if ((bytes.length > 0 && bytes[0] !== MAGIC[0]) || (bytes.length > 1 && bytes[1] !== MAGIC[1]) || (bytes.length > 2 && bytes[2] !== 8)) {
      throw new FormatError("the data does not begin as gzip does", false);
    }
    if (bytes.length < 10) return undefined;
    const flags = bytes[3];
    let at = 10;
    if (flags & 4) {
      if (bytes.length < at + 2) return undefined;
      at += 2 + bytes[at] + bytes[at + 1] * 256;
    }
    // A name, and a comment: each ends with a zero.
    for (const flag of [8, 16]) {
      if (!(flags & flag)) continue;
      const end = bytes.indexOf(0, at);
      if (end === -1) return undefined;
      at = end + 1;
    }
    if (flags & 2) at += 2;
    return bytes.length < at ? undefined : at;
  }

  function concat(one, other) {
    const all = new Uint8Array(one.length + other.length);
    all.set(one);
    all.set(other, one.length);
    return all;
  }

  // --- the streams of the web -----------------------------------------------------------------------------------

  const FORMATS = { deflate: "zlib", "deflate-raw": "raw", gzip: "gzip" };

  function formatOf(format) {
    const name = `${format}`;
    if (!Object.hasOwn(FORMATS, name)) throw new TypeError(`there is no compression format ${JSON.stringify(name)}: there are deflate, deflate-raw and gzip`);
    return FORMATS[name];
  }

  function bytesOf(chunk) {
    if (ArrayBuffer.isView(chunk) && chunk.buffer instanceof ArrayBuffer) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
    throw new TypeError("a compression stream takes buffers, and views of them");
  }

  /** A failure of the format is a TypeError to the web. */
  function asTypeError(act) {
    try {
      return act();
    } catch (error) {
      throw error instanceof FormatError ? new TypeError(error.message) : error;
    }
  }

  class CompressionStream {
    #sides;
    constructor(format) {
      needs(1, arguments, "new CompressionStream");
      const deflate = new Deflate(formatOf(format));
      const give = (chunks, enqueue) => chunks.forEach((chunk) => enqueue(chunk));
      this.#sides = tools.part("streams/transform").transformOf(
        (chunk, enqueue) => give(deflate.push(bytesOf(chunk)), enqueue),
        (enqueue) => give(deflate.finish(), enqueue),
      );
    }
    get readable() { return this.#sides.readable; }
    get writable() { return this.#sides.writable; }
  }

  class DecompressionStream {
    #sides;
    constructor(format) {
      needs(1, arguments, "new DecompressionStream");
      const inflate = new Inflate(formatOf(format));
      this.#sides = tools.part("streams/transform").transformOf(
        (chunk, enqueue) => asTypeError(() => {
          for (const piece of inflate.push(bytesOf(chunk))) enqueue(piece);
          if (inflate.ended && inflate.rest.length > 0) throw new FormatError("there is more behind the compressed data", false);
        }),
        () => asTypeError(() => inflate.finish()),
      );
    }
    get readable() { return this.#sides.readable; }
    get writable() { return this.#sides.writable; }
  }

  return { Deflate, Inflate, FormatError, CompressionStream: expose(CompressionStream), DecompressionStream: expose(DecompressionStream) };
}
