// The keys of node:crypto: secrets, and the halves of pairs (RSA, the NIST curves, Ed25519, X25519), from PEM, DER and JSON.

export default function keysModule(native, tools) {
  const { coded, wrongType, outOfRange, mustBe } = tools.part("node/errors");
  const { plain } = tools.part("node/crypto/common");
  const { KeyObject, heldOf, inside } = tools.part("node/crypto/key_object");
  const { Buffer } = tools.builtin("buffer");
  const curves = () => tools.natives("curves");
  const rsa = () => tools.natives("rsa");
  const NAMES = { "P-256": "prime256v1", "P-384": "secp384r1", "P-521": "secp521r1" };
  const NIST = Object.keys(NAMES);
  const OKP = ["Ed25519", "X25519"];
  const MEMBERS = ["n", "e", "d", "p", "q", "dp", "dq", "qi"];

  const invalid = (why) => coded(Error, "ERR_OSSL_UNSUPPORTED", `the key cannot be read: ${why}`);
  const unavailable = (what) => coded(Error, "ERR_FEATURE_UNAVAILABLE_ON_PLATFORM", `${what} is not available to processors`);

  const kindOf = ({ kind }) => (NIST.includes(kind) ? "ec" : kind?.toLowerCase());

  function detailsOf({ kind, type, der }) {
    if (NIST.includes(kind)) return { namedCurve: NAMES[kind] };
    if (kind !== "RSA") return type === "secret" ? undefined : {};
    const [n, e] = rsa().parts(der, type === "private");
    return { modulusLength: n.length * 8 - Math.clz32(n[0]) + 24, publicExponent: BigInt(`0x${e.toHex()}`) };
  }

  const material = (held) => held.bytes ?? held.der ?? held.secret ?? held.point;
  const same = (one, other) => other?.type === one.type && other.kind === one.kind && tools.natives("digest").sameBytes(material(other), material(one));

  // --- out ----------------------------------------------------------------------------------------------------

  const base64url = (bytes) => bytes.toBase64({ alphabet: "base64url", omitPadding: true });

  function jwk({ type, kind, bytes, der, secret, point }) {
    if (type === "secret") return { kty: "oct", k: base64url(bytes) };
    if (kind === "RSA") return { kty: "RSA", ...Object.fromEntries(rsa().parts(der, type === "private").map((part, at) => [MEMBERS[at], base64url(part)])) };
    const d = type === "private" ? { d: base64url(secret) } : {};
    if (OKP.includes(kind)) return { crv: kind, ...d, x: base64url(point), kty: "OKP" };
    const half = (point.length - 1) / 2;
    return { crv: kind, ...d, x: base64url(point.subarray(1, 1 + half)), y: base64url(point.subarray(1 + half)), kty: "EC" };
  }

  function derOf({ type, kind, der, secret, point }) {
    if (kind === "RSA") return der;
    if (OKP.includes(kind)) return type === "private" ? curves().okpToPkcs8(kind, secret) : curves().okpToSpki(kind, point);
    return type === "private" ? curves().ecToPkcs8(kind, secret) : curves().ecToSpki(kind, point);
  }

  function exported(held, { format, type, cipher }) {
    if (held.sealed) throw coded(Error, "ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE", "the key is one of a CryptoKey that may not be exported");
    if (format === "jwk") return jwk(held);
    if (held.type === "secret") return Buffer.from(held.bytes);
    const own = held.type === "private" ? "pkcs8" : "spki";
    if (cipher !== undefined) throw unavailable("an encrypted key");
    if (type !== own) throw unavailable(`a ${held.type} key as ${type}; export it as ${own}, which`);
    const der = derOf(held);
    if (format === "der") return Buffer.from(der);
    if (format !== "pem") throw coded(TypeError, "ERR_INVALID_ARG_VALUE", "`format` must be \"pem\", \"der\" or \"jwk\"");
    const label = held.type === "private" ? "PRIVATE KEY" : "PUBLIC KEY";
    return `-----BEGIN ${label}-----\n${der.toBase64().replace(/.{1,64}/g, "$&\n")}-----END ${label}-----\n`;
  }

  // --- in -----------------------------------------------------------------------------------------------------

  /** One value of DER: its tag, its length, and what it holds. */
  function tagged(tag, ...parts) {
    const bytes = parts.flatMap((part) => [...part]);
    const lengths = [];
    for (let left = bytes.length; left > 0; left = Math.floor(left / 256)) lengths.unshift(left % 256);
    return Uint8Array.from([tag, ...(bytes.length < 128 ? [bytes.length] : [0x80 | lengths.length, ...lengths]), ...bytes]);
  }
  const from = (hex) => Uint8Array.fromHex(hex);
  const RSA = from("300d06092a864886f70d0101010500");
  const CURVES = { "P-256": "06082a8648ce3d030107", "P-384": "06052b81040022", "P-521": "06052b81040023" };

  /** The older formats, which hold the key alone, in the newer ones. */
  function pkcs8Of(label, der) {
    if (label === "RSA PRIVATE KEY") return tagged(0x30, from("020100"), RSA, tagged(4, der));
    const text = der.toHex();
    const curve = NIST.find((name) => text.includes(CURVES[name]));
    if (!curve) throw invalid("it is not of the curve P-256, P-384 or P-521");
    return tagged(0x30, from("020100"), tagged(0x30, from("06072a8648ce3d0201"), from(CURVES[curve])), tagged(4, der));
  }

  /** The value of DER at a place: where it begins, where what it holds begins, and where it ends. */
  function valueAt(der, at) {
    const short = der[at + 1];
    const lengths = short < 0x80 ? 0 : short & 0x7f;
    let length = lengths === 0 ? short : 0;
    for (let n = 0; n < lengths; n += 1) length = length * 256 + der[at + 2 + n];
    const from = at + 2 + lengths;
    if (!(from + length <= der.length)) throw invalid("it is not whole");
    return { at, from, to: from + length };
  }

  /** Of a certificate the public key: that it is worth anything, nobody checks here. */
  function keyOfCertificate(der) {
    const inner = valueAt(der, valueAt(der, 0).from);
    // An explicit version; then the serial number, the algorithm, the issuer, the dates and the subject.
    let value = valueAt(der, inner.from);
    if (der[value.at] === 0xa0) value = valueAt(der, value.to);
    for (let n = 0; n < 5; n += 1) value = valueAt(der, value.to);
    return der.slice(value.at, value.to);
  }

  const pair = (kind, secret, point) => (secret && point ? { inside, kind, secret, point } : undefined);
  const half = (kind, point) => (point ? { inside, kind, point } : undefined);
  const first = (kinds, make) => kinds.reduce((found, kind) => found ?? make(kind), undefined);
  const publicPoint = (kind, secret) => (kind === "Ed25519" ? curves().edPublic(secret) : kind === "X25519" ? curves().xPublic(secret) : curves().ecPublic(kind, secret));
  const withPoint = (kind, secret) => pair(kind, secret, secret && publicPoint(kind, secret));

  function privateOf(der) {
    const found = rsa().fromPkcs8(der);
    if (found) return { inside, kind: "RSA", der: found };
    return first(NIST, (kind) => withPoint(kind, curves().ecFromPkcs8(kind, der))) ?? first(OKP, (kind) => withPoint(kind, curves().okpFromPkcs8(kind, der)));
  }

  function publicOf(der) {
    const found = rsa().fromSpki(der);
    if (found) return { inside, kind: "RSA", der: found };
    return first(NIST, (kind) => half(kind, curves().ecFromSpki(kind, der))) ?? first(OKP, (kind) => half(kind, curves().okpFromSpki(kind, der)));
  }

  function ofJwk(key) {
    const bytes = (member) => Uint8Array.fromBase64(String(key[member] ?? ""), { alphabet: "base64url" });
    const isPrivate = key.d !== undefined;
    if (key.kty === "RSA") {
      const der = rsa().fromParts((isPrivate ? MEMBERS : MEMBERS.slice(0, 2)).map(bytes));
      return { isPrivate, held: der ? { inside, kind: "RSA", der } : undefined };
    }
    const kind = key.crv;
    if (![...NIST, ...OKP].includes(kind)) throw invalid("it is of no known curve");
    if (isPrivate) return { isPrivate, held: withPoint(kind, bytes("d")) };
    return { isPrivate, held: half(kind, OKP.includes(kind) ? bytes("x") : curves().ecPoint(kind, Uint8Array.of(4, ...bytes("x"), ...bytes("y")))) };
  }

  function parsed(given) {
    const { key, format = undefined, type = undefined, encoding = undefined } = typeof given === "object" && !ArrayBuffer.isView(given) && "key" in given ? given : { key: given };
    if (format === "jwk") return ofJwk(key);
    const bytes = plain(key, encoding, "key");
    if (format === "der") {
      if (type === "spki") return { isPrivate: false, held: publicOf(bytes) };
      return { isPrivate: true, held: privateOf(type === "pkcs1" || type === "sec1" ? pkcs8Of(type === "pkcs1" ? "RSA PRIVATE KEY" : "EC PRIVATE KEY", bytes) : bytes) };
    }
    const found = /-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \1-----/.exec(new TextDecoder().decode(bytes));
    if (!found) throw invalid("it is not PEM");
    const [, label, text] = found;
    let der;
    try {
      der = Uint8Array.fromBase64(text);
    } catch {
      throw invalid("its PEM holds something else than base64");
    }
    if (label === "PUBLIC KEY") return { isPrivate: false, held: publicOf(der) };
    if (label === "RSA PUBLIC KEY") return { isPrivate: false, held: publicOf(tagged(0x30, RSA, tagged(3, [0], der))) };
    if (label === "PRIVATE KEY") return { isPrivate: true, held: privateOf(der) };
    if (label === "CERTIFICATE") return { isPrivate: false, held: publicOf(keyOfCertificate(der)) };
    if (label === "RSA PRIVATE KEY" || label === "EC PRIVATE KEY") return { isPrivate: true, held: privateOf(pkcs8Of(label, der)) };
    throw invalid(`processors know no ${label}`);
  }

  function read(given) {
    if (given === null || given === undefined || given.key === null) throw wrongType("key", "PEM, DER or a JSON web key", given);
    const { isPrivate, held } = parsed(given);
    if (!held) throw invalid("it is none of RSA, P-256, P-384, P-521, Ed25519 or X25519");
    return { isPrivate, held };
  }

  function createPrivateKey(given) {
    const { isPrivate, held } = read(given);
    if (!isPrivate) throw invalid("it is a public key");
    return new KeyObject("private", held);
  }

  function publicHalf(held) {
    if (held.kind === "RSA") return new KeyObject("public", { inside, kind: "RSA", der: rsa().publicOf(held.der) });
    return new KeyObject("public", half(held.kind, held.point));
  }

  /** Of a private key, its public half. */
  function createPublicKey(given) {
    const own = heldOf(given) ?? heldOf(given?.key);
    if (own?.type === "private") return publicHalf(own);
    if (own) throw coded(TypeError, "ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE", `a ${own.type} key is none to make a public key of`);
    const { isPrivate, held } = read(given);
    return isPrivate ? publicHalf(held) : new KeyObject("public", held);
  }

  /** What a function was given as a key of a pair: a key, or what one is made of, perhaps among options. */
  function asymmetricOf(given, needed) {
    const held = heldOf(given) ?? heldOf(given?.key) ?? heldOf(needed === "private" ? createPrivateKey(given) : createPublicKey(given));
    if (held.type === "private" && needed === "public") return heldOf(publicHalf(held));
    if (held.type !== needed) throw coded(TypeError, "ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE", `the key must be ${needed}, and is ${held.type}`);
    return held;
  }

  /** The bytes of a secret key. */
  function secretOf(key) {
    const held = heldOf(key);
    if (held && held.type !== "secret") throw coded(TypeError, "ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE", `the key must be secret, and is ${held.type}`);
    return held ? held.bytes : Uint8Array.from(plain(key, undefined, "key"));
  }

  function createSecretKey(key, encoding = undefined) {
    return new KeyObject("secret", typeof key === "string" ? Buffer.from(key, encoding) : key);
  }

  // --- generated ----------------------------------------------------------------------------------------------

  function rsaSearch({ modulusLength, publicExponent = 65537 }) {
    mustBe("number", "options.modulusLength", modulusLength);
    const { bitsMax } = rsa();
    if (!(modulusLength >= 512 && modulusLength <= bitsMax && modulusLength % 8 === 0)) throw outOfRange("options.modulusLength", `from 512 to ${bitsMax}, a multiple of 8`, modulusLength);
    if (!(publicExponent >= 3 && publicExponent <= 0xffffffff && publicExponent % 2 === 1)) throw outOfRange("options.publicExponent", "odd, and from 3 to 2^32", publicExponent);
    return rsa().search(modulusLength, Uint8Array.of(publicExponent >>> 24, publicExponent >>> 16, publicExponent >>> 8, publicExponent));
  }

  function found(search) {
    for (;;) {
      const der = search.run();
      if (der) return der;
      if (search.hopeless) throw coded(Error, "ERR_OSSL_FAILED", "there is no such key");
    }
  }

  const rsaKey = (der) => ({ inside, kind: "RSA", der });

  /** A curve by one of its names. */
  function curveOf(name) {
    const kind = NIST.find((known) => [known, NAMES[known]].includes(name) || (known === "P-256" && name === "secp256r1"));
    if (!kind) throw unavailable(`the curve ${String(name)}`);
    return kind;
  }

  /** A private key of a curve. */
  function freshScalar(kind) {
    for (;;) {
      const secret = tools.part("random").bytes({ "P-256": 32, "P-384": 48, "P-521": 66 }[kind]);
      if (kind === "P-521") secret[0] &= 1;
      if (publicPoint(kind, secret)) return secret;
    }
  }

  function generated(type, options) {
    mustBe("string", "type", type);
    if (type === "rsa") return rsaKey(found(rsaSearch(options)));
    if (type === "ec") {
      const kind = curveOf(options.namedCurve);
      return withPoint(kind, freshScalar(kind));
    }
    const kind = OKP.find((name) => name.toLowerCase() === type);
    if (!kind) throw unavailable(`a key of ${type}`);
    return withPoint(kind, tools.part("random").bytes(32));
  }

  function halves(held, options) {
    const shown = (key, encoding) => (encoding ? key.export(encoding) : key);
    return {
      publicKey: shown(publicHalf(held), options.publicKeyEncoding),
      privateKey: shown(new KeyObject("private", held), options.privateKeyEncoding),
    };
  }

  const generateKeyPairSync = (type, options = {}) => halves(generated(type, options), options);

  /** As `generateKeyPairSync`, but a key of RSA is looked for in slices. */
  async function generatedPair(type, options = {}) {
    if (type !== "rsa") return generateKeyPairSync(type, options);
    const der = await tools.part("subtle/common").sliced("crypto.generateKeyPair", rsaSearch(options));
    return halves(rsaKey(der), options);
  }

  function generateKeyPair(type, options, callback = undefined) {
    if (callback === undefined) return generateKeyPair(type, {}, options);
    mustBe("function", "callback", callback);
    generatedPair(type, options).then(({ publicKey, privateKey }) => callback(null, publicKey, privateKey), callback);
  }

  /** A secret key, of as many bits as are asked for. */
  function generateKeySync(type, options = {}) {
    const { length } = options ?? {};
    mustBe("number", "options.length", length);
    if (type === "aes" && ![128, 192, 256].includes(length)) throw outOfRange("options.length", "128, 192 or 256", length);
    if (type === "hmac" && !(length >= 8 && length <= 2 ** 31 - 1)) throw outOfRange("options.length", "from 8 to 2^31 - 1", length);
    if (type !== "aes" && type !== "hmac") throw unavailable(`a secret key of ${String(type)}`);
    return createSecretKey(tools.part("random").bytes(length >> 3));
  }

  function generateKey(type, options, callback) {
    mustBe("function", "callback", callback);
    const key = generateKeySync(type, options);
    queueMicrotask(() => callback(null, key));
  }

  /** The same key for node:crypto. What may not be exported there may not be here. */
  function ofCryptoKey(key) {
    const held = tools.loaded("subtle/common")?.heldOf(key);
    if (!held) throw wrongType("key", "a CryptoKey", key);
    const { type, material, extractable, name, curve } = held;
    const sealed = !extractable;
    if (type === "secret") return new KeyObject("secret", { inside, sealed, bytes: material });
    if (name.startsWith("RSA")) return new KeyObject(type, { inside, sealed, kind: "RSA", der: material });
        return new KeyObject(type, { inside, sealed, kind: curve ?? name, point: held.point, secret: type === "private" ? material : undefined });
  }

  return {
    kindOf, detailsOf, same, exported, createSecretKey, createPrivateKey, createPublicKey, generateKeyPair, generateKeyPairSync, generatedPair,
    asymmetricOf, secretOf, curveOf, freshScalar, generateKey, generateKeySync, ofCryptoKey,
  };
}
