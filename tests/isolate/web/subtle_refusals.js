// What crypto.subtle refuses, and by which name; and that no key, however it is broken, does more than that.

//# each refusal has the name that the standard gives it
const { subtle } = crypto;
const bytes = (length) => new Uint8Array(length);
const raw = (length, algorithm, uses, extractable = true) => subtle.importKey("raw", bytes(length), algorithm, extractable, uses);
const hmac = { name: "HMAC", hash: "SHA-256" };
const ecdsa = { name: "ECDSA", namedCurve: "P-256" };
const gcm = { name: "AES-GCM", iv: bytes(12) };
const aesKey = await raw(16, "AES-GCM", ["encrypt", "decrypt", "wrapKey"]);
const kept = await raw(16, "AES-GCM", ["encrypt"], false);
const signer = await subtle.generateKey(ecdsa, true, ["sign", "verify"]);
const agreeing = await subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, true, ["deriveBits"]);
const other = await subtle.generateKey({ name: "ECDH", namedCurve: "P-384" }, true, ["deriveBits"]);
const password = await raw(8, "PBKDF2", ["deriveBits"], false);
const hkdf = await raw(8, "HKDF", ["deriveBits", "deriveKey"], false);
const refusals = {
  "an unknown algorithm": () => subtle.importKey("raw", bytes(16), "AES-ECB", true, ["encrypt"]),
  "an operation that the algorithm has not": () => subtle.sign("AES-GCM", aesKey, bytes(1)),
  "no algorithm": () => subtle.encrypt({}, aesKey, bytes(1)),
  "too few arguments": () => subtle.encrypt(gcm, aesKey),
  "data that are no bytes": () => subtle.encrypt(gcm, aesKey, "text"),
  "a key that is none": () => subtle.encrypt(gcm, { type: "secret" }, bytes(1)),
  "an unknown format": () => subtle.importKey("pem", bytes(16), "AES-GCM", true, ["encrypt"]),
  "an unknown use": () => raw(16, "AES-GCM", ["seal"]),
  "a use that the algorithm has not": () => raw(16, "AES-GCM", ["sign"]),
  "a key without a use": () => raw(16, "AES-GCM", []),
  "a key of another length": () => raw(17, "AES-GCM", ["encrypt"]),
  "a generated key of another length": () => subtle.generateKey({ name: "AES-CBC", length: 100 }, true, ["encrypt"]),
  "a format that the algorithm has not": () => subtle.importKey("spki", bytes(16), "AES-GCM", true, ["encrypt"]),
  "a JSON web key as bytes": () => subtle.importKey("jwk", bytes(16), "AES-GCM", true, ["encrypt"]),
  "bytes as a JSON web key": () => subtle.importKey("raw", { kty: "oct" }, "AES-GCM", true, ["encrypt"]),
  "a JSON web key of another kind": () => subtle.importKey("jwk", { kty: "RSA" }, hmac, true, ["sign"]),
  "a JSON web key for another algorithm": () => subtle.importKey("jwk", { kty: "oct", k: "AAAA", alg: "HS512" }, hmac, true, ["sign"]),
  "a JSON web key that is not extractable": () => subtle.importKey("jwk", { kty: "oct", k: "AAAA", ext: false }, hmac, true, ["sign"]),
  "a JSON web key for another use": () => subtle.importKey("jwk", { kty: "oct", k: "AAAA", key_ops: ["verify"] }, hmac, true, ["sign"]),
  "HMAC without a digest": () => raw(8, "HMAC", ["sign"]),
  "an unknown digest": () => raw(8, { name: "HMAC", hash: "SHA-3" }, ["sign"]),
  "an empty key of HMAC": () => raw(0, hmac, ["sign"]),
  "an export of what is not extractable": () => subtle.exportKey("raw", kept),
  "an export of a derivation's key": () => subtle.exportKey("raw", password),
  "an extractable password": () => raw(8, "PBKDF2", ["deriveBits"]),
  "the wrong half's format": () => subtle.exportKey("pkcs8", signer.publicKey),
  "a use that the key has not": () => subtle.decrypt(gcm, kept, bytes(32)),
  "a key of another algorithm": () => subtle.encrypt({ name: "AES-CBC", iv: bytes(16) }, aesKey, bytes(1)),
  "signing with the public half": () => subtle.sign({ name: "ECDSA", hash: "SHA-256" }, signer.publicKey, bytes(1)),
  "an iv of another length": async () => subtle.encrypt({ name: "AES-CBC", iv: bytes(15) }, await raw(16, "AES-CBC", ["encrypt"]), bytes(1)),
  "a counter of no bits": async () => subtle.encrypt({ name: "AES-CTR", counter: bytes(16), length: 0 }, await raw(16, "AES-CTR", ["encrypt"]), bytes(1)),
  "more blocks than the counter counts": async () => subtle.encrypt({ name: "AES-CTR", counter: bytes(16), length: 1 }, await raw(16, "AES-CTR", ["encrypt"]), bytes(33)),
  "a padding that is none": async () => subtle.decrypt({ name: "AES-CBC", iv: bytes(16) }, await raw(16, "AES-CBC", ["decrypt"]), bytes(16)),
  "text shorter than a tag": () => subtle.decrypt(gcm, aesKey, bytes(15)),
  "an unknown curve": () => subtle.generateKey({ name: "ECDSA", namedCurve: "constructor" }, true, ["sign"]),
  "a point that is not on the curve": () => subtle.importKey("raw", bytes(65).fill(4), ecdsa, true, ["verify"]),
  "keys of two curves": () => subtle.deriveBits({ name: "ECDH", public: other.publicKey }, agreeing.privateKey, 256),
  "a private key as the other's": () => subtle.deriveBits({ name: "ECDH", public: agreeing.privateKey }, agreeing.privateKey, 256),
  "more bits than two keys share": () => subtle.deriveBits({ name: "ECDH", public: agreeing.publicKey }, agreeing.privateKey, 264),
  "a derivation of no length": () => subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt: bytes(1), info: bytes(1) }, hkdf, null),
  "more than HKDF derives": () => subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt: bytes(1), info: bytes(1) }, hkdf, 8 * 255 * 33),
  "a derived key of no length": () => subtle.deriveKey({ name: "HKDF", hash: "SHA-256", salt: bytes(1), info: bytes(1) }, hkdf, "AES-GCM", true, ["encrypt"]),
  "an even exponent": () => subtle.generateKey({ name: "RSA-PSS", hash: "SHA-256", modulusLength: 1024, publicExponent: Uint8Array.of(4) }, true, ["sign"]),
  "wrapping what is not extractable": () => subtle.wrapKey("raw", kept, aesKey, gcm),
  "a method of nothing": () => subtle.encrypt.call({}, gcm, aesKey, bytes(1)),
};
for (const [what, refused] of Object.entries(refusals)) console.log(`${what}: ${await refused().then(() => "done", (error) => `${error.name}${error instanceof DOMException || error instanceof TypeError ? "" : "?"}`)}`);
//> an unknown algorithm: NotSupportedError
//> an operation that the algorithm has not: NotSupportedError
//> no algorithm: TypeError
//> too few arguments: TypeError
//> data that are no bytes: TypeError
//> a key that is none: TypeError
//> an unknown format: TypeError
//> an unknown use: TypeError
//> a use that the algorithm has not: SyntaxError
//> a key without a use: SyntaxError
//> a key of another length: DataError
//> a generated key of another length: OperationError
//> a format that the algorithm has not: NotSupportedError
//> a JSON web key as bytes: TypeError
//> bytes as a JSON web key: TypeError
//> a JSON web key of another kind: DataError
//> a JSON web key for another algorithm: DataError
//> a JSON web key that is not extractable: DataError
//> a JSON web key for another use: DataError
//> HMAC without a digest: TypeError
//> an unknown digest: NotSupportedError
//> an empty key of HMAC: DataError
//> an export of what is not extractable: InvalidAccessError
//> an export of a derivation's key: NotSupportedError
//> an extractable password: SyntaxError
//> the wrong half's format: InvalidAccessError
//> a use that the key has not: InvalidAccessError
//> a key of another algorithm: InvalidAccessError
//> signing with the public half: InvalidAccessError
//> an iv of another length: OperationError
//> a counter of no bits: OperationError
//> more blocks than the counter counts: OperationError
//> a padding that is none: OperationError
//> text shorter than a tag: OperationError
//> an unknown curve: NotSupportedError
//> a point that is not on the curve: DataError
//> keys of two curves: InvalidAccessError
//> a private key as the other's: InvalidAccessError
//> more bits than two keys share: OperationError
//> a derivation of no length: OperationError
//> more than HKDF derives: OperationError
//> a derived key of no length: TypeError
//> an even exponent: OperationError
//> wrapping what is not extractable: InvalidAccessError
//> a method of nothing: TypeError

