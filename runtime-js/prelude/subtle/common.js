// What the algorithms of crypto.subtle share: keys, checks of arguments, and work that is done in slices.

export default function subtleCommon(native, tools) {
  const { expose, inside, closed, isObject } = tools.part("idl");
  const { bytesMax } = tools.natives("digest");
  const { subarray } = Uint8Array.prototype;
  const { apply } = Reflect;
  /** The length of a block, in bits, which is that of a generated key of HMAC; and of the digest. */
  const HASHES = { "SHA-1": [512, 160], "SHA-256": [512, 256], "SHA-384": [1024, 384], "SHA-512": [1024, 512] };
  const USAGES = ["encrypt", "decrypt", "sign", "verify", "deriveKey", "deriveBits", "wrapKey", "unwrapKey"];
  /** How long a task works on: about as much as the change to another one is worth. */
  const TASK_MILLIS = 10;
  let heldOf;

  const fail = (name, message) => new DOMException(message, name);

  /**
   * What a key holds is for natives only: no method that a script could replace ever sees its `material`. What is
   * shown (`algorithm`, `usages`) is beside what counts (`name`, `hash`, `curve`, `uses`).
   */
  class CryptoKey {
    #held;
    #algorithm;
    #usages;
    constructor(key, held) {
      closed(key, "CryptoKey");
      this.#held = held;
    }
    static {
      heldOf = (value) => (isObject(value) && #held in value ? value.#held : undefined);
    }
    get type() { return this.#held.type; }
    get extractable() { return this.#held.extractable; }
    get algorithm() { return (this.#algorithm ??= this.#held.shown()); }
    get usages() { return (this.#usages ??= [...this.#held.uses]); }
  }
  expose(CryptoKey);
  Object.defineProperty(CryptoKey, "length", { value: 0, configurable: true });

  const makeKey = (held) => new CryptoKey(inside, held);

  /** What a method was given as a key. */
  function keyOf(value, what) {
    const held = heldOf(value);
    if (!held) throw new TypeError(`${what} must be a CryptoKey`);
    return held;
  }

  const isBytes = (data) => ArrayBuffer.isView(data) || data instanceof ArrayBuffer;

  /** A copy, as it is now: what happens to the array later is of no matter. */
  function bytesOf(data, what) {
    if (!isBytes(data)) throw new TypeError(`${what} must be a buffer, or a view of one`);
    const view = ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data);
    if (view.length > bytesMax) throw fail("OperationError", `${what} has ${view.length} bytes; cryptography takes ${bytesMax} at once`);
    return new Uint8Array(view);
  }

  function required(algorithm, member) {
    if (algorithm[member] === undefined) throw new TypeError(`the algorithm ${algorithm.name} needs a \`${member}\``);
    return algorithm[member];
  }

  /** An integer of a dictionary, which must be in its range. */
  function enforced(value, what, max = 0xffffffff) {
    const number = Math.trunc(+value);
    if (!(number >= 0 && number <= max)) throw new TypeError(`${what} must be an integer from 0 to ${max}, and is ${String(value)}`);
    return number === 0 ? 0 : number;
  }

  function nameOf(algorithm) {
    const name = isObject(algorithm) ? algorithm.name : algorithm;
    if (name === undefined) throw new TypeError("an algorithm needs a name");
    return `${name}`.toUpperCase();
  }

  function hashOf(algorithm) {
    const name = nameOf(algorithm);
    if (!Object.hasOwn(HASHES, name)) throw fail("NotSupportedError", `the digest ${name} is not supported here`);
    return name;
  }

  /** In the order of the standard, each once. */
  function usagesOf(usages) {
    if (!isObject(usages)) throw new TypeError("the uses of a key must be a list");
    const given = [...usages].map((usage) => `${usage}`);
    const wrong = given.find((usage) => !USAGES.includes(usage));
    if (wrong !== undefined) throw new TypeError(`there is no use ${JSON.stringify(wrong)} of keys`);
    return USAGES.filter((usage) => given.includes(usage));
  }

  function checkUsages(usages, allowed, name) {
    const wrong = usages.find((usage) => !allowed.includes(usage));
    if (wrong !== undefined) throw fail("SyntaxError", `a key of ${name} cannot be used to ${wrong}`);
  }

  /** A native's answer, or an error that does not say more than that. */
  function done(made, what, name = "OperationError") {
    if (made === undefined || made === null) throw fail(name, what);
    return made;
  }

  /** Fresh bytes that only natives have seen; in `reduce`, those that the event determines. */
  const fresh = (length) => (tools.reducing.active || length > 65536 ? tools.part("random").bytes(length) : tools.part("random").machine(length));

  /** Work that takes long: a slice now, and the further ones in tasks of their own, so that others get their turn. */
  function sliced(what, work, millis = 0) {
    const at = Date.now();
    for (;;) {
      const made = work.run();
      if (made) return made;
      if (work.hopeless) throw fail("OperationError", `${what}: there is no such key`);
      if (Date.now() - at >= millis || tools.reducing.active) break;
    }
    return new Promise((resolve, reject) => {
      tools.part("timers").task(what, () => {
        try {
          resolve(sliced(what, work, TASK_MILLIS));
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  /** The first bits; those beyond are zero. */
  function truncated(secret, bits) {
    const bytes = new Uint8Array(apply(subarray, secret, [0, Math.ceil(bits / 8)]));
    if (bits % 8 !== 0) bytes[bytes.length - 1] &= 0xff << (8 - (bits % 8));
    return bytes;
  }

  return {
    CryptoKey, heldOf, makeKey, keyOf, isBytes, bytesOf, required, enforced, nameOf, hashOf, usagesOf, checkUsages, done, fail, fresh, sliced, truncated,
    blockBits: (hash) => HASHES[hash][0],
    digestBits: (hash) => HASHES[hash][1],
    copyOf: (value) => (heldOf(value) ? makeKey(heldOf(value)) : undefined),
  };
}
