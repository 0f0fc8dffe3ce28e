// Buffers that change hands, and views of them.

export default function buffers() {
  const { apply } = Reflect;
  const transferToFixedLength = ArrayBuffer.prototype.transferToFixedLength;
  const typed = Object.getPrototypeOf(Uint8Array);
  const tagOf = Object.getOwnPropertyDescriptor(typed.prototype, Symbol.toStringTag).get;
  const VIEWS = Object.fromEntries(
    [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, BigInt64Array, BigUint64Array, Float32Array, Float64Array]
      .concat(typeof Float16Array === "function" ? [Float16Array] : [])
      .map((type) => [type.name, type]),
  );

  /** The bytes in a new buffer; the old one is detached. */
  function transfer(buffer) {
    if (!(buffer instanceof ArrayBuffer)) throw new TypeError("shared memory cannot change hands");
    return apply(transferToFixedLength, buffer, []);
  }

  const viewParts = ({ buffer, byteOffset, byteLength }) => ({ buffer, byteOffset, byteLength });
  const viewConstructor = (view) => VIEWS[apply(tagOf, view, [])] ?? DataView;

  return { transfer, viewParts, viewConstructor };
}
