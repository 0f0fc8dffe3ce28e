// AES for crypto.subtle.

export default function aes(native, tools) {
  const ciphers = tools.natives("ciphers");
  const { makeKey, bytesOf, required, enforced, checkUsages, done, fail, fresh } = tools.part("subtle/common");
  const jwks = tools.part("subtle/jwk");
  const TAGS = [32, 64, 96, 104, 112, 120, 128];
  const LENGTHS = [128, 192, 256];

  function mode(name, usages, jwkMode, methods) {
    const key = (material, extractable, uses) => {
      const length = material.length * 8;
      return makeKey({ type: "secret", name, extractable, uses, material, length, shown: () => ({ name, length }) });
    };
    const lengthOf = (algorithm) => ({ length: enforced(required(algorithm, "length"), "the length of a key", 0xffff) });
    const checkLength = (length) => {
      if (!LENGTHS.includes(length)) throw fail("OperationError", `a key of AES has 128, 192 or 256 bits, and not ${length}`);
    };
    return {
      name,
      params: { generate: lengthOf, keyLength: lengthOf, ...methods.params },
      generate({ length }, extractable, uses) {
        checkUsages(uses, usages, name);
        checkLength(length);
        return key(fresh(length / 8), extractable, uses);
      },
      import(format, data, algorithm, extractable, uses) {
        checkUsages(uses, usages, name);
        if (format !== "raw" && format !== "jwk") throw fail("NotSupportedError", `a key of ${name} has no format ${format}`);
        let bytes = data;
        if (format === "jwk") {
          jwks.check(data, { kty: "oct", use: "enc", extractable, usages: uses });
          bytes = jwks.bytes(data, "k");
        }
        if (!LENGTHS.includes(bytes.length * 8)) throw fail("DataError", `a key of AES has 16, 24 or 32 bytes, and not ${bytes.length}`);
        if (format === "jwk" && data.alg !== undefined && data.alg !== `A${bytes.length * 8}${jwkMode}`) throw jwks.bad(`is for ${data.alg}`);
        return key(bytes, extractable, uses);
      },
      export(format, held) {
        if (format === "raw") return new Uint8Array(held.material);
        if (format !== "jwk") throw fail("NotSupportedError", `a key of ${name} has no format ${format}`);
        return jwks.shown(held, { kty: "oct", k: jwks.text(held.material), alg: `A${held.length}${jwkMode}` });
      },
      keyLength({ length }) {
        checkLength(length);
        return length;
      },
      ...methods.operations,
    };
  }

  /** A mode that encrypts, with the parameters of its one operation. */
  function encrypting(name, jwkMode, params, run) {
    return mode(name, ["encrypt", "decrypt", "wrapKey", "unwrapKey"], jwkMode, {
      params: { encrypt: params, decrypt: params },
      operations: {
        encrypt: (given, held, data) => done(run(given, held.material, data, true), `${name} could not encrypt`),
        decrypt: (given, held, data) => done(run(given, held.material, data, false), `${name} could not decrypt: the key, a parameter or the data is not right`),
      },
    });
  }

  function sixteen(bytes, what) {
    if (bytes.length !== 16) throw fail("OperationError", `${what} has 16 bytes, and not ${bytes.length}`);
    return bytes;
  }

  const cbc = encrypting(
    "AES-CBC", "CBC",
    (algorithm) => ({ iv: bytesOf(required(algorithm, "iv"), "the iv") }),
    ({ iv }, key, data, encrypts) => ciphers.aesCbc(key, sixteen(iv, "the iv"), data, encrypts),
  );

  const ctr = encrypting(
    "AES-CTR", "CTR",
    (algorithm) => ({ counter: bytesOf(required(algorithm, "counter"), "the counter"), length: enforced(required(algorithm, "length"), "the length of the counter", 0xff) }),
    ({ counter, length }, key, data) => {
      sixteen(counter, "the counter");
      if (length === 0 || length > 128) throw fail("OperationError", `a counter has 1 to 128 bits, and not ${length}`);
      return ciphers.aesCtr(key, counter, length, data);
    },
  );

  const gcm = encrypting(
    "AES-GCM", "GCM",
    (algorithm) => ({
      additional: algorithm.additionalData === undefined ? new Uint8Array(0) : bytesOf(algorithm.additionalData, "the additional data"),
      iv: bytesOf(required(algorithm, "iv"), "the iv"),
      tag: algorithm.tagLength === undefined ? 128 : enforced(algorithm.tagLength, "the length of the tag", 0xff),
    }),
    ({ additional, iv, tag }, key, data, encrypts) => {
      if (!TAGS.includes(tag)) throw fail("OperationError", `a tag has ${TAGS.join(", ")} bits, and not ${tag}`);
      return ciphers.aesGcm(key, iv, additional, tag / 8, data, encrypts);
    },
  );

  const kw = mode("AES-KW", ["wrapKey", "unwrapKey"], "KW", {
    params: {},
    operations: {
      wrap(given, held, data) {
        if (data.length % 8 !== 0 || data.length < 16) throw fail("OperationError", "AES-KW wraps multiples of 8 bytes, and at least 16");
        return done(ciphers.aesKw(held.material, data, true), "AES-KW could not wrap");
      },
      unwrap(given, held, data) {
        if (data.length % 8 !== 0 || data.length < 24) throw fail("OperationError", "what AES-KW wrapped has a multiple of 8 bytes");
        return done(ciphers.aesKw(held.material, data, false), "AES-KW could not unwrap: the key or the data is not right");
      },
    },
  });

  return { "AES-CBC": cbc, "AES-CTR": ctr, "AES-GCM": gcm, "AES-KW": kw };
}
