// crypto.subtle, by vectors of the standards that define the algorithms, by round trips, and by what is refused.

//# AES: GCM with a vector of its specification, CBC, a counter that comes around, key wrapping (RFC 3394)
const from = (hex) => Uint8Array.fromHex(hex);
const hex = (buffer) => new Uint8Array(buffer).toHex();
const raw = (bytes, name, uses) => crypto.subtle.importKey("raw", bytes, name, true, uses);
const gcm = await raw(new Uint8Array(16), "AES-GCM", ["encrypt", "decrypt"]);
const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv: new Uint8Array(12) }, gcm, new Uint8Array(16));
console.log(hex(sealed));
console.log(hex(await crypto.subtle.decrypt({ name: "aes-gcm", iv: new Uint8Array(12) }, gcm, sealed)));
const broken = new Uint8Array(sealed);
broken[0] ^= 1;
await crypto.subtle.decrypt({ name: "AES-GCM", iv: new Uint8Array(12) }, gcm, broken).catch((e) => console.log(e.name));
const cbc = await raw(from("2b7e151628aed2a6abf7158809cf4f3c"), "AES-CBC", ["encrypt", "decrypt"]);
const iv = from("000102030405060708090a0b0c0d0e0f");
console.log(hex(await crypto.subtle.encrypt({ name: "AES-CBC", iv }, cbc, from("6bc1bee22e409f96e93d7e117393172a"))).slice(0, 32));
const ctr = await raw(new Uint8Array(32), "AES-CTR", ["encrypt", "decrypt"]);
const last = { name: "AES-CTR", counter: from("ff".repeat(16)), length: 64 };
const stream = await crypto.subtle.encrypt(last, ctr, new Uint8Array(32));
const first = await crypto.subtle.encrypt({ ...last, counter: from("ffffffffffffffff0000000000000000") }, ctr, new Uint8Array(16));
console.log(hex(stream).slice(32) === hex(first), hex(await crypto.subtle.decrypt(last, ctr, stream)) === "00".repeat(32));
const wrapping = await raw(from("000102030405060708090a0b0c0d0e0f"), "AES-KW", ["wrapKey", "unwrapKey"]);
const inner = await raw(from("00112233445566778899aabbccddeeff"), "AES-GCM", ["encrypt"]);
const wrapped = await crypto.subtle.wrapKey("raw", inner, wrapping, "AES-KW");
console.log(hex(wrapped));
const unwrapped = await crypto.subtle.unwrapKey("raw", wrapped, wrapping, "AES-KW", "AES-GCM", true, ["decrypt"]);
console.log(unwrapped.usages, hex(await crypto.subtle.exportKey("raw", unwrapped)));
//> 0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf
//> 00000000000000000000000000000000
//> OperationError
//> 7649abac8119b246cee98e9b12e9197d
//> true true
//> 1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5
//> ["decrypt"] 00112233445566778899aabbccddeeff

//# derivations: PBKDF2 (RFC 6070), HKDF (RFC 5869, case 1), and keys from them
const bytes = (text) => new TextEncoder().encode(text);
const hex = (buffer) => new Uint8Array(buffer).toHex();
const password = await crypto.subtle.importKey("raw", bytes("password"), "PBKDF2", false, ["deriveBits", "deriveKey"]);
const pbkdf2 = { name: "PBKDF2", hash: "SHA-1", salt: bytes("salt"), iterations: 4096 };
console.log(hex(await crypto.subtle.deriveBits(pbkdf2, password, 160)));
console.log(hex(await crypto.subtle.deriveBits({ ...pbkdf2, iterations: 2 }, password, 160)));
const long = await crypto.subtle.importKey("raw", bytes("passwordPASSWORDpassword"), "PBKDF2", false, ["deriveBits"]);
console.log(hex(await crypto.subtle.deriveBits({ ...pbkdf2, salt: bytes("saltSALTsaltSALTsaltSALTsaltSALTsalt") }, long, 200)));
const input = await crypto.subtle.importKey("raw", new Uint8Array(22).fill(0x0b), "HKDF", false, ["deriveBits"]);
const hkdf = { name: "HKDF", hash: "SHA-256", salt: Uint8Array.fromHex("000102030405060708090a0b0c"), info: Uint8Array.fromHex("f0f1f2f3f4f5f6f7f8f9") };
console.log(hex(await crypto.subtle.deriveBits(hkdf, input, 42 * 8)));
const key = await crypto.subtle.deriveKey(pbkdf2, password, { name: "AES-GCM", length: 256 }, false, ["encrypt"]);
console.log(key.algorithm, key.extractable, key.type);
const slow = await crypto.subtle.deriveBits({ ...pbkdf2, hash: "SHA-512", iterations: 100_000 }, password, 512);
console.log(slow.byteLength);
for (const wrong of [{ ...pbkdf2, iterations: 0 }, { ...pbkdf2, hash: "SHA-3" }, { name: "PBKDF2" }]) await crypto.subtle.deriveBits(wrong, password, 8).catch((e) => console.log(e.name));
//> 4b007901b765489abead49d926f721d065a429c1
//> ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957
//> 3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038
//> 3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865
//> { name: "AES-GCM", length: 256 } false secret
//> 64
//> OperationError
//> NotSupportedError
//> TypeError

