// Keys as JSON: what is checked of all of them.

export default function jsonWebKeys(native, tools) {
  const { fail } = tools.part("subtle/common");
  const { isObject } = tools.part("idl");
  const bad = (message) => fail("DataError", `the JSON web key ${message}`);

  /** Throws unless the key is of this kind, and may be used as it is to be. */
  function check(jwk, { kty, use, alg, extractable, usages }) {
    if (!isObject(jwk)) throw new TypeError("a JSON web key must be an object");
    if (jwk.kty !== kty) throw bad(`is not of kty ${JSON.stringify(kty)}`);
    if (alg !== undefined && jwk.alg !== undefined && !alg.includes(jwk.alg)) throw bad(`is for ${jwk.alg}, not for ${alg.join(" or ")}`);
    if (usages.length > 0 && jwk.use !== undefined && jwk.use !== use) throw bad(`is not of use ${JSON.stringify(use)}`);
    if (jwk.key_ops !== undefined) {
      const ops = [...jwk.key_ops].map(String);
      if (new Set(ops).size !== ops.length) throw bad("names an operation twice");
      const missing = usages.find((usage) => !ops.includes(usage));
      if (missing !== undefined) throw bad(`is not to be used to ${missing}`);
    }
    if (jwk.ext !== undefined && !jwk.ext && extractable) throw bad("may not be extractable");
  }

  function bytes(jwk, member) {
    if (typeof jwk[member] !== "string") throw bad(`has no \`${member}\``);
    try {
      return Uint8Array.fromBase64(jwk[member], { alphabet: "base64url" });
    } catch {
      throw bad(`has a \`${member}\` that is not base64url`);
    }
  }

  const text = (value) => value.toBase64({ alphabet: "base64url", omitPadding: true });
  const shown = (held, members) => ({ ...members, key_ops: [...held.uses], ext: held.extractable });

  return { check, bytes, text, shown, bad };
}
