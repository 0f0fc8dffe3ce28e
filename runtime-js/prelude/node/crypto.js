// node:crypto: randomness (in `reduce` that of the event), digests, keyed digests; and, loaded when they are first used,
// keys, signatures, ciphers and derivations. The rest refuses by name.

export default function cryptoModule(native, tools) {
  const digests = tools.natives("digest");
  const { coded, wrongType, outOfRange, mustBe } = tools.part("node/errors");
  const { refuse } = tools.part("node/refusing");
  const { CONSTANTS, digestOf, bytesOf, buffer, encoded, answered } = tools.part("node/crypto/common");
  const { Buffer } = tools.builtin("buffer");
  const { Transform } = tools.builtin("stream");

  // --- digests ----------------------------------------------------------------------------------------------

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
      const secret = tools.part("node/crypto/keys").secretOf(key);
      super((bytes) => digests.hmac(name, secret, bytes), options);
    }
  }

  // --- randomness -------------------------------------------------------------------------------------------

  const RANDOM_MAX = 2 ** 31 - 1;
  function randomBytes(size, callback = undefined) {
    mustBe("number", "size", size);
    if (!(size >= 0 && size <= RANDOM_MAX)) throw outOfRange("size", `from 0 to ${RANDOM_MAX}`, size);
    return answered(() => buffer(tools.part("random").bytes(Math.trunc(size))), callback);
  }

  function randomFillSync(target, offset = 0, size = target.byteLength - offset) {
    new Uint8Array(target.buffer ?? target, (target.byteOffset ?? 0) + offset, size).set(tools.part("random").bytes(size));
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

  /** Functions of a part that is loaded when one of them is called. */
  const later = (name, members) =>
    Object.fromEntries(members.map((member) => [member, { [member](...given) { return tools.part(name)[member](...given); } }[member]]));

  const { generateKeyPair, generatedPair } = later("node/crypto/keys", ["generateKeyPair", "generatedPair"]);
  Object.defineProperty(generateKeyPair, Symbol.for("nodejs.util.promisify.custom"), { value: generatedPair });

  return {
    generateKeyPair,
    ...refuse("crypto", [
      "checkPrime", "checkPrimeSync", "createDiffieHellman", "createDiffieHellmanGroup", "generatePrime", "generatePrimeSync",
      "getDiffieHellman", "privateEncrypt", "publicDecrypt", "setEngine", "setFips", "X509Certificate",
    ]),
    ...later("node/crypto/keys", ["createSecretKey", "createPrivateKey", "createPublicKey", "generateKeyPairSync", "generateKey", "generateKeySync"]),
    ...later("node/crypto/signatures", ["createSign", "createVerify", "sign", "verify", "publicEncrypt", "privateDecrypt"]),
    ...later("node/crypto/ciphers", ["createCipheriv", "createDecipheriv", "getCipherInfo"]),
    ...later("node/crypto/derivations", ["pbkdf2", "pbkdf2Sync", "hkdf", "hkdfSync", "scrypt", "scryptSync"]),
    ...later("node/crypto/agreement", ["createECDH", "diffieHellman"]),
    get ECDH() { return tools.part("node/crypto/agreement").ECDH; },
    createHash: (algorithm, options) => new Hash(algorithm, options),
    createHmac: (algorithm, key, options) => new Hmac(algorithm, key, options),
    hash: (algorithm, data, encoding = "hex") => new Hash(algorithm).update(data).digest(encoding),
    Hash,
    Hmac,
    KeyObject: tools.part("node/crypto/key_object").KeyObject,
    getHashes: () => ["md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha512-256"],
    getCiphers: () => [...tools.part("node/crypto/ciphers").names],
    getCurves: () => ["prime256v1", "secp384r1", "secp521r1"],
    getFips: () => 0,
    constants: CONSTANTS,
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
