// KeyObject, which whoever imports node:crypto has; what it does is in keys.js, which is loaded when there is a key.

export default function keyObject(native, tools) {
  const { coded } = tools.part("node/errors");
  const { bytesOf } = tools.part("node/crypto/common");
  const keys = () => tools.part("node/crypto/keys");
  const inside = Symbol("inside");
  let heldOf;

  /** A key that is not shown unless it is asked for. */
  class KeyObject {
    #held;
    constructor(type, held) {
      if (type === "secret" && held?.inside !== inside) this.#held = { type, bytes: Uint8Array.from(bytesOf(held, undefined, "key")) };
      else if (held?.inside === inside) this.#held = { type, ...held };
      else throw coded(TypeError, "ERR_INVALID_ARG_VALUE", "keys are made by createPrivateKey, createPublicKey and createSecretKey");
    }
    static from(key) { return keys().ofCryptoKey(key); }
    static {
      heldOf = (value) => (typeof value === "object" && value !== null && #held in value ? value.#held : undefined);
    }
    get type() { return this.#held.type; }
    get symmetricKeySize() { return this.#held.bytes?.length; }
    get asymmetricKeyType() { return keys().kindOf(this.#held); }
    get asymmetricKeyDetails() { return keys().detailsOf(this.#held); }
    equals(other) { return keys().same(this.#held, heldOf(other)); }
    export(options = undefined) { return keys().exported(this.#held, options ?? {}); }
  }

  return { KeyObject, heldOf, inside };
}
