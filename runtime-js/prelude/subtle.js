// crypto.subtle: digests and HMAC, computed by Rust. Whatever else is asked for is refused by name.

export default function subtleCrypto(native, tools) {
  const digests = tools.natives("digest");
  const { expose, inside, closed, needs, promised, isObject, integer } = tools.part("idl");
  /** The length of a block, in bits, which is that of a generated key. */
  const HASHES = { "SHA-1": 512, "SHA-256": 512, "SHA-384": 1024, "SHA-512": 1024 };
  let materialOf;

  class CryptoKey {
    #held;
    constructor(key, held) {
      closed(key, "CryptoKey");
      this.#held = held;
    }
    static {
      materialOf = (value) => (isObject(value) && #held in value ? value.#held : undefined);
    }
    get type() { return this.#held.type; }
    get extractable() { return this.#held.extractable; }
    get algorithm() { return this.#held.algorithm; }
    get usages() { return this.#held.usages; }
  }

  const unsupported = (what) => new DOMException(`${what} is not supported here`, "NotSupportedError");

  /** A copy, as it is now: what happens to the array later is of no matter. */
  function bytesOf(data, what) {
    if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
    if (data instanceof ArrayBuffer) return new Uint8Array(data).slice();
    throw new TypeError(`${what} must be a buffer, or a view of one`);
  }

  function nameOf(algorithm) {
    const name = isObject(algorithm) ? algorithm.name : algorithm;
    if (name === undefined) throw new TypeError("an algorithm needs a name");
    return `${name}`.toUpperCase();
  }

  function hashOf(algorithm) {
    const name = nameOf(algorithm);
    if (!Object.hasOwn(HASHES, name)) throw unsupported(`the digest ${name}`);
    return name;
  }

  function hmacHash(algorithm) {
    if (nameOf(algorithm) !== "HMAC") throw unsupported(`the algorithm ${nameOf(algorithm)}`);
    if (!isObject(algorithm) || algorithm.hash === undefined) throw new TypeError("HMAC needs a `hash`");
    return hashOf(algorithm.hash);
  }

  function usagesOf(usages) {
    const given = [...usages].map(String);
    const wrong = given.find((usage) => usage !== "sign" && usage !== "verify");
    if (wrong !== undefined) throw new DOMException(`a key of HMAC cannot be used to ${wrong}`, "SyntaxError");
    if (given.length === 0) throw new DOMException("a key needs a use", "SyntaxError");
    return ["sign", "verify"].filter((usage) => given.includes(usage));
  }

  function hmacKey(bytes, hash, extractable, usages, bits = bytes.length * 8) {
    const algorithm = { name: "HMAC", length: bits, hash: { name: hash } };
    return new CryptoKey(inside, { type: "secret", extractable: Boolean(extractable), algorithm, usages, bytes, hash });
  }

  function keyFor(usage, algorithm, key) {
    const held = materialOf(key);
    if (!held) throw new TypeError(`${usage} takes a CryptoKey`);
    if (nameOf(algorithm) !== "HMAC") throw unsupported(`the algorithm ${nameOf(algorithm)}`);
    if (!held.usages.includes(usage)) throw new DOMException(`this key is not to be used to ${usage}`, "InvalidAccessError");
    return held;
  }

  const JWK_ALGORITHMS = { "SHA-1": "HS1", "SHA-256": "HS256", "SHA-384": "HS384", "SHA-512": "HS512" };

  function bytesOfJwk(jwk, hash, extractable) {
    if (!isObject(jwk) || jwk.kty !== "oct" || typeof jwk.k !== "string") throw new DOMException("the key is not of kty \"oct\"", "DataError");
    if (jwk.alg !== undefined && jwk.alg !== JWK_ALGORITHMS[hash]) throw new DOMException(`the key is for ${jwk.alg}`, "DataError");
    if (jwk.ext === false && extractable) throw new DOMException("the key may not be extractable", "DataError");
    return Uint8Array.fromBase64(jwk.k, { alphabet: "base64url" });
  }

  class SubtleCrypto {
    #brand = undefined;
    constructor(key) { closed(key, "SubtleCrypto"); }

    digest(algorithm, data) {
      return promised(() => {
        void this.#brand;
        needs(2, arguments, "digest");
        return digests.digest(hashOf(algorithm), bytesOf(data, "the data")).buffer;
      });
    }

    importKey(format, keyData, algorithm, extractable, keyUsages) {
      return promised(() => {
        void this.#brand;
        needs(5, arguments, "importKey");
        const hash = hmacHash(algorithm);
        if (!["raw", "jwk"].includes(`${format}`)) throw unsupported(`the key format ${format}`);
        const bytes = format === "raw" ? bytesOf(keyData, "the key") : bytesOfJwk(keyData, hash, extractable);
        const usages = usagesOf(keyUsages);
        if (bytes.length === 0) throw new DOMException("the key is empty", "DataError");
        return hmacKey(bytes, hash, extractable, usages);
      });
    }

    generateKey(algorithm, extractable, keyUsages) {
      return promised(() => {
        void this.#brand;
        needs(3, arguments, "generateKey");
        const hash = hmacHash(algorithm);
        const bits = algorithm.length === undefined ? HASHES[hash] : integer(algorithm.length, "the length of a key", 0xffffffff);
        const usages = usagesOf(keyUsages);
        if (bits === 0 || bits % 8 !== 0) throw new DOMException("the length of a key must be a multiple of 8", "OperationError");
        return hmacKey(tools.randomBytes(bits / 8), hash, extractable, usages);
      });
    }

    exportKey(format, key) {
      return promised(() => {
        void this.#brand;
        needs(2, arguments, "exportKey");
        const held = materialOf(key);
        if (!held) throw new TypeError("exportKey takes a CryptoKey");
        if (!held.extractable) throw new DOMException("this key cannot be exported", "InvalidAccessError");
        if (`${format}` === "raw") return held.bytes.slice().buffer;
        if (`${format}` !== "jwk") throw unsupported(`the key format ${format}`);
        const k = held.bytes.toBase64({ alphabet: "base64url", omitPadding: true });
        return { kty: "oct", k, alg: JWK_ALGORITHMS[held.hash], key_ops: [...held.usages], ext: true };
      });
    }

    sign(algorithm, key, data) {
      return promised(() => {
        void this.#brand;
        needs(3, arguments, "sign");
        const { hash, bytes } = keyFor("sign", algorithm, key);
        return digests.hmac(hash, bytes, bytesOf(data, "the data")).buffer;
      });
    }

    verify(algorithm, key, signature, data) {
      return promised(() => {
        void this.#brand;
        needs(4, arguments, "verify");
        const { hash, bytes } = keyFor("verify", algorithm, key);
        return digests.sameBytes(digests.hmac(hash, bytes, bytesOf(data, "the data")), bytesOf(signature, "the signature"));
      });
    }
  }

  for (const name of ["encrypt", "decrypt", "deriveBits", "deriveKey", "wrapKey", "unwrapKey"]) {
    const refused = { [name]() { return promised(() => { throw unsupported(`crypto.subtle.${name}`); }); } }[name];
    Object.defineProperty(SubtleCrypto.prototype, name, { value: refused, writable: true, configurable: true });
  }
  for (const type of [CryptoKey, SubtleCrypto]) {
    expose(type);
    Object.defineProperty(type, "length", { value: 0, configurable: true });
  }
  return { SubtleCrypto, CryptoKey, subtle: new SubtleCrypto(inside) };
}
