// Secrets that two sides agree on: ECDH, and diffieHellman on any two keys of one curve.

export default function agreement(native, tools) {
  const { coded, wrongType, mustBe } = tools.part("node/errors");
  const { plain, encoded, buffer } = tools.part("node/crypto/common");
  const { asymmetricOf, curveOf, freshScalar } = tools.part("node/crypto/keys");
  const natives = tools.natives("curves");
  const FORMATS = ["uncompressed", "compressed", "hybrid"];

  const badKey = () => coded(Error, "ERR_CRYPTO_ECDH_INVALID_PUBLIC_KEY", "the public key is not a point of the curve");

  /** A point in one of the forms that it can have. */
  function formed(point, format = "uncompressed") {
    if (!FORMATS.includes(format)) throw coded(TypeError, "ERR_CRYPTO_ECDH_INVALID_FORMAT", `there is no format ${String(format)}: there are ${FORMATS.join(", ")}`);
    if (format === "uncompressed") return new Uint8Array(point);
    const odd = point[point.length - 1] & 1;
    if (format === "compressed") return Uint8Array.of(2 + odd, ...point.subarray(1, (point.length + 1) / 2));
    return Uint8Array.of(6 + odd, ...point.subarray(1));
  }

  /** Any form of a point, uncompressed. */
  function pointOf(kind, given) {
    const isHybrid = given[0] === 6 || given[0] === 7;
    const point = natives.ecPoint(kind, isHybrid ? Uint8Array.of(4, ...given.subarray(1)) : given);
    if (!point || (isHybrid && (point[point.length - 1] & 1) !== given[0] - 6)) throw badKey();
    return point;
  }

  class ECDH {
    #kind;
    #secret;
    #point;

    constructor(curve) {
      mustBe("string", "curve", curve);
      this.#kind = curveOf(curve);
    }

    static convertKey(key, curve, inputEncoding = undefined, outputEncoding = undefined, format = undefined) {
      mustBe("string", "curve", curve);
      return encoded(formed(pointOf(curveOf(curve), plain(key, inputEncoding, "key")), format), outputEncoding);
    }

    generateKeys(encoding = undefined, format = undefined) {
      this.#take(freshScalar(this.#kind));
      return this.getPublicKey(encoding, format);
    }

    setPrivateKey(key, encoding = undefined) {
      const given = plain(key, encoding, "key");
      // A number may have been written without the zeros in front of it.
      const { length } = freshScalar(this.#kind);
      if (given.length > length) throw coded(Error, "ERR_CRYPTO_INVALID_KEYTYPE", "the private key is not one of the curve");
      const scalar = new Uint8Array(length);
      scalar.set(given, length - given.length);
      this.#take(scalar);
    }

    #take(scalar) {
      const point = natives.ecPublic(this.#kind, scalar);
      if (!point) throw coded(Error, "ERR_CRYPTO_INVALID_KEYTYPE", "the private key is not one of the curve");
      this.#secret = scalar;
      this.#point = point;
    }

    setPublicKey(key, encoding = undefined) {
      this.#point = pointOf(this.#kind, plain(key, encoding, "key"));
    }

    getPrivateKey(encoding = undefined) {
      if (!this.#secret) throw coded(Error, "ERR_CRYPTO_ECDH_INVALID_KEY", "there is no private key yet: call generateKeys");
      return encoded(new Uint8Array(this.#secret), encoding);
    }

    getPublicKey(encoding = undefined, format = undefined) {
      if (!this.#point) throw coded(Error, "ERR_CRYPTO_ECDH_INVALID_KEY", "there is no public key yet: call generateKeys");
      return encoded(formed(this.#point, format), encoding);
    }

    computeSecret(other, inputEncoding = undefined, outputEncoding = undefined) {
      if (!this.#secret) throw coded(Error, "ERR_CRYPTO_ECDH_INVALID_KEY", "there is no private key yet: call generateKeys");
      const secret = natives.ecShared(this.#kind, this.#secret, pointOf(this.#kind, plain(other, inputEncoding, "otherPublicKey")));
      if (!secret) throw badKey();
      return encoded(secret, outputEncoding);
    }
  }

  function agreed(options) {
    if (typeof options !== "object" || options === null) throw wrongType("options", "an object", options);
    const own = asymmetricOf(options.privateKey, "private");
    const other = asymmetricOf(options.publicKey, "public");
    if (own.kind !== other.kind || own.kind === "RSA" || own.kind === "Ed25519") {
      throw coded(Error, "ERR_CRYPTO_INCOMPATIBLE_KEY", `a key of ${own.kind} and one of ${other.kind} do not agree on a secret`);
    }
    const secret = own.kind === "X25519" ? natives.xShared(own.secret, other.point) : natives.ecShared(own.kind, own.secret, other.point);
    if (!secret) throw coded(Error, "ERR_CRYPTO_OPERATION_FAILED", "the keys do not agree on a secret");
    return buffer(secret);
  }

  function diffieHellman(options, callback = undefined) {
    if (callback === undefined) return agreed(options);
    mustBe("function", "callback", callback);
    const secret = agreed(options);
    queueMicrotask(() => callback(null, secret));
    return undefined;
  }

  return { ECDH, createECDH: (curve) => new ECDH(curve), diffieHellman };
}