//# curves: every one signs, agrees, and goes through every format
const data = new TextEncoder().encode("data");
const hex = (buffer) => new Uint8Array(buffer).toHex();
for (const namedCurve of ["P-256", "P-384", "P-521"]) {
  await new Promise((turn) => setTimeout(turn));
  const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve }, true, ["sign", "verify"]);
  const good = [];
  for (const hash of ["SHA-1", "SHA-256", "SHA-384", "SHA-512"]) {
    const signature = await crypto.subtle.sign({ name: "ECDSA", hash }, pair.privateKey, data);
    good.push(await crypto.subtle.verify({ name: "ECDSA", hash }, pair.publicKey, signature, data));
    good.push(await crypto.subtle.verify({ name: "ECDSA", hash }, pair.publicKey, signature, new Uint8Array(1)));
  }
  const ecdh = { name: "ECDH", namedCurve };
  const [a, b] = await Promise.all([0, 1].map(() => crypto.subtle.generateKey(ecdh, true, ["deriveBits"])));
  const shared = await crypto.subtle.deriveBits({ name: "ECDH", public: b.publicKey }, a.privateKey, null);
  const other = await crypto.subtle.deriveBits({ name: "ECDH", public: a.publicKey }, b.privateKey, null);
  const same = [];
  for (const [format, half, uses] of [["raw", "publicKey", []], ["spki", "publicKey", []], ["jwk", "publicKey", []], ["pkcs8", "privateKey", ["deriveBits"]], ["jwk", "privateKey", ["deriveBits"]]]) {
    const exported = await crypto.subtle.exportKey(format, a[half]);
    const again = await crypto.subtle.importKey(format, exported, ecdh, true, uses);
    const twice = await crypto.subtle.exportKey(format, again);
    same.push(format === "jwk" ? JSON.stringify(twice) === JSON.stringify(exported) : hex(twice) === hex(exported));
  }
  console.log(namedCurve, good.join(), hex(shared) === hex(other), shared.byteLength, same.join());
}
//> P-256 true,false,true,false,true,false,true,false true 32 true,true,true,true,true
//> P-384 true,false,true,false,true,false,true,false true 48 true,true,true,true,true
//> P-521 true,false,true,false,true,false,true,false true 66 true,true,true,true,true

//# Ed25519 (RFC 8032, test 2) and X25519 (RFC 7748)
const hex = (buffer) => new Uint8Array(buffer).toHex();
const okp = (crv, d, x) => ({ kty: "OKP", crv, d: Uint8Array.fromHex(d).toBase64({ alphabet: "base64url", omitPadding: true }), x: Uint8Array.fromHex(x).toBase64({ alphabet: "base64url", omitPadding: true }) });
const seed = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
const publicHex = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
const signer = await crypto.subtle.importKey("jwk", okp("Ed25519", seed, publicHex), "Ed25519", true, ["sign"]);
const signature = await crypto.subtle.sign("Ed25519", signer, Uint8Array.of(0x72));
console.log(hex(signature));
const verifier = await crypto.subtle.importKey("raw", Uint8Array.fromHex(publicHex), "Ed25519", true, ["verify"]);
console.log(await crypto.subtle.verify("Ed25519", verifier, signature, Uint8Array.of(0x72)), await crypto.subtle.verify("Ed25519", verifier, signature, Uint8Array.of(0x73)));
console.log(hex(await crypto.subtle.exportKey("pkcs8", signer)).slice(0, 32), hex(await crypto.subtle.exportKey("spki", verifier)).slice(0, 24));
await crypto.subtle.importKey("jwk", okp("Ed25519", seed, "00".repeat(32)), "Ed25519", true, ["sign"]).catch((e) => console.log(e.name));
const alice = await crypto.subtle.importKey("jwk", okp("X25519", "77076d0a7318a57d3c16c17251b26645df4c2f92ebc099f5b0e3e3c7e2b9a5c2", "00".repeat(32)), "X25519", true, ["deriveBits"]).catch((e) => e.name);
console.log(alice);
const pairs = await Promise.all([0, 1].map(() => crypto.subtle.generateKey("X25519", true, ["deriveBits"])));
const secrets = await Promise.all([0, 1].map((at) => crypto.subtle.deriveBits({ name: "X25519", public: pairs[1 - at].publicKey }, pairs[at].privateKey, 256)));
console.log(hex(secrets[0]) === hex(secrets[1]));
const zero = await crypto.subtle.importKey("raw", new Uint8Array(32), "X25519", true, []);
await crypto.subtle.deriveBits({ name: "X25519", public: zero }, pairs[0].privateKey, 256).catch((e) => console.log(e.name));
//> 92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00
//> true false
//> 302e020100300506032b657004220420 302a300506032b6570032100
//> DataError
//> DataError
//> true
//> OperationError

