// node:crypto: randomness (in `reduce` that of the event), digests, keyed digests. The rest refuses by name.

export default function cryptoModule(native, tools) {
  const digests = tools.natives("digest");
  const { coded, wrongType, outOfRange, mustBe } = tools.part("node/errors");
  const { refuse } = tools.part("node/refusing");
  const { Buffer } = tools.builtin("buffer");
  const { Transform } = tools.builtin("stream");
  const DIGESTS = { MD5: "MD5", SHA1: "SHA-1", SHA256: "SHA-256", SHA384: "SHA-384", SHA512: "SHA-512" };

  function digestOf(algorithm) {
    mustBe("string", "algorithm", algorithm);
    const name = DIGESTS[algorithm.toUpperCase().replace(/^RSA-/, "").replaceAll("-", "")];
    if (!name) throw coded(Error, "ERR_OSSL_EVP_UNSUPPORTED", `there is no digest ${algorithm}: processors have md5, sha1, sha256, sha384 and sha512`);
    return name;
  }

  function bytesOf(data, encoding, name = "data") {
    if (typeof data === "string") return Buffer.from(data, encoding === "buffer" ? undefined : encoding);
    if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    if (data instanceof ArrayBuffer) return new Uint8Array(data);
    throw wrongType(name, "a string, a Buffer or a view of one", data);
  }

  // --- keys ---------------------------------------------------------------------------------------------------

  /** A secret that is not shown unless it is asked for. */
  class KeyObject {
    #bytes;
    constructor(type, bytes) {
      if (type !== "secret") throw coded(Error, "ERR_FEATURE_UNAVAILABLE_ON_PLATFORM", "processors have secret keys only");
      this.#bytes = Uint8Array.from(bytesOf(bytes, undefined, "key"));
    }
    get type() { return "secret"; }
    get symmetricKeySize() { return this.#bytes.length; }
    equals(other) { return other instanceof KeyObject && digests.sameBytes(this.#bytes, other.#bytes); }
    export(options = undefined) {
      const bytes = Buffer.from(this.#bytes);
      return options?.format === "jwk" ? { kty: "oct", k: bytes.toString("base64url") } : bytes;
    }
  }

  const buffer = (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const encoded = (bytes, encoding) => (encoding === undefined || encoding === "buffer" ? buffer(bytes) : buffer(bytes).toString(encoding));

  /** What is hashed is gathered, and computed at the end; a digest is a stream as well. */
  class Digest extends Transform {
    #chunks = [];
    #finished = false;
    #compute;

    constructor(compute, options) {
      super(options);
      this.#compute = compute;
    }

    update(data, encoding = undefined) {
      if (this.#finished) throw coded(Error, "ERR_CRYPTO_HASH_FINALIZED", "the digest has been taken already");
      this.#chunks.push(Buffer.from(bytesOf(data, encoding)));
      return this;
    }

    digest(encoding = undefined) {
      if (this.#finished) throw coded(Error, "ERR_CRYPTO_HASH_FINALIZED", "the digest has been taken already");
      this.#finished = true;
      const all = Buffer.concat(this.#chunks.splice(0));
      return encoded(this.#compute(new Uint8Array(all.buffer, all.byteOffset, all.length)), encoding);
    }

    _transform(chunk, encoding, callback) {
      this.update(chunk, encoding);
      callback();
    }

    _flush(callback) {
      this.push(this.digest());
      callback();
    }

    copied(into) {
      if (this.#finished) throw coded(Error, "ERR_CRYPTO_HASH_FINALIZED", "the digest has been taken already");
      into.#chunks = [...this.#chunks];
      return into;
    }
  }

  class Hash extends Digest {
    #algorithm;
    constructor(algorithm, options = undefined) {
      const name = digestOf(algorithm);
      super((bytes) => digests.digest(name, bytes), options);
      this.#algorithm = algorithm;
    }
    copy() { return this.copied(new Hash(this.#algorithm)); }
  }

  class Hmac extends Digest {
    constructor(algorithm, key, options = undefined) {
      const name = digestOf(algorithm);
      const secret = key instanceof KeyObject ? key.export() : Uint8Array.from(bytesOf(key, undefined, "key"));
      super((bytes) => digests.hmac(name, secret, bytes), options);
    }
  }

  // --- randomness -------------------------------------------------------------------------------------------

  /** Gives the result, or calls back with it. */
  function answered(make, callback) {
    if (callback === undefined) return make();
    mustBe("function", "callback", callback);
    const value = make();
    queueMicrotask(() => callback(null, value));
    return undefined;
  }

  const RANDOM_MAX = 2 ** 31 - 1;
  function randomBytes(size, callback = undefined) {
    mustBe("number", "size", size);
    if (!(size >= 0 && size <= RANDOM_MAX)) throw outOfRange("size", `from 0 to ${RANDOM_MAX}`, size);
    return answered(() => buffer(tools.randomBytes(Math.trunc(size))), callback);
  }

  function randomFillSync(target, offset = 0, size = target.byteLength - offset) {
    new Uint8Array(target.buffer ?? target, (target.byteOffset ?? 0) + offset, size).set(tools.randomBytes(size));
    return target;
  }

  function randomFill(target, ...rest) {
    const callback = rest.pop();
    return answered(() => randomFillSync(target, ...rest), callback);
  }

  function randomInt(min, max = undefined, callback = undefined) {
    if (max === undefined || typeof max === "function") return randomInt(0, min, max);
    if (!Number.isSafeInteger(min)) throw wrongType("min", "a safe integer", min);
    if (!Number.isSafeInteger(max)) throw wrongType("max", "a safe integer", max);
    const range = max - min;
    if (!(range > 0 && range <= 2 ** 48 - 1)) throw outOfRange("max", `more than ${min}, and less than 2^48 above it`, max);
    // Numbers in the last, incomplete round would come more often than others.
    const rounds = 2 ** 48 - (2 ** 48 % range);
    const draw = () => {
      for (;;) {
        const drawn = randomBytes(6).readUIntBE(0, 6);
        if (drawn < rounds) return min + (drawn % range);
      }
    };
    return answered(draw, callback);
  }

  function timingSafeEqual(one, other) {
    const [a, b] = [bytesOf(one, undefined, "buf1"), bytesOf(other, undefined, "buf2")];
    if (a.length !== b.length) throw coded(RangeError, "ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH", "both must be of the same length");
    return digests.sameBytes(a, b);
  }

  return {
    ...refuse("crypto", [
      "createCipheriv", "createDecipheriv", "createSign", "createVerify", "createDiffieHellman", "createECDH", "createPrivateKey", "createPublicKey",
      "generateKeyPair", "generateKeyPairSync", "generateKey", "generateKeySync", "hkdf", "hkdfSync", "pbkdf2", "pbkdf2Sync", "scrypt",
      "scryptSync", "sign", "verify", "privateDecrypt", "privateEncrypt", "publicDecrypt", "publicEncrypt", "diffieHellman", "checkPrime", "generatePrime",
      "getCipherInfo", "X509Certificate",
    ]),
    createHash: (algorithm, options) => new Hash(algorithm, options),
    createHmac: (algorithm, key, options) => new Hmac(algorithm, key, options),
    hash: (algorithm, data, encoding = "hex") => new Hash(algorithm).update(data).digest(encoding),
    Hash,
    Hmac,
    KeyObject,
    createSecretKey: (key, encoding) => new KeyObject("secret", typeof key === "string" ? Buffer.from(key, encoding) : key),
    getHashes: () => ["md5", "sha1", "sha256", "sha384", "sha512"],
    getCiphers: () => [],
    getCurves: () => [],
    getFips: () => 0,
    constants: {},
    randomBytes,
    pseudoRandomBytes: randomBytes,
    randomFill,
    randomFillSync,
    randomInt,
    randomUUID: () => crypto.randomUUID(),
    getRandomValues: (array) => crypto.getRandomValues(array),
    timingSafeEqual,
    get webcrypto() { return crypto; },
    get subtle() { return crypto.subtle; },
  };
}
