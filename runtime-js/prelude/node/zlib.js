// node:zlib: deflate and its wrappers. Brotli refuses by name.

export default function zlibModule(native, tools) {
  const packing = tools.natives("zlib");
  const { coded, wrongType, wrongValue, outOfRange, mustBe } = tools.part("node/errors");
  const { refuse } = tools.part("node/refusing");
  const { Deflate, Inflate, FormatError } = tools.part("compression");
  const { Transform } = tools.builtin("stream");
  const { Buffer, kMaxLength } = tools.builtin("buffer");

  const constants = {
    Z_NO_FLUSH: 0, Z_PARTIAL_FLUSH: 1, Z_SYNC_FLUSH: 2, Z_FULL_FLUSH: 3, Z_FINISH: 4, Z_BLOCK: 5, Z_OK: 0, Z_STREAM_END: 1, Z_NEED_DICT: 2,
    Z_ERRNO: -1, Z_STREAM_ERROR: -2, Z_DATA_ERROR: -3, Z_MEM_ERROR: -4, Z_BUF_ERROR: -5, Z_VERSION_ERROR: -6, Z_NO_COMPRESSION: 0, Z_BEST_SPEED: 1,
    Z_BEST_COMPRESSION: 9, Z_DEFAULT_COMPRESSION: -1, Z_FILTERED: 1, Z_HUFFMAN_ONLY: 2, Z_RLE: 3, Z_FIXED: 4, Z_DEFAULT_STRATEGY: 0, ZLIB_VERNUM: 4880,
    DEFLATE: 1, INFLATE: 2, GZIP: 3, GUNZIP: 4, DEFLATERAW: 5, INFLATERAW: 6, UNZIP: 7, Z_MIN_WINDOWBITS: 8, Z_MAX_WINDOWBITS: 15, Z_DEFAULT_WINDOWBITS: 15,
    Z_MIN_CHUNK: 64, Z_MAX_CHUNK: Infinity, Z_DEFAULT_CHUNK: 16384, Z_MIN_MEMLEVEL: 1, Z_MAX_MEMLEVEL: 9, Z_DEFAULT_MEMLEVEL: 8, Z_MIN_LEVEL: -1,
    Z_MAX_LEVEL: 9, Z_DEFAULT_LEVEL: -1,
  };
  const codes = Object.fromEntries(["Z_OK", "Z_STREAM_END", "Z_NEED_DICT", "Z_ERRNO", "Z_STREAM_ERROR", "Z_DATA_ERROR", "Z_MEM_ERROR", "Z_BUF_ERROR", "Z_VERSION_ERROR"].flatMap((name) => [[name, constants[name]], [constants[name], name]]));

  /** The name of each direction and wrapper, and what does it. */
  const KINDS = {
    Deflate: (options) => new Deflate("zlib", options.level),
    Gzip: (options) => new Deflate("gzip", options.level),
    DeflateRaw: (options) => new Deflate("raw", options.level),
    Inflate: () => new Inflate("zlib"),
    Gunzip: () => new Inflate("gzip"),
    InflateRaw: () => new Inflate("raw"),
    Unzip: () => new Inflate("any"),
  };

  function optionsOf(given) {
    const options = given ?? {};
    const { level, dictionary, maxOutputLength = kMaxLength } = options;
    if (level !== undefined) {
      mustBe("number", "options.level", level);
      if (!(level >= -1 && level <= 9)) throw outOfRange("options.level", "from -1 to 9", level);
    }
    if (dictionary !== undefined) throw wrongValue("options.dictionary", dictionary, "is not available to processors");
    return { ...options, level: level ?? -1, maxOutputLength };
  }

  function bytesOf(data) {
    if (typeof data === "string") return Buffer.from(data);
    if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    if (data instanceof ArrayBuffer) return new Uint8Array(data);
    throw wrongType("buffer", "a string, a buffer or a view of one", data);
  }

  /** As zlib itself would put it. */
  function zlibError(error) {
    if (!(error instanceof FormatError)) return error;
    const code = error.cut ? "Z_BUF_ERROR" : "Z_DATA_ERROR";
    return Object.assign(coded(Error, code, error.message), { errno: constants[code] });
  }

  function atOnce(kind, data, given) {
    const options = optionsOf(given);
    const bytes = bytesOf(data);
    const codec = KINDS[kind](options);
    const chunks = [];
    let total = 0;
    const take = (made) => {
      for (const chunk of made ?? []) {
        total += chunk.length;
        if (total > options.maxOutputLength) throw coded(RangeError, "ERR_BUFFER_TOO_LARGE", `more than ${options.maxOutputLength} bytes came out`);
        chunks.push(chunk);
      }
    };
    try {
      // In steps, so that what comes out can be counted on the way.
      for (let at = 0; at < bytes.length; at += 65536) take(codec.push(bytes.subarray(at, at + 65536)));
      take(codec.finish());
    } catch (error) {
      throw zlibError(error);
    }
    return Buffer.concat(chunks);
  }

  const lower = (name) => name[0].toLowerCase() + name.slice(1);

  function withCallback(kind, data, optionsOrCallback, callbackOrNothing) {
    const callback = typeof optionsOrCallback === "function" ? optionsOrCallback : callbackOrNothing;
    const options = typeof optionsOrCallback === "function" ? undefined : optionsOrCallback;
    mustBe("function", "callback", callback);
    const bytes = bytesOf(data);
    const checked = optionsOf(options);
    queueMicrotask(() => {
      let result;
      try {
        result = atOnce(kind, bytes, checked);
      } catch (error) {
        callback(error);
        return;
      }
      callback(null, result);
    });
  }

  function streamClass(kind) {
    const codecs = new WeakMap();
    const give = (stream, make, callback) => {
      try {
        for (const chunk of make(codecs.get(stream)) ?? []) stream.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length));
      } catch (error) {
        callback(zlibError(error));
        return;
      }
      callback();
    };
    function Codec(options = undefined) {
      if (!(this instanceof Codec)) return new Codec(options);
      const checked = optionsOf(options);
      Transform.call(this, options);
      codecs.set(this, KINDS[kind](checked));
      this.bytesWritten = 0;
      return undefined;
    }
    Object.defineProperty(Codec, "name", { value: kind, configurable: true });
    Object.setPrototypeOf(Codec.prototype, Transform.prototype);
    Object.setPrototypeOf(Codec, Transform);
    Object.assign(Codec.prototype, {
      _transform(chunk, encoding, callback) {
        this.bytesWritten += chunk.length;
        give(this, (codec) => codec.push(chunk), callback);
      },
      _flush(callback) { give(this, (codec) => codec.finish(), callback); },
      flush(kindOrCallback, callback = undefined) {
        const done = typeof kindOrCallback === "function" ? kindOrCallback : (callback ?? (() => {}));
        give(this, (codec) => codec.flush?.(), done);
      },
      close(callback = undefined) {
        if (callback) this.once("close", callback);
        this.destroy();
      },
    });
    return Codec;
  }

  const module = {
    constants,
    codes,
    ...constants,
    crc32(data, value = 0) {
      const bytes = bytesOf(data);
      return packing.crc32(bytes, value);
    },
    ...refuse("zlib", ["BrotliCompress", "BrotliDecompress", "createBrotliCompress", "createBrotliDecompress", "brotliCompress", "brotliCompressSync", "brotliDecompress", "brotliDecompressSync"]),
  };
  for (const kind of Object.keys(KINDS)) {
    const name = lower(kind);
    module[`${name}Sync`] = (data, options) => atOnce(kind, data, options);
    module[name] = (data, options, callback) => withCallback(kind, data, options, callback);
    module[kind] = streamClass(kind);
    module[`create${kind}`] = (options) => new module[kind](options);
  }
  return module;
}
