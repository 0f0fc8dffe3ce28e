// Web Crypto: randomness (in `reduce` that of the event), digests, and HMAC.

export default function cryptography(native, tools) {
  const { expose, inside, closed, needs } = tools.part("idl");
  const INTEGERS = [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, BigInt64Array, BigUint64Array];

  class Crypto {
    #subtle;
    constructor(key) { closed(key, "Crypto"); }

    get subtle() { return (this.#subtle ??= tools.part("subtle").subtle); }

    getRandomValues(array) {
      void this.#subtle;
      needs(1, arguments, "getRandomValues");
      if (!INTEGERS.some((type) => array instanceof type)) {
        throw new DOMException("getRandomValues fills arrays of integers", "TypeMismatchError");
      }
      if (array.byteLength > 65536) {
        throw new DOMException(`getRandomValues gives at most 65536 bytes; ${array.byteLength} were asked for`, "QuotaExceededError");
      }
      new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(tools.part("random").bytes(array.byteLength));
      return array;
    }

    randomUUID() {
      void this.#subtle;
      const bytes = tools.part("random").bytes(16);
      bytes[6] = (bytes[6] & 0x0f) | 0x40;
      bytes[8] = (bytes[8] & 0x3f) | 0x80;
      const hex = bytes.toHex();
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
    }
  }
  expose(Crypto);
  Object.defineProperty(Crypto, "length", { value: 0, configurable: true });
  return { Crypto, crypto: new Crypto(inside) };
}
