// crypto.subtle: the operations of the Web Cryptography standard, each by the part that has its algorithm. The work is
// Rust's.

export default function subtleCrypto(native, tools) {
  const digests = tools.natives("digest");
  const { expose, inside, closed, needs, promised, isObject } = tools.part("idl");
  const { CryptoKey, keyOf, isBytes, bytesOf, nameOf, hashOf, usagesOf, fail, copyOf } = tools.part("subtle/common");
  const { parse, stringify } = JSON;

  const PARTS = {
    "AES-CBC": "aes", "AES-CTR": "aes", "AES-GCM": "aes", "AES-KW": "aes",
    HMAC: "secrets", PBKDF2: "secrets", HKDF: "secrets",
    ECDSA: "elliptic", ECDH: "elliptic", ED25519: "elliptic", X25519: "elliptic",
    "RSASSA-PKCS1-V1_5": "rsa", "RSA-PSS": "rsa", "RSA-OAEP": "rsa",
  };
  const FORMATS = ["raw", "spki", "pkcs8", "jwk"];

  const algorithmOf = (name) => (Object.hasOwn(PARTS, name) ? tools.part(`subtle/${PARTS[name]}`)[name] : undefined);

  /** The algorithm that does the first of these operations, and the parameters that it takes for it. */
  function normalized(given, ...operations) {
    const name = nameOf(given);
    const algorithm = algorithmOf(name);
    const operation = operations.find((operation) => algorithm?.[operation]);
    if (!operation) throw fail("NotSupportedError", `${name} is not supported here, or cannot ${operations[0]}`);
    const raw = isObject(given) ? given : { name: given };
    return { algorithm, operation, params: algorithm.params?.[operation]?.(raw) ?? {} };
  }

  function formatOf(format) {
    const name = `${format}`;
    if (!FORMATS.includes(name)) throw new TypeError(`there is no format ${JSON.stringify(name)} of keys`);
    return name;
  }

  /** A key that is to be used so: of the algorithm, for the use, and of the right half of a pair. */
  function usable(held, { algorithm }, usage, type = held.type) {
    if (held.name !== algorithm.name) throw fail("InvalidAccessError", `the key is one of ${held.name}, and not of ${algorithm.name}`);
    if (!held.uses.includes(usage)) throw fail("InvalidAccessError", `the key is not to be used to ${usage}`);
    if (held.type !== type && held.type !== "secret") throw fail("InvalidAccessError", `${usage} takes the ${type} key`);
    return held;
  }

  function withUse(key) {
    const held = keyOf(key, "the key");
    if (held.type !== "public" && held.uses.length === 0) throw fail("SyntaxError", "a key needs a use");
    return key;
  }

  function imported(format, keyData, { algorithm, params }, extractable, uses) {
    return withUse(algorithm.import(format, keyData, params, extractable, uses));
  }

  function exported(format, held) {
    const algorithm = algorithmOf(held.name.toUpperCase());
    if (!algorithm.export) throw fail("NotSupportedError", `a key of ${held.name} cannot be exported`);
    if (!held.extractable) throw fail("InvalidAccessError", "this key cannot be exported");
    return algorithm.export(format, held);
  }

  /** How long a key of this kind is to be, in bits. */
  const keyLength = ({ algorithm, params }) => algorithm.keyLength(params);

  const buffer = async (bytes) => (await bytes).buffer;

  class SubtleCrypto {
    #brand = undefined;
    constructor(key) { closed(key, "SubtleCrypto"); }

    digest(algorithm, data) {
      return promised(() => {
        void this.#brand;
        needs(2, arguments, "digest");
        const bytes = bytesOf(data, "the data");
        return digests.digest(hashOf(algorithm), bytes).buffer;
      });
    }

    generateKey(algorithm, extractable, keyUsages) {
      return promised(async () => {
        void this.#brand;
        needs(3, arguments, "generateKey");
        const uses = usagesOf(keyUsages);
        const { algorithm: found, params } = normalized(algorithm, "generate");
        const made = await found.generate(params, Boolean(extractable), uses);
        withUse(made.privateKey ?? made);
        return made;
      });
    }

    importKey(format, keyData, algorithm, extractable, keyUsages) {
      return promised(() => {
        void this.#brand;
        needs(5, arguments, "importKey");
        const name = formatOf(format);
        const uses = usagesOf(keyUsages);
        if (!isObject(keyData)) throw new TypeError("the key must be a buffer, a view of one, or a JSON web key");
        const found = normalized(algorithm, "import");
        if (isBytes(keyData) === (name === "jwk")) throw new TypeError(name === "jwk" ? "a JSON web key must be an object" : "the key must be a buffer, or a view of one");
        return imported(name, name === "jwk" ? keyData : bytesOf(keyData, "the key"), found, Boolean(extractable), uses);
      });
    }

    exportKey(format, key) {
      return promised(() => {
        void this.#brand;
        needs(2, arguments, "exportKey");
        const made = exported(formatOf(format), keyOf(key, "the key"));
        return made instanceof Uint8Array ? made.buffer : made;
      });
    }

    encrypt(algorithm, key, data) {
      return promised(() => {
        void this.#brand;
        needs(3, arguments, "encrypt");
        const [held, bytes] = [keyOf(key, "the key"), bytesOf(data, "the data")];
        const found = normalized(algorithm, "encrypt");
        return buffer(found.algorithm.encrypt(found.params, usable(held, found, "encrypt"), bytes));
      });
    }

    decrypt(algorithm, key, data) {
      return promised(() => {
        void this.#brand;
        needs(3, arguments, "decrypt");
        const [held, bytes] = [keyOf(key, "the key"), bytesOf(data, "the data")];
        const found = normalized(algorithm, "decrypt");
        return buffer(found.algorithm.decrypt(found.params, usable(held, found, "decrypt"), bytes));
      });
    }

    sign(algorithm, key, data) {
      return promised(() => {
        void this.#brand;
        needs(3, arguments, "sign");
        const [held, bytes] = [keyOf(key, "the key"), bytesOf(data, "the data")];
        const found = normalized(algorithm, "sign");
        return buffer(found.algorithm.sign(found.params, usable(held, found, "sign", "private"), bytes));
      });
    }

    verify(algorithm, key, signature, data) {
      return promised(() => {
        void this.#brand;
        needs(4, arguments, "verify");
        const [held, signed, bytes] = [keyOf(key, "the key"), bytesOf(signature, "the signature"), bytesOf(data, "the data")];
        const found = normalized(algorithm, "verify");
        return found.algorithm.verify(found.params, usable(held, found, "verify", "public"), signed, bytes);
      });
    }

    deriveBits(algorithm, baseKey, length = null) {
      return promised(() => {
        void this.#brand;
        needs(2, arguments, "deriveBits");
        const held = keyOf(baseKey, "the key");
        const bits = length === null ? null : length >>> 0;
        const found = normalized(algorithm, "derive");
        return buffer(found.algorithm.derive(found.params, usable(held, found, "deriveBits"), bits));
      });
    }

    deriveKey(algorithm, baseKey, derivedKeyType, extractable, keyUsages) {
      return promised(async () => {
        void this.#brand;
        needs(5, arguments, "deriveKey");
        const held = keyOf(baseKey, "the key");
        const uses = usagesOf(keyUsages);
        const found = normalized(algorithm, "derive");
        const target = normalized(derivedKeyType, "import");
        const length = keyLength(normalized(derivedKeyType, "keyLength"));
        const secret = await found.algorithm.derive(found.params, usable(held, found, "deriveKey"), length);
        return imported("raw", secret, target, Boolean(extractable), uses);
      });
    }

    wrapKey(format, key, wrappingKey, wrapAlgorithm) {
      return promised(() => {
        void this.#brand;
        needs(4, arguments, "wrapKey");
        const name = formatOf(format);
        const [held, wrapping] = [keyOf(key, "the key"), keyOf(wrappingKey, "the wrapping key")];
        const found = normalized(wrapAlgorithm, "wrap", "encrypt");
        usable(wrapping, found, "wrapKey");
        const made = exported(name, held);
        const bytes = name === "jwk" ? tools.natives("text").utf8Encode(stringify(made)) : made;
        return buffer(found.algorithm[found.operation](found.params, wrapping, bytes));
      });
    }

    unwrapKey(format, wrappedKey, unwrappingKey, unwrapAlgorithm, unwrappedKeyAlgorithm, extractable, keyUsages) {
      return promised(async () => {
        void this.#brand;
        needs(7, arguments, "unwrapKey");
        const name = formatOf(format);
        const [bytes, unwrapping] = [bytesOf(wrappedKey, "the wrapped key"), keyOf(unwrappingKey, "the unwrapping key")];
        const uses = usagesOf(keyUsages);
        const found = normalized(unwrapAlgorithm, "unwrap", "decrypt");
        const target = normalized(unwrappedKeyAlgorithm, "import");
        usable(unwrapping, found, "unwrapKey");
        const made = await found.algorithm[found.operation](found.params, unwrapping, bytes);
        return imported(name, name === "jwk" ? jwkOf(made) : made, target, Boolean(extractable), uses);
      });
    }
  }

  function jwkOf(bytes) {
    try {
      return parse(tools.natives("text").utf8Decode(bytes));
    } catch {
      throw fail("DataError", "what was unwrapped is not JSON");
    }
  }

  expose(SubtleCrypto);
  Object.defineProperty(SubtleCrypto, "length", { value: 0, configurable: true });
  return { SubtleCrypto, CryptoKey, subtle: new SubtleCrypto(inside), copyOf };
}