//# a key with any byte changed, or cut off anywhere, is taken or refused as data
const { subtle } = crypto;
const rsa = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
const kinds = [
  [rsa, { ...rsa, modulusLength: 512, publicExponent: Uint8Array.of(1, 0, 1) }, rsa],
  [{ name: "ECDSA", namedCurve: "P-256" }, { name: "ECDSA", namedCurve: "P-256" }, { name: "ECDSA", hash: "SHA-256" }],
  [{ name: "ECDSA", namedCurve: "P-384" }, { name: "ECDSA", namedCurve: "P-384" }, { name: "ECDSA", hash: "SHA-512" }],
  ["Ed25519", "Ed25519", "Ed25519"],
];
for (const [imports, generates, signs] of kinds) {
  const pair = await subtle.generateKey(generates, true, ["sign", "verify"]);
  const outcomes = new Set();
  for (const [format, key, use] of [["pkcs8", pair.privateKey, "sign"], ["spki", pair.publicKey, "verify"]]) {
    const whole = new Uint8Array(await subtle.exportKey(format, key));
    const tried = async (changed) => {
      try {
        const again = await subtle.importKey(format, changed, imports, true, [use]);
        await subtle.exportKey("jwk", again);
        if (use === "sign") await subtle.sign(signs, again, new Uint8Array(1));
        else await subtle.verify(signs, again, new Uint8Array(64), new Uint8Array(1));
      } catch (error) {
        outcomes.add(error.name);
      }
    };
    for (let at = 0; at < whole.length; at += 1) {
      if (at % 10 === 0) await new Promise((turn) => setTimeout(turn));
      for (const change of [1, 0x80]) {
        const changed = whole.slice();
        changed[at] ^= change;
        await tried(changed);
      }
      await tried(whole.slice(0, at));
    }
  }
  console.log(imports.name ?? imports, outcomes.has("DataError"), [...outcomes].filter((name) => name !== "DataError" && name !== "OperationError"));
}
//> RSASSA-PKCS1-v1_5 true []
//> ECDSA true []
//> ECDSA true []
//> Ed25519 true []

