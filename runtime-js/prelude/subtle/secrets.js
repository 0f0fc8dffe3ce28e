// HMAC, and the derivations of keys from secrets (PBKDF2, HKDF), for crypto.subtle.

export default function secrets(native, tools) {
  const digests = tools.natives("digest");
  const common = tools.part("subtle/common");
  const { makeKey, bytesOf, required, enforced, checkUsages, hashOf, blockBits, done, fail, fresh, sliced } = common;
  const jwks = tools.part("subtle/jwk");
  const JWK_ALGORITHMS = { "SHA-1": "HS1", "SHA-256": "HS256", "SHA-384": "HS384", "SHA-512": "HS512" };

  // --- HMAC -------------------------------------------------------------------------------------------------

  function hmacKey(material, length, hash, extractable, uses) {
    const shown = () => ({ name: "HMAC", length, hash: { name: hash } });
    return makeKey({ type: "secret", name: "HMAC", hash, extractable, uses, material, shown });
  }

  const hmacParams = (algorithm) => ({
    hash: hashOf(required(algorithm, "hash")),
    length: algorithm.length === undefined ? undefined : enforced(algorithm.length, "the length of a key"),
  });

  const hmac = {
    name: "HMAC",
    params: { generate: hmacParams, import: hmacParams, keyLength: hmacParams },
    generate({ hash, length = blockBits(hash) }, extractable, uses) {
      checkUsages(uses, ["sign", "verify"], "HMAC");
      if (length === 0) throw fail("OperationError", "a key has at least a bit");
      if (length > 8 * 65536) throw fail("OperationError", `a key of HMAC has at most ${8 * 65536} bits here`);
      return hmacKey(fresh(Math.ceil(length / 8)), length, hash, extractable, uses);
    },
    import(format, data, { hash, length }, extractable, uses) {
      checkUsages(uses, ["sign", "verify"], "HMAC");
      if (format !== "raw" && format !== "jwk") throw fail("NotSupportedError", `a key of HMAC has no format ${format}`);
      let bytes = data;
      if (format === "jwk") {
        jwks.check(data, { kty: "oct", use: "sig", alg: [JWK_ALGORITHMS[hash]], extractable, usages: uses });
        bytes = jwks.bytes(data, "k");
      }
      const bits = bytes.length * 8;
      if (bits === 0) throw fail("DataError", "the key is empty");
      if (length !== undefined && (length > bits || length <= bits - 8)) throw fail("DataError", `the key has ${bits} bits, and not ${length}`);
      return hmacKey(bytes, length ?? bits, hash, extractable, uses);
    },
    export(format, held) {
      if (format === "raw") return new Uint8Array(held.material);
      if (format !== "jwk") throw fail("NotSupportedError", `a key of HMAC has no format ${format}`);
      return jwks.shown(held, { kty: "oct", k: jwks.text(held.material), alg: JWK_ALGORITHMS[held.hash] });
    },
    keyLength({ hash, length = blockBits(hash) }) {
      if (length === 0) throw new TypeError("a key has at least a bit");
      return length;
    },
    sign: (given, held, data) => digests.hmac(held.hash, held.material, data),
    verify: (given, held, signature, data) => digests.sameBytes(digests.hmac(held.hash, held.material, data), signature),
  };

  // --- derivations ------------------------------------------------------------------------------------------

  function derivation(name, params, derive) {
    return {
      name,
      params: { derive: params },
      import(format, data, algorithm, extractable, uses) {
        if (format !== "raw") throw fail("NotSupportedError", `a key of ${name} has no format ${format}`);
        checkUsages(uses, ["deriveKey", "deriveBits"], name);
        if (extractable) throw fail("SyntaxError", `a key of ${name} cannot be extractable`);
        return makeKey({ type: "secret", name, extractable: false, uses, material: data, shown: () => ({ name }) });
      },
      derive(given, held, bits) {
        if (bits === null || bits % 8 !== 0) throw fail("OperationError", `${name} derives a multiple of 8 bits`);
        const { derivedBytesMax } = tools.natives("derivations");
        if (bits / 8 > derivedBytesMax) throw fail("OperationError", `${name} derives at most ${derivedBytesMax} bytes here`);
        return derive(given, held, bits / 8);
      },
      keyLength: () => null,
    };
  }

  const pbkdf2 = derivation(
    "PBKDF2",
    (algorithm) => ({
      hash: hashOf(required(algorithm, "hash")),
      iterations: enforced(required(algorithm, "iterations"), "the iterations"),
      salt: bytesOf(required(algorithm, "salt"), "the salt"),
    }),
    ({ hash, iterations, salt }, held, length) => {
      if (iterations === 0) throw fail("OperationError", "PBKDF2 iterates at least once");
      if (length === 0) return new Uint8Array(0);
      return sliced("PBKDF2", tools.natives("derivations").pbkdf2(hash, held.material, salt, iterations, length));
    },
  );

  const hkdf = derivation(
    "HKDF",
    (algorithm) => ({
      hash: hashOf(required(algorithm, "hash")),
      info: bytesOf(required(algorithm, "info"), "the info"),
      salt: bytesOf(required(algorithm, "salt"), "the salt"),
    }),
    ({ hash, salt, info }, held, length) =>
      done(tools.natives("derivations").hkdf(hash, held.material, salt, info, length), `HKDF cannot derive ${length} bytes with ${hash}`),
  );

  return { HMAC: hmac, PBKDF2: pbkdf2, HKDF: hkdf };
}
