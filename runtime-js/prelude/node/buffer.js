// node:buffer.

export default function bufferModule(native, tools) {
  const texts = tools.natives("text");
  const { coded, wrongType, wrongValue, outOfRange, mustBe } = tools.part("node/errors");
  const { nameOf, encode, decode, lengthOf } = tools.part("node/encodings");
  const { setMembers } = tools.part("node/members");
  const MAX = 2 ** 32;

  class FastBuffer extends Uint8Array {}

  function Buffer(value, encodingOrOffset, length) {
    if (typeof value === "number") {
      if (typeof encodingOrOffset === "string") throw wrongType("string", "of type string", value);
      return Buffer.alloc(value);
    }
    return Buffer.from(value, encodingOrOffset, length);
  }
  Object.defineProperty(Buffer, "prototype", { value: FastBuffer.prototype, writable: false });
  Object.defineProperty(FastBuffer.prototype, "constructor", { value: Buffer, writable: true, configurable: true });
  Object.setPrototypeOf(Buffer, Uint8Array);
  Object.defineProperty(Buffer, Symbol.species, { get: () => FastBuffer, configurable: true });

  /** The same bytes, as a Buffer. */
  const over = (bytes) => new FastBuffer(bytes.buffer, bytes.byteOffset, bytes.byteLength);

  function encodingOf(encoding, otherwise = "utf8") {
    if (encoding === undefined || encoding === null || encoding === "") return otherwise;
    const name = nameOf(encoding);
    if (!name) throw coded(TypeError, "ERR_UNKNOWN_ENCODING", `there is no encoding ${String(encoding)}`);
    return name;
  }

  function sizeOf(size, name = "size") {
    mustBe("number", name, size);
    if (!(size >= 0 && size <= MAX)) throw outOfRange(name, `from 0 to ${MAX}`, size);
    return Math.trunc(size);
  }

  const bytesOf = (value, name) => {
    if (value instanceof Uint8Array) return value;
    throw wrongType(name, "a Buffer or a Uint8Array", value);
  };

  function from(value, encodingOrOffset, length) {
    if (typeof value === "string") return over(encode(value, encodingOf(encodingOrOffset)));
    if (typeof value === "object" && value !== null) {
      if (value instanceof ArrayBuffer || (typeof SharedArrayBuffer === "function" && value instanceof SharedArrayBuffer)) {
        return overBuffer(value, encodingOrOffset, length);
      }
      if (ArrayBuffer.isView(value) || Array.isArray(value)) return FastBuffer.from(value);
      const primitive = value.valueOf?.();
      if (primitive !== undefined && primitive !== null && primitive !== value) return from(primitive, encodingOrOffset, length);
      if (typeof value.length === "number") return FastBuffer.from(value);
      if (value.type === "Buffer" && Array.isArray(value.data)) return FastBuffer.from(value.data);
      const toPrimitive = value[Symbol.toPrimitive];
      if (typeof toPrimitive === "function") return from(toPrimitive.call(value, "string"), encodingOrOffset);
    }
    throw wrongType("value", "a string, a buffer, or an array of bytes", value);
  }

  function overBuffer(buffer, offset = 0, length = undefined) {
    const start = Math.trunc(+offset) || 0;
    const room = buffer.byteLength - start;
    if (room < 0) throw coded(RangeError, "ERR_BUFFER_OUT_OF_BOUNDS", "\"offset\" lies behind the end of the buffer");
    const count = length === undefined ? room : Math.max(Math.trunc(+length) || 0, 0);
    if (count > room) throw coded(RangeError, "ERR_BUFFER_OUT_OF_BOUNDS", "\"length\" reaches beyond the end of the buffer");
    return new FastBuffer(buffer, start, count);
  }

  setMembers(Buffer, {
    poolSize: 8192,
    from,
    of: (...bytes) => FastBuffer.from(bytes),
    // Plain functions: some packages call them with `new`.
    alloc: function (size, fill = undefined, encoding = undefined) {
      const made = new FastBuffer(sizeOf(size));
      return fill === undefined || fill === 0 ? made : made.fill(fill, encoding);
    },
    allocUnsafe: function (size) {
      return new FastBuffer(sizeOf(size));
    },
    allocUnsafeSlow: function (size) {
      return new FastBuffer(sizeOf(size));
    },
    copyBytesFrom(view, offset = 0, length = undefined) {
      if (!ArrayBuffer.isView(view) || view instanceof DataView) throw wrongType("view", "a typed array", view);
      const part = view.subarray(offset, length === undefined ? undefined : offset + length);
      return FastBuffer.from(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
    },
    isBuffer: (value) => value instanceof FastBuffer,
    isEncoding: (encoding) => nameOf(encoding) !== undefined,
    byteLength(value, encoding = undefined) {
      if (typeof value === "string") return lengthOf(value, nameOf(encoding) ?? "utf8");
      if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return value.byteLength;
      throw wrongType("string", "a string, a buffer or a view of one", value);
    },
    compare: (one, other) => compareBytes(bytesOf(one, "buf1"), bytesOf(other, "buf2")),
    concat(list, totalLength = undefined) {
      if (!Array.isArray(list)) throw wrongType("list", "an array", list);
      const total = totalLength === undefined ? list.reduce((sum, bytes, at) => sum + bytesOf(bytes, `list[${at}]`).length, 0) : sizeOf(totalLength, "length");
      const made = new FastBuffer(total);
      let at = 0;
      for (const bytes of list) {
        if (at >= total) break;
        const fitting = bytes.length > total - at ? bytes.subarray(0, total - at) : bytes;
        made.set(fitting, at);
        at += fitting.length;
      }
      return made;
    },
  });

  function compareBytes(one, other) {
    const length = Math.min(one.length, other.length);
    for (let at = 0; at < length; at += 1) if (one[at] !== other[at]) return one[at] < other[at] ? -1 : 1;
    return Math.sign(one.length - other.length);
  }

  // --- members ----------------------------------------------------------------------------------------------

  /** An index as `slice` takes it: from the end when negative, and never beyond. */
  function clamp(value, length, otherwise) {
    const at = value === undefined ? otherwise : Math.trunc(+value) || 0;
    return at < 0 ? Math.max(length + at, 0) : Math.min(at, length);
  }

  const bounded = (value, length, otherwise) => (value === undefined ? otherwise : Math.min(Math.max(Math.trunc(+value) || 0, 0), length));

  function write(text, offset = 0, length = undefined, encoding = undefined) {
    if (typeof offset === "string") return write.call(this, text, 0, undefined, offset);
    if (typeof length === "string") return write.call(this, text, offset, undefined, length);
    mustBe("string", "string", text);
    if (offset < 0 || offset > this.length) throw outOfRange("offset", `from 0 to ${this.length}`, offset);
    const name = encodingOf(encoding);
    const room = Math.min(this.length - offset, length ?? Infinity);
    let bytes = encode(text, name);
    if (bytes.length > room) bytes = bytes.subarray(0, name === "utf8" ? wholeCharacters(bytes, room) : name === "utf16le" ? room & ~1 : room);
    this.set(bytes, offset);
    return bytes.length;
  }

  /** A character is written whole or not at all. */
  function wholeCharacters(bytes, room) {
    let end = room;
    while (end > 0 && (bytes[end] & 0xc0) === 0x80) end -= 1;
    return end;
  }

  /** What is searched for: the bytes, or one of them. */
  function needleOf(value, encoding) {
    if (typeof value === "string") return encode(value, encodingOf(encoding));
    if (value instanceof Uint8Array) return value;
    if (typeof value === "number") return [value & 0xff];
    throw wrongType("value", "a number, a string or a Buffer", value);
  }

  function indexOf(value, byteOffset = 0, encoding = undefined) {
    if (typeof byteOffset === "string") return indexOf.call(this, value, 0, byteOffset);
    const needle = needleOf(value, encoding);
    let at = Math.trunc(+byteOffset) || 0;
    if (at < 0) at = Math.max(this.length + at, 0);
    if (needle.length === 0) return Math.min(at, this.length);
    const find = Uint8Array.prototype.indexOf;
    for (at = find.call(this, needle[0], at); at !== -1 && at + needle.length <= this.length; at = find.call(this, needle[0], at + 1)) {
      if (matches(this, needle, at)) return at;
    }
    return -1;
  }

  function lastIndexOf(value, byteOffset = undefined, encoding = undefined) {
    if (typeof byteOffset === "string") return lastIndexOf.call(this, value, undefined, byteOffset);
    const needle = needleOf(value, encoding);
    let at = byteOffset === undefined || Number.isNaN(+byteOffset) ? this.length : Math.trunc(+byteOffset);
    if (at < 0) at += this.length;
    for (at = Math.min(at, this.length - needle.length); at >= 0; at -= 1) if (matches(this, needle, at)) return at;
    return -1;
  }

  function matches(bytes, needle, at) {
    for (let index = 0; index < needle.length; index += 1) if (bytes[at + index] !== needle[index]) return false;
    return true;
  }

  function fill(value, offset = 0, end = undefined, encoding = undefined) {
    if (typeof offset === "string") return fill.call(this, value, 0, undefined, offset);
    if (typeof end === "string") return fill.call(this, value, offset, undefined, end);
    const stop = end === undefined ? this.length : end;
    if (offset < 0 || offset > this.length) throw outOfRange("offset", `from 0 to ${this.length}`, offset);
    if (stop < 0 || stop > this.length) throw outOfRange("end", `from 0 to ${this.length}`, stop);
    if (typeof value === "number" || typeof value === "boolean") {
      Uint8Array.prototype.fill.call(this, Number(value) & 0xff, offset, stop);
      return this;
    }
    const pattern = typeof value === "string" ? encode(value, encodingOf(encoding)) : bytesOf(value, "value");
    if (pattern.length === 0) {
      if (typeof value === "string" && value !== "") throw wrongValue("value", value, "must be text of that encoding");
      Uint8Array.prototype.fill.call(this, 0, offset, stop);
      return this;
    }
    for (let at = offset; at < stop; at += pattern.length) {
      this.set(at + pattern.length <= stop ? pattern : pattern.subarray(0, stop - at), at);
    }
    return this;
  }

  function swap(size) {
    return function () {
      if (this.length % size !== 0) throw coded(RangeError, "ERR_INVALID_BUFFER_SIZE", `the length must be a multiple of ${size} bytes`);
      for (let at = 0; at < this.length; at += size) this.subarray(at, at + size).reverse();
      return this;
    };
  }

  setMembers(FastBuffer.prototype, {
    write,
    indexOf,
    lastIndexOf,
    fill,
    swap16: swap(2),
    swap32: swap(4),
    swap64: swap(8),
    includes(value, byteOffset, encoding) { return indexOf.call(this, value, byteOffset, encoding) !== -1; },
    toString(encoding = undefined, start = 0, end = undefined) {
      const [begin, stop] = [bounded(start, this.length, 0), bounded(end, this.length, this.length)];
      return stop <= begin ? "" : decode(new Uint8Array(this.buffer, this.byteOffset + begin, stop - begin), encodingOf(encoding));
    },
    toLocaleString(encoding) { return this.toString(encoding); },
    toJSON() { return { type: "Buffer", data: Array.from(this) }; },
    equals(other) { return compareBytes(this, bytesOf(other, "otherBuffer")) === 0; },
    compare(target, targetStart = 0, targetEnd = undefined, sourceStart = 0, sourceEnd = undefined) {
      const other = bytesOf(target, "target");
      return compareBytes(this.subarray(sourceStart, sourceEnd ?? this.length), other.subarray(targetStart, targetEnd ?? other.length));
    },
    copy(target, targetStart = 0, sourceStart = 0, sourceEnd = this.length) {
      const into = bytesOf(target, "target");
      if (targetStart < 0) throw outOfRange("targetStart", "0 or more", targetStart);
      if (sourceStart < 0 || sourceStart > this.length) throw outOfRange("sourceStart", `from 0 to ${this.length}`, sourceStart);
      const room = Math.max(into.length - targetStart, 0);
      const part = Uint8Array.prototype.subarray.call(this, sourceStart, Math.min(sourceEnd, sourceStart + room));
      if (part.length > 0) into.set(part, targetStart);
      return part.length;
    },
    /** Not a copy, unlike that of other arrays. */
    subarray(start = 0, end = undefined) {
      const from = clamp(start, this.length, 0);
      return new FastBuffer(this.buffer, this.byteOffset + from, Math.max(clamp(end, this.length, this.length) - from, 0));
    },
    slice(start = 0, end = undefined) { return this.subarray(start, end); },
    inspect() { return inspect(this); },
    [Symbol.for("nodejs.util.inspect.custom")]() { return inspect(this); },
    ...tools.part("node/numbers").methods(),
  });

  const SHOWN = 50;
  function inspect(bytes) {
    const more = bytes.length - SHOWN;
    const shown = bytes.subarray(0, SHOWN).toString("hex").replace(/(..)(?=.)/g, "$1 ");
    const dots = more > 0 ? ` ... ${more} more byte${more > 1 ? "s" : ""}` : "";
    return `<Buffer ${shown}${dots}>`;
  }

  for (const name of ["ascii", "base64", "base64url", "latin1", "hex", "ucs2", "utf8"]) {
    setMembers(FastBuffer.prototype, {
      [`${name}Slice`](start, end) { return this.toString(name, start, end); },
      [`${name}Write`](text, offset, length) { return this.write(text, offset, length, name); },
    });
  }
  Object.defineProperty(FastBuffer.prototype, "parent", { get() { return this instanceof FastBuffer ? this.buffer : undefined; }, enumerable: true, configurable: true });
  Object.defineProperty(FastBuffer.prototype, "offset", { get() { return this instanceof FastBuffer ? this.byteOffset : undefined; }, enumerable: true, configurable: true });

  const constants = { MAX_LENGTH: MAX, MAX_STRING_LENGTH: 2 ** 30 - 2 };
  const viewed = (value) => (value instanceof ArrayBuffer ? new Uint8Array(value) : new Uint8Array(value.buffer, value.byteOffset, value.byteLength));

  return {
    Buffer,
    SlowBuffer: Buffer,
    transcode(source, fromEncoding, toEncoding) {
      return from(decode(bytesOf(source, "source"), encodingOf(fromEncoding)), toEncoding);
    },
    isUtf8: (value) => texts.isUtf8(viewed(value)),
    isAscii: (value) => viewed(value).every((byte) => byte < 0x80),
    kMaxLength: constants.MAX_LENGTH,
    kStringMaxLength: constants.MAX_STRING_LENGTH,
    constants,
    INSPECT_MAX_BYTES: SHOWN,
    get btoa() { return btoa; },
    get atob() { return atob; },
    get Blob() { return Blob; },
    get File() { return File; },
  };
}
