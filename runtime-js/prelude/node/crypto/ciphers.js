// The ciphers of node:crypto: AES with 128, 192 and 256 bits, in the modes GCM, CBC and CTR. GCM and CTR give what was
// encrypted at once, since some throw away what their `final` gives; that of CBC is gathered, and given at the end.

export default function ciphersModule(native, tools) {
  const { coded, mustBe, wrongValue } = tools.part("node/errors");
  const { bytesOf, plain, encoded } = tools.part("node/crypto/common");
  const { secretOf } = tools.part("node/crypto/keys");
  const { Buffer } = tools.builtin("buffer");
  const { Transform } = tools.builtin("stream");
  const { StringDecoder } = tools.builtin("string_decoder");
  const natives = tools.natives("ciphers");
  const NAMES = [128, 192, 256].flatMap((bits) => ["gcm", "cbc", "ctr"].map((mode) => `aes-${bits}-${mode}`));
  const TAGS = [4, 8, 12, 13, 14, 15, 16];

  class Cipher extends Transform {
    #encrypts;
    #mode;
    #key;
    #iv;
    #tagLength;
    #tag;
    #chunks = [];
    #associated = [];
    #done = false;
    /** The block that the first byte is encrypted with, where bytes are encrypted one by one; and how many were. */
    #counter;
    #position = 0;
    #decoder;

    constructor(encrypts, name, key, iv, options = {}) {
      mustBe("string", "cipher", name);
      const found = NAMES.indexOf(name.toLowerCase());
      if (found < 0) throw coded(Error, "ERR_CRYPTO_UNKNOWN_CIPHER", `there is no cipher ${name}: processors have ${NAMES.join(", ")}`);
      super(options ?? {});
      const [, bits, mode] = NAMES[found].split("-");
      this.#encrypts = encrypts;
      this.#mode = mode;
      this.#key = secretOf(key);
      this.#iv = Uint8Array.from(plain(iv, undefined, "iv"));
      this.#tagLength = options?.authTagLength;
      if (this.#key.length * 8 !== Number(bits)) throw coded(RangeError, "ERR_CRYPTO_INVALID_KEYLEN", `the key of ${name} has ${bits / 8} bytes, and not ${this.#key.length}`);
      if (mode === "gcm" ? this.#iv.length === 0 : this.#iv.length !== 16) throw coded(TypeError, "ERR_CRYPTO_INVALID_IV", `the iv of ${name} cannot have ${this.#iv.length} bytes`);
      if (this.#tagLength !== undefined && !TAGS.includes(this.#tagLength)) throw wrongValue("authTagLength", this.#tagLength, `must be one of ${TAGS.join(", ")}`);
      if (mode === "ctr") this.#counter = this.#iv;
      // The block before this one is for the tag; an iv of another length is hashed first, in Rust.
      if (mode === "gcm" && this.#iv.length === 12) this.#counter = Uint8Array.of(...this.#iv, 0, 0, 0, 2);
    }

    #open() {
      if (this.#done) throw coded(Error, "ERR_CRYPTO_INVALID_STATE", "the cipher has come to its end already");
    }

    #whenGcm(what) {
      if (this.#mode !== "gcm") throw coded(Error, "ERR_CRYPTO_INVALID_STATE", `${what} is for GCM`);
    }

    update(data, inputEncoding = undefined, outputEncoding = undefined) {
      this.#open();
      const bytes = plain(data, inputEncoding);
      if (this.#mode !== "ctr") this.#chunks.push(Buffer.from(bytes));
      return this.#given(this.#counter ? this.#atOnce(bytes) : new Uint8Array(0), outputEncoding);
    }

    #atOnce(bytes) {
      const within = this.#position % 16;
      const bits = this.#mode === "gcm" ? 32 : 128;
      const counter = advanced(this.#counter, Math.floor(this.#position / 16), bits / 8);
      const padded = new Uint8Array(within + bytes.length);
      padded.set(bytes, within);
      this.#position += bytes.length;
      return natives.aesCtr(this.#key, counter, bits, padded).subarray(within);
    }

    /** In an encoding, what does not end with a whole character waits for the next bytes. */
    #given(bytes, encoding, last = false) {
      if (encoding === undefined || encoding === null || encoding === "buffer") return encoded(bytes, undefined);
      this.#decoder ??= new StringDecoder(encoding);
      return this.#decoder.write(encoded(bytes, undefined)) + (last ? this.#decoder.end() : "");
    }

    final(outputEncoding = undefined) {
      this.#open();
      this.#done = true;
      const made = this.#run(plain(Buffer.concat(this.#chunks.splice(0))));
      if (!made) {
        if (this.#mode === "gcm") throw new Error("Unsupported state or unable to authenticate data");
        throw coded(Error, "ERR_OSSL_BAD_DECRYPT", "the data, the key or the iv is not right");
      }
      return this.#given(this.#counter ? new Uint8Array(0) : made, outputEncoding, true);
    }

    #run(data) {
      if (this.#mode === "ctr") return data;
      if (this.#mode === "cbc") return natives.aesCbc(this.#key, this.#iv, data, this.#encrypts);
      const associated = plain(Buffer.concat(this.#associated));
      if (this.#encrypts) {
        const length = this.#tagLength ?? 16;
        const made = natives.aesGcm(this.#key, this.#iv, associated, length, data, true);
        this.#tag = made.subarray(made.length - length);
        return made.subarray(0, made.length - length);
      }
      if (!this.#tag) return undefined;
      return natives.aesGcm(this.#key, this.#iv, associated, this.#tag.length, plain(Buffer.concat([data, this.#tag])), false);
    }

    setAAD(data) {
      this.#open();
      this.#whenGcm("setAAD");
      this.#associated.push(Buffer.from(bytesOf(data)));
      return this;
    }

    getAuthTag() {
      this.#whenGcm("getAuthTag");
      if (!this.#encrypts || !this.#tag) throw coded(Error, "ERR_CRYPTO_INVALID_STATE", "the tag is there when the cipher has come to its end");
      return Buffer.from(this.#tag);
    }

    setAuthTag(tag, encoding = undefined) {
      this.#open();
      this.#whenGcm("setAuthTag");
      const bytes = Uint8Array.from(plain(tag, encoding, "tag"));
      if (this.#encrypts) throw coded(Error, "ERR_CRYPTO_INVALID_STATE", "setAuthTag is for what decrypts");
      if (!TAGS.includes(bytes.length) || bytes.length !== (this.#tagLength ?? bytes.length)) throw coded(TypeError, "ERR_CRYPTO_INVALID_AUTH_TAG", `a tag of ${bytes.length} bytes is not one of this cipher`);
      this.#tag = bytes;
      return this;
    }

    setAutoPadding(pads = true) {
      if (!pads) throw coded(Error, "ERR_FEATURE_UNAVAILABLE_ON_PLATFORM", "processors have CBC with padding only");
      return this;
    }

    _transform(chunk, encoding, callback) {
      this.update(chunk, encoding);
      callback();
    }

    _flush(callback) {
      try {
        this.push(this.final());
        callback();
      } catch (error) {
        callback(error);
      }
    }
  }

  /** A counter so many blocks later: the number in its last bytes. */
  function advanced(counter, blocks, bytes) {
    const later = new Uint8Array(counter);
    for (let at = 15, left = blocks; left > 0 && at >= 16 - bytes; at -= 1) {
      left += later[at];
      later[at] = left % 256;
      left = Math.floor(left / 256);
    }
    return later;
  }

  /** What a cipher is like; undefined when there is none, or none of such a key or iv. */
  function getCipherInfo(name, options = undefined) {
    const found = NAMES.find((known) => known === `${name}`.toLowerCase());
    if (!found) return undefined;
    const [, bits, mode] = found.split("-");
    const { keyLength = bits / 8, ivLength = mode === "gcm" ? 12 : 16 } = options ?? {};
    if (keyLength !== bits / 8 || (mode === "gcm" ? !(ivLength > 0) : ivLength !== 16)) return undefined;
    return { mode, name: found, ...(mode === "cbc" ? { blockSize: 16 } : {}), ivLength, keyLength };
  }

  return {
    getCipherInfo,
    names: NAMES,
    createCipheriv: (name, key, iv, options) => new Cipher(true, name, key, iv, options),
    createDecipheriv: (name, key, iv, options) => new Cipher(false, name, key, iv, options),
  };
}
