// The randomness of Web Crypto. In `reduce` it is that of the event.

export default function cryptography(native, tools) {
  const INTEGERS = [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, BigInt64Array, BigUint64Array];

  function fill(bytes) {
    if (!tools.reducing.active) {
      bytes.set(native.random(bytes.length));
      return;
    }
    for (let at = 0; at < bytes.length; at += 1) bytes[at] = tools.random32() >>> 24;
  }

  class Crypto {
    getRandomValues(array) {
      if (!INTEGERS.some((type) => array instanceof type)) {
        throw new DOMException("getRandomValues fills arrays of integers", "TypeMismatchError");
      }
      if (array.byteLength > 65536) {
        throw new DOMException(`getRandomValues gives at most 65536 bytes; ${array.byteLength} were asked for`, "QuotaExceededError");
      }
      fill(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
      return array;
    }

    randomUUID() {
      const bytes = new Uint8Array(16);
      fill(bytes);
      bytes[6] = (bytes[6] & 0x0f) | 0x40;
      bytes[8] = (bytes[8] & 0x3f) | 0x80;
      const hex = bytes.toHex();
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
    }
  }
  Object.defineProperty(Crypto.prototype, Symbol.toStringTag, { value: "Crypto", configurable: true });
  return { Crypto, crypto: new Crypto() };
}
