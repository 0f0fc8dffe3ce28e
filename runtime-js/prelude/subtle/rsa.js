// RSA for crypto.subtle: RSASSA-PKCS1-v1_5, RSA-PSS, RSA-OAEP.

export default function rsaAlgorithms(native, tools) {
  const rsa = tools.natives("rsa");
  const digests = tools.natives("digest");
  const { makeKey, bytesOf, required, enforced, checkUsages, hashOf, digestBits, done, fail, fresh, sliced } = tools.part("subtle/common");
  const jwks = tools.part("subtle/jwk");
  const MEMBERS = ["n", "e", "d", "p", "q", "dp", "dq", "qi"];
  const nothing = new Uint8Array(0);

  function family(name, [privateUses, publicUses], use, jwkAlg, params, operations) {
    const imports = (algorithm) => ({ hash: hashOf(required(algorithm, "hash")) });

    function key(type, material, hash, extractable, uses) {
      const [n, e] = rsa.parts(material, type === "private");
      const modulusLength = n.length * 8 - Math.clz32(n[0]) + 24;
      const shown = () => ({ name, modulusLength, publicExponent: new Uint8Array(e), hash: { name: hash } });
      return makeKey({ type, name, hash, extractable, uses, material, modulusLength, shown });
    }
    const data = (made) => done(made, `the key is not one of RSA, or has more than ${rsa.bitsMax} bits`, "DataError");
    const filtered = (given, allowed) => given.filter((usage) => allowed.includes(usage));

    function fromJwk(jwk, hash, extractable, uses) {
      const isPrivate = jwk?.d !== undefined;
      checkUsages(uses, isPrivate ? privateUses : publicUses, name);
      jwks.check(jwk, { kty: "RSA", use, alg: [jwkAlg(hash)], extractable, usages: uses });
      if (jwk.oth !== undefined) throw fail("NotSupportedError", "keys of more than two primes are not supported here");
      const members = isPrivate ? MEMBERS : MEMBERS.slice(0, 2);
      const parts = members.map((member) => jwks.bytes(jwk, member));
      return key(isPrivate ? "private" : "public", data(rsa.fromParts(parts)), hash, extractable, uses);
    }

    return {
      name,
      params: {
        generate: (algorithm) => {
          const { hash } = imports(algorithm);
          const bits = enforced(required(algorithm, "modulusLength"), "the length of the modulus");
          const exponent = required(algorithm, "publicExponent");
          if (!(exponent instanceof Uint8Array)) throw new TypeError("the public exponent must be a Uint8Array");
          return { hash, bits, exponent: bytesOf(exponent, "the public exponent") };
        },
        import: imports,
        ...params,
      },
      async generate({ hash, bits, exponent }, extractable, uses) {
        checkUsages(uses, [...privateUses, ...publicUses], name);
        if (bits < 512 || bits > rsa.bitsMax || bits % 8 !== 0) throw fail("OperationError", `a modulus has from 512 to ${rsa.bitsMax} bits, a multiple of 8, and not ${bits}`);
        const value = exponent.reduce((sum, byte) => sum * 256 + byte, 0);
        if (value < 3 || value % 2 === 0 || value > 0xffffffff) throw fail("OperationError", "the public exponent must be odd, and from 3 to 2^32");
        if (filtered(uses, privateUses).length === 0) throw fail("SyntaxError", "a private key needs a use");
        const material = await sliced("generateKey", rsa.search(bits, exponent));
        return {
          publicKey: key("public", data(rsa.publicOf(material)), hash, true, filtered(uses, publicUses)),
          privateKey: key("private", material, hash, extractable, filtered(uses, privateUses)),
        };
      },
      import(format, given, { hash }, extractable, uses) {
        if (format === "jwk") return fromJwk(given, hash, extractable, uses);
        if (format === "raw") throw fail("NotSupportedError", `a key of ${name} has no format raw`);
        checkUsages(uses, format === "pkcs8" ? privateUses : publicUses, name);
        if (format === "spki") return key("public", data(rsa.fromSpki(given)), hash, extractable, uses);
        return key("private", data(rsa.fromPkcs8(given)), hash, extractable, uses);
      },
      export(format, held) {
        if (format === "jwk") {
          const parts = rsa.parts(held.material, held.type === "private");
          const numbers = Object.fromEntries(parts.map((part, at) => [MEMBERS[at], jwks.text(part)]));
          return jwks.shown(held, { kty: "RSA", alg: jwkAlg(held.hash), ...numbers });
        }
        if (format === "raw") throw fail("NotSupportedError", `a key of ${name} has no format raw`);
        const needed = format === "pkcs8" ? "private" : "public";
        if (held.type !== needed) throw fail("InvalidAccessError", `the format ${format} is that of ${needed} keys`);
        return new Uint8Array(held.material);
      },
      ...operations,
    };
  }

  const bits = (hash) => hash.slice("SHA-".length);

  /** With a salt it is PSS. */
  const signing = (name, saltOf) => ({
    sign(given, held, message) {
      const signature = rsa.sign(held.material, held.hash, saltOf(given), digests.digest(held.hash, message));
      return done(signature, `${name} could not sign: the key is too short for the digest and the salt`);
    },
    verify: (given, held, signature, message) =>
      rsa.verify(held.material, held.hash, saltOf(given), digests.digest(held.hash, message), signature),
  });

  const SIGNS = [["sign"], ["verify"]];
  const pkcs1 = family("RSASSA-PKCS1-v1_5", SIGNS, "sig", (hash) => `RS${bits(hash)}`, {}, signing("RSASSA-PKCS1-v1_5", () => undefined));

  const saltParams = (algorithm) => ({ salt: enforced(required(algorithm, "saltLength"), "the length of the salt") });
  const saltOf = ({ salt }) => {
    if (salt > rsa.bitsMax / 8) throw fail("OperationError", "the salt is longer than any signature");
    return salt;
  };
  const pss = family("RSA-PSS", SIGNS, "sig", (hash) => `PS${bits(hash)}`, { sign: saltParams, verify: saltParams }, signing("RSA-PSS", saltOf));

  const labelParams = (algorithm) => ({ label: algorithm.label === undefined ? nothing : bytesOf(algorithm.label, "the label") });
  const oaep = family(
    "RSA-OAEP", [["decrypt", "unwrapKey"], ["encrypt", "wrapKey"]], "enc",
    (hash) => (hash === "SHA-1" ? "RSA-OAEP" : `RSA-OAEP-${bits(hash)}`),
    { encrypt: labelParams, decrypt: labelParams },
    {
      encrypt({ label }, held, message) {
        if (held.type !== "public") throw fail("InvalidAccessError", "RSA-OAEP encrypts with a public key");
        const seed = fresh(digestBits(held.hash) / 8);
        return done(rsa.encrypt(held.material, held.hash, label, seed, message), "RSA-OAEP could not encrypt: the message is too long for the key");
      },
      decrypt({ label }, held, encrypted) {
        if (held.type !== "private") throw fail("InvalidAccessError", "RSA-OAEP decrypts with a private key");
        return done(rsa.decrypt(held.material, held.hash, label, encrypted), "RSA-OAEP could not decrypt");
      },
    },
  );

  return { "RSASSA-PKCS1-V1_5": pkcs1, "RSA-PSS": pss, "RSA-OAEP": oaep };
}