//# RSA: keys are made, sign, encrypt with any label, and go through every format
const data = new TextEncoder().encode("data");
const hex = (buffer) => new Uint8Array(buffer).toHex();
const rsa = { modulusLength: 1024, publicExponent: Uint8Array.of(1, 0, 1), hash: "SHA-256" };
for (const [name, extra] of [["RSASSA-PKCS1-v1_5", {}], ["RSA-PSS", { saltLength: 7 }]]) {
  const { publicKey, privateKey } = await crypto.subtle.generateKey({ name, ...rsa }, true, ["sign", "verify"]);
  const signature = await crypto.subtle.sign({ name, ...extra }, privateKey, data);
  const good = [await crypto.subtle.verify({ name, ...extra }, publicKey, signature, data), await crypto.subtle.verify({ name, ...extra }, publicKey, signature, new Uint8Array(1))];
  for (const [format, key] of [["spki", publicKey], ["jwk", publicKey], ["pkcs8", privateKey], ["jwk", privateKey]]) {
    const exported = await crypto.subtle.exportKey(format, key);
    const twice = await crypto.subtle.exportKey(format, await crypto.subtle.importKey(format, exported, { name, hash: "SHA-256" }, true, key.usages));
    good.push(format === "jwk" ? JSON.stringify(twice) === JSON.stringify(exported) : hex(twice) === hex(exported));
  }
  console.log(name, signature.byteLength, publicKey.algorithm.modulusLength, good.join());
}
const oaep = await crypto.subtle.generateKey({ name: "RSA-OAEP", ...rsa }, false, ["encrypt", "decrypt"]);
const label = Uint8Array.of(0xff, 0);
const encrypted = await crypto.subtle.encrypt({ name: "RSA-OAEP", label }, oaep.publicKey, data);
console.log(new TextDecoder().decode(await crypto.subtle.decrypt({ name: "RSA-OAEP", label }, oaep.privateKey, encrypted)));
await crypto.subtle.decrypt({ name: "RSA-OAEP" }, oaep.privateKey, encrypted).catch((e) => console.log(e.name));
await crypto.subtle.exportKey("pkcs8", oaep.privateKey).catch((e) => console.log(`${e.name}: ${e.message}`));
await crypto.subtle.generateKey({ name: "RSA-OAEP", ...rsa, modulusLength: 8192 }, false, ["decrypt"]).catch((e) => console.log(`${e.name}: ${e.message}`));
//> RSASSA-PKCS1-v1_5 128 1024 true,false,true,true,true,true
//> RSA-PSS 128 1024 true,false,true,true,true,true
//> data
//> OperationError
//> InvalidAccessError: this key cannot be exported
//> OperationError: a modulus has from 512 to 4096 bits, a multiple of 8, and not 8192

//# keys are for what they were made for, are copied whole, and do not show what they hold
const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 128 }, false, ["encrypt"]);
const copy = structuredClone({ key }).key;
console.log(copy instanceof CryptoKey, copy !== key, copy.usages, Object.keys(copy), JSON.stringify(copy));
key.usages.push("decrypt");
key.algorithm.name = "AES-CBC";
await crypto.subtle.decrypt({ name: "AES-GCM", iv: new Uint8Array(12) }, key, new Uint8Array(16)).catch((e) => console.log(e.name));
await crypto.subtle.encrypt({ name: "AES-CBC", iv: new Uint8Array(16) }, key, new Uint8Array(16)).catch((e) => console.log(e.name));
const { slice, set } = Uint8Array.prototype;
const seen = [];
Uint8Array.prototype.slice = function (...given) { seen.push(this); return slice.apply(this, given); };
Uint8Array.prototype.__proto__.set = function (...given) { seen.push(this); return set.apply(this, given); };
await crypto.subtle.encrypt({ name: "AES-GCM", iv: new Uint8Array(12) }, await crypto.subtle.generateKey({ name: "AES-GCM", length: 128 }, false, ["encrypt"]), new Uint8Array(1));
console.log(seen.length);
for (const uses of [["encrypt", "sign"], [], ["nonsense"]]) await crypto.subtle.generateKey({ name: "AES-GCM", length: 128 }, true, uses).catch((e) => console.log(e.name));
//> true true ["encrypt"] [] {}
//> InvalidAccessError
//> InvalidAccessError
//> 0
//> SyntaxError
//> SyntaxError
//> TypeError
