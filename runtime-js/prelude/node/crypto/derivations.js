// PBKDF2 and HKDF of node:crypto. What has a callback is computed in slices; what has none, at once.

export default function derivations(native, tools) {
  const { coded, outOfRange, mustBe } = tools.part("node/errors");
  const { digestOf, plain, buffer } = tools.part("node/crypto/common");
  const { secretOf } = tools.part("node/crypto/keys");
  const { sliced } = tools.part("subtle/common");
  const natives = tools.natives("derivations");

  function atMost(max, name, value, least = 0) {
    mustBe("number", name, value);
    if (!(Number.isInteger(value) && value >= least && value <= max)) throw outOfRange(name, `an integer from ${least} to ${max}`, value);
    return value;
  }

  function work(password, salt, iterations, length, digest) {
    const name = digestOf(digest);
    if (name === "MD5") throw coded(Error, "ERR_CRYPTO_INVALID_DIGEST", "there is no PBKDF2 with md5 here");
    atMost(0xffffffff, "iterations", iterations, 1);
    atMost(natives.derivedBytesMax, "keylen", length);
    return natives.pbkdf2(name, plain(password, undefined, "password"), plain(salt, undefined, "salt"), iterations, length);
  }

  function pbkdf2Sync(password, salt, iterations, length, digest) {
    const slices = work(password, salt, iterations, length, digest);
    for (;;) {
      const made = slices.run();
      if (made) return buffer(made);
    }
  }

  function pbkdf2(password, salt, iterations, length, digest, callback) {
    mustBe("function", "callback", callback);
    const slices = work(password, salt, iterations, length, digest);
    Promise.resolve(sliced("crypto.pbkdf2", slices)).then((made) => callback(null, buffer(made)), callback);
  }

  function hkdfSync(digest, key, salt, info, length) {
    const name = digestOf(digest);
    atMost(natives.derivedBytesMax, "keylen", length);
    const made = natives.hkdf(name, secretOf(key), plain(salt, undefined, "salt"), plain(info, undefined, "info"), length);
    if (!made) throw coded(RangeError, "ERR_CRYPTO_INVALID_KEYLEN", `HKDF cannot derive ${length} bytes with ${digest}`);
    return made.buffer;
  }

  function hkdf(digest, key, salt, info, length, callback) {
    mustBe("function", "callback", callback);
    const made = hkdfSync(digest, key, salt, info, length);
    queueMicrotask(() => callback(null, made));
  }

  return { pbkdf2, pbkdf2Sync, hkdf, hkdfSync };
}
