// PBKDF2, HKDF and scrypt of node:crypto. What has a callback is computed in slices; what has none, at once.

export default function derivations(native, tools) {
  const { coded, outOfRange, mustBe } = tools.part("node/errors");
  const { strongDigestOf, plain, buffer } = tools.part("node/crypto/common");
  const { secretOf } = tools.part("node/crypto/keys");
  const { sliced } = tools.part("subtle/common");
  const natives = tools.natives("derivations");

  function atMost(max, name, value, least = 0) {
    mustBe("number", name, value);
    if (!(Number.isInteger(value) && value >= least && value <= max)) throw outOfRange(name, `an integer from ${least} to ${max}`, value);
    return value;
  }

  function work(password, salt, iterations, length, digest) {
    const name = strongDigestOf(digest, "PBKDF2");
    atMost(0xffffffff, "iterations", iterations, 1);
    atMost(natives.derivedBytesMax, "keylen", length);
    return natives.pbkdf2(name, plain(password, undefined, "password"), plain(salt, undefined, "salt"), iterations, length);
  }

  /** All slices at once. */
  function finished(slices) {
    for (;;) {
      const made = slices.run();
      if (made) return buffer(made);
    }
  }

  const pbkdf2Sync = (...given) => finished(work(...given));

  function pbkdf2(password, salt, iterations, length, digest, callback) {
    mustBe("function", "callback", callback);
    const slices = work(password, salt, iterations, length, digest);
    Promise.resolve(sliced("crypto.pbkdf2", slices)).then((made) => callback(null, buffer(made)), callback);
  }

  function hkdfSync(digest, key, salt, info, length) {
    const name = strongDigestOf(digest, "HKDF");
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

  // --- scrypt -----------------------------------------------------------------------------------------------

  const invalidParameters = (why) => coded(RangeError, "ERR_CRYPTO_INVALID_SCRYPT_PARAMS", `scrypt cannot have these parameters: ${why}`);

  /** Its table is of the isolate's own memory, and counts as that. */
  function table(password, salt, length, options) {
    const { cost = 16384, blockSize = 8, parallelization = 1, N = cost, r = blockSize, p = parallelization, maxmem = 32 * 1024 * 1024 } = options ?? {};
    atMost(natives.derivedBytesMax, "keylen", length);
    atMost(0xffffffff, "N", N);
    atMost(0xffffffff, "r", r);
    atMost(0xffffffff, "p", p);
    if (N < 2 || !Number.isInteger(Math.log2(N))) throw invalidParameters(`N must be a power of two and more than 1, and is ${N}`);
    if (r < 1 || p < 1 || 128 * r * p > natives.scryptBlockBytesMax) throw invalidParameters(`128 times r times p must be from 128 to ${natives.scryptBlockBytesMax}`);
    if (128 * N * r > maxmem) throw invalidParameters(`they need ${128 * N * r} bytes, and \`maxmem\` is ${maxmem}`);
    const derivation = natives.scrypt(plain(password, undefined, "password"), plain(salt, undefined, "salt"), N, r, p, length);
    const rows = new Uint8Array(128 * N * r);
    return { run: () => derivation.run(rows) };
  }

  const scryptSync = (password, salt, length, options = undefined) => finished(table(password, salt, length, options));

  function scrypt(password, salt, length, options, callback = options) {
    mustBe("function", "callback", callback);
    const slices = table(password, salt, length, callback === options ? undefined : options);
    Promise.resolve(sliced("crypto.scrypt", slices)).then((made) => callback(null, buffer(made)), callback);
  }

  return { pbkdf2, pbkdf2Sync, hkdf, hkdfSync, scrypt, scryptSync };
}
