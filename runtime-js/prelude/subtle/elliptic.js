// Elliptic curves for crypto.subtle: ECDSA and ECDH on the NIST curves, Ed25519, X25519.

export default function elliptic(native, tools) {
  const curves = tools.natives("curves");
  const digests = tools.natives("digest");
  const { makeKey, keyOf, required, checkUsages, hashOf, done, fail, fresh, truncated } = tools.part("subtle/common");
  const jwks = tools.part("subtle/jwk");

  const data = (made) => done(made, "the key is not one of this curve", "DataError");

  /** For each curve: the bytes of a number, those bits of its first byte that a scalar can have, and the name of its signatures. */
  const NIST = { __proto__: null, "P-256": [32, 0xff, "ES256"], "P-384": [48, 0xff, "ES384"], "P-521": [66, 0x01, "ES512"] };

  /** A family of keys: how one is made, and put into its formats. `curve` is undefined where the name says it. */
  function family(name, uses, { params, generated, publicOf, formats, use, algs, operations }) {
    const [privateUses, publicUses] = uses;
    const shown = (curve) => () => (NIST[curve] ? { name, namedCurve: curve } : { name });
    const privateKey = (curve, material, point, extractable, kept) =>
      makeKey({ type: "private", name, curve, extractable, uses: kept, material, point, shown: shown(curve) });
    const publicKey = (curve, point, extractable, kept) =>
      makeKey({ type: "public", name, curve, extractable, uses: kept, point, shown: shown(curve) });
    const withPublic = (curve, material, extractable, kept) =>
      privateKey(curve, material, data(publicOf(curve, material)), extractable, kept);
    const filtered = (given, allowed) => given.filter((usage) => allowed.includes(usage));

    function fromJwk(jwk, curve, extractable, given) {
      const isPrivate = jwk?.d !== undefined;
      checkUsages(given, isPrivate ? privateUses : publicUses, name);
      jwks.check(jwk, { kty: formats.kty, use, alg: algs?.(curve), extractable, usages: given });
      if (jwk.crv !== curve) throw jwks.bad(`is not of the curve ${curve}`);
      const point = data(formats.pointOfJwk(curve, jwk));
      if (!isPrivate) return publicKey(curve, point, extractable, given);
      const material = formats.scalarOfJwk(curve, jwks.bytes(jwk, "d"));
      const own = data(publicOf(curve, material));
      if (!digests.sameBytes(own, point)) throw jwks.bad("has a public part that is not that of its private one");
      return privateKey(curve, material, point, extractable, given);
    }

    return {
      name,
      params,
      generate({ curve = name }, extractable, given) {
        checkUsages(given, [...privateUses, ...publicUses], name);
        if (NIST[curve] === undefined && curve !== name) throw fail("NotSupportedError", `the curve ${curve} is not supported here`);
        const material = generated(curve);
        const key = withPublic(curve, material, extractable, filtered(given, privateUses));
        return { publicKey: publicKey(curve, data(publicOf(curve, material)), true, filtered(given, publicUses)), privateKey: key };
      },
      import(format, given, { curve = name }, extractable, kept) {
        if (NIST[curve] === undefined && curve !== name) throw fail("NotSupportedError", `the curve ${curve} is not supported here`);
        if (format === "jwk") return fromJwk(given, curve, extractable, kept);
        checkUsages(kept, format === "pkcs8" ? privateUses : publicUses, name);
        if (format === "pkcs8") return withPublic(curve, data(formats.fromPkcs8(curve, given)), extractable, kept);
        return publicKey(curve, data(format === "spki" ? formats.fromSpki(curve, given) : formats.fromRaw(curve, given)), extractable, kept);
      },
      export(format, held) {
        const { curve, material, point } = held;
        if (format === "jwk") {
          const d = held.type === "private" ? { d: jwks.text(material) } : {};
          return jwks.shown(held, { kty: formats.kty, crv: curve, ...formats.jwkOf(curve, point), ...d });
        }
        const needed = format === "pkcs8" ? "private" : "public";
        if (held.type !== needed) throw fail("InvalidAccessError", `the format ${format} is that of ${needed} keys`);
        if (format === "pkcs8") return done(formats.toPkcs8(curve, material), "the key cannot be exported");
        return format === "spki" ? done(formats.toSpki(curve, point), "the key cannot be exported") : new Uint8Array(point);
      },
      ...operations,
    };
  }

  // --- the NIST curves --------------------------------------------------------------------------------------

  const curveParams = (algorithm) => ({ curve: `${required(algorithm, "namedCurve")}` });

  function nist(name, uses, use, algs, params, operations) {
    return family(name, uses, {
      params: { generate: curveParams, import: curveParams, ...params },
      use,
      algs,
      generated(curve) {
        const [bytes, first] = NIST[curve];
        for (;;) {
          const scalar = fresh(bytes);
          scalar[0] &= first;
          if (curves.ecPublic(curve, scalar)) return scalar;
        }
      },
      publicOf: (curve, scalar) => curves.ecPublic(curve, scalar),
      formats: {
        kty: "EC",
        fromPkcs8: (curve, der) => curves.ecFromPkcs8(curve, der),
        fromSpki: (curve, der) => curves.ecFromSpki(curve, der),
        fromRaw: (curve, point) => curves.ecPoint(curve, point),
        toPkcs8: (curve, scalar) => curves.ecToPkcs8(curve, scalar),
        toSpki: (curve, point) => curves.ecToSpki(curve, point),
        scalarOfJwk(curve, d) {
          if (d.length !== NIST[curve][0]) throw jwks.bad("has a `d` of another length");
          return d;
        },
        pointOfJwk(curve, jwk) {
          const [x, y] = [jwks.bytes(jwk, "x"), jwks.bytes(jwk, "y")];
          const [bytes] = NIST[curve];
          if (x.length !== bytes || y.length !== bytes) throw jwks.bad("has coordinates of another length");
          return curves.ecPoint(curve, Uint8Array.of(4, ...x, ...y));
        },
        jwkOf(curve, point) {
          const [bytes] = NIST[curve];
          return { x: jwks.text(point.subarray(1, 1 + bytes)), y: jwks.text(point.subarray(1 + bytes)) };
        },
      },
      operations,
    });
  }

  const hashParams = (algorithm) => ({ hash: hashOf(required(algorithm, "hash")) });
  const ecdsa = nist("ECDSA", [["sign"], ["verify"]], "sig", (curve) => [NIST[curve][2]], { sign: hashParams, verify: hashParams }, {
    sign: ({ hash }, held, message) => done(curves.ecSign(held.curve, held.material, digests.digest(hash, message)), "ECDSA could not sign"),
    verify: ({ hash }, held, signature, message) => curves.ecVerify(held.curve, held.point, digests.digest(hash, message), signature),
  });

  /** The secret of two keys, or its first bits. */
  const agreement = (name, shared) => ({
    derive({ other }, held, bits) {
      if (held.type !== "private") throw fail("InvalidAccessError", `${name} derives from a private key`);
      if (other.type !== "public") throw fail("InvalidAccessError", `${name} derives with a public key`);
      if (other.name !== name || other.curve !== held.curve) throw fail("InvalidAccessError", "the keys are not of the same algorithm and curve");
      const secret = done(shared(held, other), `${name} could not derive`);
      if (bits === null) return secret;
      if (bits > secret.length * 8) throw fail("OperationError", `${name} derives ${secret.length * 8} bits, and not ${bits}`);
      return truncated(secret, bits);
    },
  });
  const peerParams = (algorithm) => ({ other: keyOf(required(algorithm, "public"), "`public`") });
  const DERIVES = [["deriveKey", "deriveBits"], []];

  const ecdh = nist("ECDH", DERIVES, "enc", undefined, { derive: peerParams },
    agreement("ECDH", (held, other) => curves.ecShared(held.curve, held.material, other.point)));

  // --- the curve 25519 --------------------------------------------------------------------------------------

  function okp(name, uses, use, algs, shown, publicOf, params, operations) {
    return family(name, uses, {
      params,
      use,
      algs,
      generated: () => fresh(32),
      publicOf: (curve, seed) => publicOf(seed),
      formats: {
        kty: "OKP",
        fromPkcs8: (curve, der) => curves.okpFromPkcs8(name, der),
        fromSpki: (curve, der) => curves.okpFromSpki(name, der),
        fromRaw: (curve, bytes) => (bytes.length === 32 ? bytes : undefined),
        toPkcs8: (curve, seed) => curves.okpToPkcs8(name, seed),
        toSpki: (curve, point) => curves.okpToSpki(name, point),
        scalarOfJwk: (curve, d) => d,
        pointOfJwk(curve, jwk) {
          const x = jwks.bytes(jwk, "x");
          return x.length === 32 ? x : undefined;
        },
        jwkOf: (curve, point) => ({ ...shown, x: jwks.text(point) }),
      },
      operations,
    });
  }

  const ed25519 = okp("Ed25519", [["sign"], ["verify"]], "sig", () => ["Ed25519", "EdDSA"], { alg: "Ed25519" }, (seed) => curves.edPublic(seed), {}, {
    sign: (given, held, message) => done(curves.edSign(held.material, message), "Ed25519 could not sign"),
    verify: (given, held, signature, message) => curves.edVerify(held.point, message, signature),
  });
  const x25519 = okp("X25519", DERIVES, "enc", undefined, {}, (seed) => curves.xPublic(seed), { derive: peerParams },
    agreement("X25519", (held, other) => curves.xShared(held.material, other.point)));

  return { ECDSA: ecdsa, ECDH: ecdh, ED25519: ed25519, X25519: x25519 };
}
