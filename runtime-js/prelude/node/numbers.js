// Numbers in bytes: the `read…` and `write…` methods of Buffer.

export default function numbers(native, tools) {
  const { coded, wrongType, outOfRange, mustBe } = tools.part("node/errors");

  const KINDS = [
    ["Int8", "Int8", 1], ["UInt8", "Uint8", 1], ["Int16", "Int16", 2], ["UInt16", "Uint16", 2], ["Int32", "Int32", 4],
    ["UInt32", "Uint32", 4], ["BigInt64", "BigInt64", 8], ["BigUInt64", "BigUint64", 8], ["Float", "Float32", 4], ["Double", "Float64", 8],
  ];

  function place(bytes, offset, size) {
    mustBe("number", "offset", offset);
    if (!Number.isInteger(offset)) throw outOfRange("offset", "an integer", offset);
    if (offset < 0 || offset + size > bytes.length) {
      if (bytes.length < size) throw coded(RangeError, "ERR_BUFFER_OUT_OF_BOUNDS", "the buffer ends before the number does");
      throw outOfRange("offset", `from 0 to ${bytes.length - size}`, offset);
    }
  }

  const viewOf = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

  /** The least and the most that fit; floating-point numbers take all. */
  function boundsOf(kind, size) {
    if (kind.startsWith("Float")) return undefined;
    const bits = BigInt(size * 8);
    const [least, most] = kind.includes("nt") && /^(Big)?Int/.test(kind) ? [-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n] : [0n, (1n << bits) - 1n];
    return kind.startsWith("Big") ? [least, most] : [Number(least), Number(most)];
  }

  function check(value, bounds) {
    if (!bounds) return Number(value);
    const [least, most] = bounds;
    if (typeof least === "bigint" && typeof value !== "bigint") throw wrongType("value", "of type bigint", value);
    const number = typeof least === "bigint" ? value : +value;
    if (number < least || number > most) throw outOfRange("value", `from ${least} to ${most}`, value);
    return number;
  }

  function addFixed(methods, name, kind, size, little) {
    const bounds = boundsOf(kind, size);
    const [get, set] = [`get${kind}`, `set${kind}`];
    methods[`read${name}`] = function (offset = 0) {
      place(this, offset, size);
      return viewOf(this)[get](offset, little);
    };
    methods[`write${name}`] = function (value, offset = 0) {
      const number = check(value, bounds);
      place(this, offset, size);
      viewOf(this)[set](offset, number, little);
      return offset + size;
    };
  }

  // --- integers of one to six bytes -------------------------------------------------------------------------

  function widthOf(byteLength) {
    mustBe("number", "byteLength", byteLength);
    if (!Number.isInteger(byteLength) || byteLength < 1 || byteLength > 6) throw outOfRange("byteLength", "an integer from 1 to 6", byteLength);
  }

  function addVariable(methods, signed, little) {
    const name = `${signed ? "Int" : "UInt"}${little ? "LE" : "BE"}`;
    methods[`read${name}`] = function (offset, byteLength) {
      widthOf(byteLength);
      place(this, offset, byteLength);
      let value = 0;
      for (let at = 0; at < byteLength; at += 1) value = value * 256 + this[little ? offset + byteLength - 1 - at : offset + at];
      const half = 2 ** (byteLength * 8 - 1);
      return signed && value >= half ? value - 2 * half : value;
    };
    methods[`write${name}`] = function (value, offset, byteLength) {
      widthOf(byteLength);
      const full = 2 ** (byteLength * 8);
      let left = check(value, signed ? [-full / 2, full / 2 - 1] : [0, full - 1]);
      place(this, offset, byteLength);
      left = Math.trunc(left);
      if (left < 0) left += full;
      for (let at = 0; at < byteLength; at += 1) {
        this[little ? offset + at : offset + byteLength - 1 - at] = left % 256;
        left = Math.floor(left / 256);
      }
      return offset + byteLength;
    };
  }

  function methods() {
    const all = {};
    for (const [name, kind, size] of KINDS) {
      if (size === 1) addFixed(all, name, kind, size, true);
      else for (const little of [true, false]) addFixed(all, `${name}${little ? "LE" : "BE"}`, kind, size, little);
    }
    for (const signed of [true, false]) for (const little of [true, false]) addVariable(all, signed, little);
    // Each is also spelled with a small i.
    for (const name of Object.keys(all)) if (name.includes("UInt")) all[name.replace("UInt", "Uint")] = all[name];
    return all;
  }

  return { methods };
}
