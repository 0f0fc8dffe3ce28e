// What the parts of node:crypto share: digests by Node's names, bytes as they are given, and results as they are asked for.

export default function cryptoCommon(native, tools) {
  const { coded, wrongType, outOfRange, mustBe } = tools.part("node/errors");
  const { bytesMax } = tools.natives("digest");
  const { Buffer } = tools.builtin("buffer");
  const DIGESTS = { __proto__: null, MD5: "MD5", SHA1: "SHA-1", SHA224: "SHA-224", SHA256: "SHA-256", SHA384: "SHA-384", SHA512: "SHA-512", SHA512256: "SHA-512/256" };
  /** Those that nothing but a digest or a keyed digest is made with. */
  const PLAIN_ONLY = ["MD5", "SHA-224", "SHA-512/256"];
  const CONSTANTS = {
    RSA_PKCS1_PADDING: 1, RSA_PKCS1_OAEP_PADDING: 4, RSA_PKCS1_PSS_PADDING: 6,
    RSA_PSS_SALTLEN_DIGEST: -1, RSA_PSS_SALTLEN_AUTO: -2, RSA_PSS_SALTLEN_MAX_SIGN: -2,
  };

  function digestOf(algorithm) {
    mustBe("string", "algorithm", algorithm);
    const name = DIGESTS[algorithm.toUpperCase().replace(/^RSA-/, "").replace(/[-/]/g, "")];
    if (!name) throw coded(Error, "ERR_OSSL_EVP_UNSUPPORTED", `there is no digest ${algorithm}: processors have md5, sha1, sha224, sha256, sha384, sha512 and sha512-256`);
    return name;
  }

  /** A digest for what is signed or derived. */
  function strongDigestOf(algorithm, what) {
    const name = digestOf(algorithm);
    if (PLAIN_ONLY.includes(name)) throw coded(Error, "ERR_CRYPTO_INVALID_DIGEST", `${what} with ${algorithm} is not available to processors`);
    return name;
  }

  function bytesOf(data, encoding, name = "data") {
    if (typeof data === "string") return Buffer.from(data, encoding === "buffer" ? undefined : encoding);
    if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    if (data instanceof ArrayBuffer) return new Uint8Array(data);
    throw wrongType(name, "a string, a Buffer or a view of one", data);
  }

  /** As natives take them: a Buffer is an array of another class. */
  const plain = (data, encoding = undefined, name = undefined) => {
    const bytes = bytesOf(data, encoding, name);
    if (bytes.byteLength > bytesMax) throw outOfRange(name ?? "data", `at most ${bytesMax} bytes`, bytes.byteLength);
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };

  const buffer = (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const encoded = (bytes, encoding) => (encoding === undefined || encoding === null || encoding === "buffer" ? buffer(bytes) : buffer(bytes).toString(encoding));

  /** Gives the result, or calls back with it. */
  function answered(make, callback) {
    if (callback === undefined) return make();
    mustBe("function", "callback", callback);
    const value = make();
    queueMicrotask(() => callback(null, value));
    return undefined;
  }

  return { CONSTANTS, digestOf, strongDigestOf, bytesOf, plain, buffer, encoded, answered };
}
