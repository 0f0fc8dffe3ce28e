// Blob and File.

export default function blobs(native, tools) {
  const texts = tools.natives("text");
  const { expose, isObject, dictionary, needs, text } = tools.part("idl");
  /** How many bytes of a blob its stream gives at once. */
  const CHUNK = 65536;
  const inside = Symbol("inside");
  let bytesOf;
  let isFile;

  class Blob {
    #bytes;
    #type;

    constructor(parts = undefined, options = undefined) {
      if (parts === inside) {
        this.#bytes = options.bytes;
        this.#type = options.type;
        return;
      }
      const pieces = parts === undefined ? [] : sequence(parts);
      const given = dictionary(options, "the options of a Blob");
      const endings = given.endings === undefined ? "transparent" : `${given.endings}`;
      if (endings !== "transparent" && endings !== "native") throw new TypeError('the `endings` of a Blob are "transparent" or "native"');
      const { type = "" } = given;
      this.#bytes = joined(pieces.map((piece) => bytesOfPiece(piece, endings === "native")));
      this.#type = typeOf(type);
    }
    static {
      bytesOf = (value) => (isObject(value) && #bytes in value ? value.#bytes : undefined);
    }

    get size() { return this.#bytes.length; }
    get type() { return this.#type; }

    slice(start = 0, end = undefined, type = "") {
      const { length } = this.#bytes;
      const place = (value) => {
        const at = clamped(value);
        return at < 0 ? Math.max(length + at, 0) : Math.min(at, length);
      };
      const from = place(start);
      const to = end === undefined ? length : place(end);
      return new Blob(inside, { bytes: this.#bytes.subarray(from, Math.max(to, from)), type: typeOf(type) });
    }

    async text() { return texts.utf8Decode(this.#bytes); }
    async arrayBuffer() { return this.#bytes.slice().buffer; }
    async bytes() { return this.#bytes.slice(); }
    stream() { return tools.part("streams/readable").show(streamOfBytes(this.#bytes)); }
  }

  class File extends Blob {
    #name;
    #lastModified;

    constructor(parts, name, options = undefined) {
      if (parts === inside) {
        super(inside, name);
        this.#name = name.name;
        this.#lastModified = name.lastModified;
        return;
      }
      needs(2, arguments, "new File");
      if (parts === undefined) throw new TypeError("a File takes a list of parts");
      super(parts, options);
      this.#name = text(name);
      const { lastModified } = dictionary(options, "the options of a File");
      this.#lastModified = lastModified === undefined ? Date.now() : Math.trunc(+lastModified) || 0;
    }
    static {
      isFile = (value) => isObject(value) && #name in value;
    }

    get name() { return this.#name; }
    get lastModified() { return this.#lastModified; }
    get webkitRelativePath() {
      void this.#name;
      return "";
    }
  }

  function sequence(parts) {
    if (!isObject(parts) || typeof parts[Symbol.iterator] !== "function") throw new TypeError("a Blob takes a list of parts");
    // Each becomes text before the next is asked for: that may change the list.
    const pieces = [];
    for (const part of parts) {
      const holdsBytes = ArrayBuffer.isView(part) || part instanceof ArrayBuffer || bytesOf(part) !== undefined;
      pieces.push(holdsBytes ? part : text(part));
    }
    return pieces;
  }

  function bytesOfPiece(piece, nativeEndings) {
    if (typeof piece === "string") return texts.utf8Encode(nativeEndings ? piece.replace(/\r\n?/g, "\n") : piece);
    if (ArrayBuffer.isView(piece)) return new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength);
    return piece instanceof ArrayBuffer ? new Uint8Array(piece) : bytesOf(piece);
  }

  /** One copy of all. */
  function joined(pieces) {
    const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
    let at = 0;
    for (const piece of pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    return bytes;
  }

  function typeOf(type) {
    const string = `${type}`;
    return /[^\x20-\x7e]/.test(string) ? "" : string.toLowerCase();
  }

  /** As `[Clamp] long long`. */
  function clamped(value) {
    const number = +value;
    if (Number.isNaN(number)) return 0;
    return Math.min(Math.max(Math.round(number), Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER);
  }

  /** A stream of bytes that nobody may change; each chunk is a copy. */
  function streamOfBytes(bytes) {
    let at = 0;
    const stream = tools.part("streams/bytes").byteStreamOf({
      start: () => undefined,
      cancel: async () => undefined,
      async pull(controller) {
        if (at < bytes.length) {
          controller.enqueue(bytes.slice(at, at + CHUNK));
          at += CHUNK;
        }
        if (at >= bytes.length) {
          controller.close();
          if (controller.pending.length > 0) controller.respond(0);
        }
      },
    });
    return stream;
  }

  /** Blobs and files of the prelude's own, of bytes that are theirs now. */
  const blobOf = (bytes, type) => new Blob(inside, { bytes, type });
  const fileOf = (bytes, type, name, lastModified = Date.now()) => new File(inside, { bytes, type, name, lastModified });

  /** The same bytes as another object, as structuredClone gives it; nothing if this is no blob. */
  function copyOf(value) {
    const bytes = bytesOf(value);
    if (!bytes) return undefined;
    return isFile(value) ? fileOf(bytes, value.type, value.name, value.lastModified) : blobOf(bytes, value.type);
  }

  expose(Blob);
  expose(File);
  Object.defineProperty(Blob, "length", { value: 0, configurable: true });
  return { Blob, File, bytesOf, isFile, blobOf, fileOf, copyOf, joined, streamOfBytes, typeOf };
}
