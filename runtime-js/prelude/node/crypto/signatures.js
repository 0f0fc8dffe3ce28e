// Signatures of node:crypto (RSA, ECDSA, Ed25519), and what RSA encrypts (OAEP).

export default function signatures(native, tools) {
  const { coded, wrongType } = tools.part("node/errors");
  const { CONSTANTS, strongDigestOf, bytesOf, plain, buffer, encoded } = tools.part("node/crypto/common");
  const { asymmetricOf } = tools.part("node/crypto/keys");
  const { Buffer } = tools.builtin("buffer");
  const { Writable } = tools.builtin("stream");
  const digests = tools.natives("digest");
  const rsa = () => tools.natives("rsa");
  const curves = () => tools.natives("curves");
  const DIGEST_BYTES = { "SHA-1": 20, "SHA-256": 32, "SHA-384": 48, "SHA-512": 64 };
  const failed = (what) => coded(Error, "ERR_OSSL_FAILED", what);

  // --- the form of an ECDSA signature: two numbers of DER, or of a fixed length --------------------------------

  function number(bytes) {
    let at = 0;
    while (at < bytes.length - 1 && bytes[at] === 0) at += 1;
    const significant = bytes.subarray(at);
    const sign = significant[0] & 0x80 ? [0] : [];
    return [2, significant.length + sign.length, ...sign, ...significant];
  }

  function toDer(signature) {
    const half = signature.length / 2;
    const numbers = [...number(signature.subarray(0, half)), ...number(signature.subarray(half))];
    return Uint8Array.from([0x30, ...(numbers.length < 128 ? [] : [0x81]), numbers.length, ...numbers]);
  }

  /** Undefined when it is none. */
  function fromDer(der, bytes) {
    const start = der[1] === 0x81 ? 3 : 2;
    if (der[0] !== 0x30 || der[start - 1] !== der.length - start) return undefined;
    const made = new Uint8Array(2 * bytes);
    let at = start;
    for (const end of [bytes, 2 * bytes]) {
      const length = der[at + 1];
      let value = der.subarray(at + 2, at + 2 + length);
      if (der[at] !== 2 || length === 0 || value.length !== length) return undefined;
      if (value[0] === 0) value = value.subarray(1);
      if (value.length > bytes) return undefined;
      made.set(value, end - value.length);
      at += 2 + length;
    }
    return at === der.length ? made : undefined;
  }

  // --- signing and verifying ----------------------------------------------------------------------------------

  const optionsOf = (given) => (typeof given === "object" && given !== null && !ArrayBuffer.isView(given) && "key" in given ? given : {});

  /** The lengths of a salt that are meant; none, when there is to be none. */
  function salts({ padding = CONSTANTS.RSA_PKCS1_PADDING, saltLength = CONSTANTS.RSA_PSS_SALTLEN_AUTO }, held, hash) {
    if (padding === CONSTANTS.RSA_PKCS1_PADDING) return [undefined];
    if (padding !== CONSTANTS.RSA_PKCS1_PSS_PADDING) throw failed("signatures have the padding RSA_PKCS1_PADDING or RSA_PKCS1_PSS_PADDING");
    if (saltLength >= 0) return [saltLength];
    const [n] = rsa().parts(held.der, held.type === "private");
    const digest = DIGEST_BYTES[hash];
    return saltLength === CONSTANTS.RSA_PSS_SALTLEN_DIGEST ? [digest] : [n.length - digest - 2, digest];
  }

  function digestFor(algorithm) {
    if (algorithm === null || algorithm === undefined) return "SHA-256";
    return strongDigestOf(algorithm, "a signature");
  }

  function signed(algorithm, data, key) {
    const held = asymmetricOf(key, "private");
    const options = optionsOf(key);
    if (held.kind === "Ed25519") return curves().edSign(held.secret, data);
    if (held.kind === "X25519") throw failed("a key of X25519 does not sign");
    const hash = digestFor(algorithm);
    const digest = digests.digest(hash, data);
    if (held.kind !== "RSA") {
      const signature = curves().ecSign(held.kind, held.secret, digest);
      return options.dsaEncoding === "ieee-p1363" ? signature : toDer(signature);
    }
    const made = rsa().sign(held.der, hash, salts(options, held, hash)[0], digest);
    if (!made) throw failed("the key is too short for the digest and the salt");
    return made;
  }

  function verified(algorithm, data, key, signature) {
    const held = asymmetricOf(key, "public");
    const options = optionsOf(key);
    if (held.kind === "Ed25519") return curves().edVerify(held.point, data, signature);
    if (held.kind === "X25519") throw failed("a key of X25519 does not verify");
    const hash = digestFor(algorithm);
    const digest = digests.digest(hash, data);
    if (held.kind === "RSA") return salts(options, held, hash).some((salt) => (salt ?? 0) >= 0 && rsa().verify(held.der, hash, salt, digest, signature));
    const fixed = options.dsaEncoding === "ieee-p1363" ? signature : fromDer(signature, (held.point.length - 1) / 2);
    return fixed !== undefined && curves().ecVerify(held.kind, held.point, digest, fixed);
  }

  function answered(made, callback) {
    if (callback === undefined) return made;
    queueMicrotask(() => callback(null, made));
    return undefined;
  }

  const sign = (algorithm, data, key, callback = undefined) => answered(buffer(signed(algorithm, plain(data), key)), callback);
  const verify = (algorithm, data, key, signature, callback = undefined) => answered(verified(algorithm, plain(data), key, plain(signature, undefined, "signature")), callback);

  /** What is signed is gathered; it is a stream as well. */
  class Gathering extends Writable {
    #chunks = [];
    #algorithm;
    constructor(algorithm, options) {
      if (typeof algorithm !== "string") throw wrongType("algorithm", "of type string", algorithm);
      digestFor(algorithm);
      super(options);
      this.#algorithm = algorithm;
    }
    get _algorithm() { return this.#algorithm; }
    update(data, encoding = undefined) {
      this.#chunks.push(Buffer.from(bytesOf(data, encoding)));
      return this;
    }
    _gathered() { return plain(Buffer.concat(this.#chunks.splice(0))); }
    _write(chunk, encoding, callback) {
      this.update(chunk, encoding);
      callback();
    }
  }
  class Sign extends Gathering {
    sign(key, encoding = undefined) { return encoded(signed(this._algorithm, this._gathered(), key), encoding); }
  }
  class Verify extends Gathering {
    verify(key, signature, encoding = undefined) { return verified(this._algorithm, this._gathered(), key, plain(signature, encoding, "signature")); }
  }

  // --- encryption ---------------------------------------------------------------------------------------------

  function oaep(given, needed) {
    const held = asymmetricOf(given, needed);
    const { padding = CONSTANTS.RSA_PKCS1_OAEP_PADDING, oaepHash = "sha1", oaepLabel = new Uint8Array(0) } = optionsOf(given);
    if (held.kind !== "RSA") throw failed(`a key of ${held.kind} does not encrypt`);
    if (padding !== CONSTANTS.RSA_PKCS1_OAEP_PADDING) throw coded(Error, "ERR_FEATURE_UNAVAILABLE_ON_PLATFORM", "processors encrypt with RSA_PKCS1_OAEP_PADDING only");
    const hash = digestFor(oaepHash);
    return { der: held.der, hash, label: plain(oaepLabel, undefined, "oaepLabel") };
  }

  function publicEncrypt(key, data) {
    const { der, hash, label } = oaep(key, "public");
    const made = rsa().encrypt(der, hash, label, tools.part("random").bytes(DIGEST_BYTES[hash]), plain(data));
    if (!made) throw failed("the message is too long for the key");
    return buffer(made);
  }

  function privateDecrypt(key, data) {
    const { der, hash, label } = oaep(key, "private");
    const made = rsa().decrypt(der, hash, label, plain(data));
    if (!made) throw failed("the data cannot be decrypted with this key");
    return buffer(made);
  }

  return {
    Sign, Verify, sign, verify, publicEncrypt, privateDecrypt,
    createSign: (algorithm, options) => new Sign(algorithm, options),
    createVerify: (algorithm, options) => new Verify(algorithm, options),
  };
}