//# the numbers of a JSON web key may be anything
const { subtle } = crypto;
const pair = await subtle.generateKey({ name: "RSA-PSS", hash: "SHA-256", modulusLength: 512, publicExponent: Uint8Array.of(3) }, true, ["sign", "verify"]);
const whole = await subtle.exportKey("jwk", pair.privateKey);
const text = (...given) => Uint8Array.of(...given).toBase64({ alphabet: "base64url", omitPadding: true });
const outcomes = new Map();
for (const member of ["n", "e", "d", "p", "q", "dp", "dq", "qi"]) {
  for (const value of ["", text(0), text(1), text(2), text(3), text(255), whole.n, whole.p, whole.q, whole.d, "A".repeat(2_000_000), undefined, 7, "*"]) {
    if (value === whole[member]) continue;
    const outcome = await subtle.importKey("jwk", { ...whole, [member]: value }, { name: "RSA-PSS", hash: "SHA-256" }, true, ["sign"])
      .then((key) => subtle.sign({ name: "RSA-PSS", saltLength: 1 }, key, new Uint8Array(1)))
      .then(() => "signs", (error) => error.name);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
}
// Without `d` it is a public key, which is not to sign.
console.log([...outcomes.keys()].sort(), outcomes.get("SyntaxError"));
//> ["DataError", "SyntaxError"] 1
