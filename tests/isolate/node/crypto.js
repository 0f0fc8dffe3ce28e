// Keys, signatures, ciphers and derivations of node:crypto; the figures are OpenSSL's (the RSA key is that of RFC 7515, A.2).

//# RSA: the older form of PEM, signatures, PSS, OAEP, and the form that GitHub's clients ask for
import crypto from "node:crypto";
import { promisify } from "node:util";
const pem = `
-----BEGIN RSA PRIVATE KEY-----
MIIEowIBAAKCAQEAofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd/wWJcyQoTbji9k0
l8W26mPddxHmfHQp+Vaw+4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL+yRT+SFd2lZS+pC
gNMsD1W/YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb/7OMg0LOL+bSf63kpaSHSX
ndS5z5rexMdbBYUsLA9e+KXBdQOS+UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uD
Zlxvb3qCo5ZwKh9kG4LT6/I5IhlJH7aGhyxXFvUK+DWNmoudF8NAco9/h9iaGNj8
q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQIDAQABAoIBABKucaRpzQorw35S
bEUAVx8dYXUdZOlJcHtiWQ+dC6V8ljxAHj/PLyzTveyI5QO/xkObCyjIL303l2cf
UhPu2MFaJdjVzqACXuOrLot/eSFvxjvqVidTtAZExqFRJ9mylUVAoLvhowVWmC1O
n95fZCXxTUtxNEG1Xcc7m0rtzJKs45J+N/V9DP1edYH6USyPSWGp6wuA+KgHRnKK
Vf9GRx80JQY7nVNkL17eHoTWEwga+lwi0FEoW9Y7lDtWXYmKBWhUE+U8PGxlJf8f
40493HDw1WRQ/aSLoS4QTp3rn7gYgeHEvfJdkkf0UMhlknlo53M09EFPdadQ4TlU
bjqKc50CgYEA4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH/5IB3jw3bcxGn6QLvnE
tfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw/Py5PJdTJNPY8cQn7ouZ2KKDcmnPG
BY5t7yLc1QlQ5xHdwW1VhvKn+nXqhJTBgIPgtldC+KDV5z+y2XDwGUcCgYEAuQPE
fgmVtjL0Uyyx88GZFF1fOunH3+7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYs
p1ZSe7zFYHj7C6ul7TjeLQeZD/YwD66t62wDmpe/HlB+TnBA+njbglfIsRLtXlnD
zQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdcCgYAHAp9XcCSrn8wVkMVkKdb7
DOX4IKjzdahm+ctDAJN4O/y7OW5FKebvUjdAIt2GuoTZ71iTG+7F0F+lP88jtjP4
U4qe7VHoewl4MKOfXZKTe+YCS1XbNvfgwJ3Ltyl1OH9hWvu2yza7q+d5PCsDzqtm
27kxuvULVeya+TEdAB1ijQKBgQCH/3r6YrVH/uCWGy6bzV1nGNOdjKc9tmkfOJmN
54dxdixdpozCQ6U4OxZrsj3FcOhHBsqAHvX2uuYjagqvo3cOj1TRqNocX40omfCC
Mx3bD1yPPf/6TI2XECva/ggqEY2mYzmIiA5LVVmc5nrybr+lssFKneeyxN2Wq93S
0iJMdQKBgCGHewxzoa1r8ZMD0LETNrToK423K377UCYqXfg5XMclbrjPbEC3YI1Z
NqMtuhdBJqUnBi6tjKMF+34Xf0CUN8ncuXGO2CAYvO8PdyCixHX52ybaDjy1FtCE
6yUXjoKNXKvUm7MWGsAYH6f4IegOetN5NvmUMFStCSkh7ixZLkN1
-----END RSA PRIVATE KEY-----
`;
console.log(crypto.createSign("RSA-SHA256").update("data").sign(pem, "base64"));
const key = crypto.createPrivateKey(pem);
console.log(key.type, key.asymmetricKeyType, key.asymmetricKeyDetails);
const again = key.export({ type: "pkcs8", format: "pem" });
console.log(again.slice(0, 27), crypto.createPrivateKey(again).equals(key), key.export({ format: "jwk" }).qi.slice(0, 8));
const publicKey = crypto.createPublicKey(again);
console.log(crypto.createVerify("sha256").update("da").update("ta").verify(publicKey, crypto.sign("sha256", Buffer.from("data"), key)), crypto.verify("sha256", Buffer.from("other"), publicKey, crypto.sign("sha256", Buffer.from("data"), key)));
const { RSA_PKCS1_PSS_PADDING: padding } = crypto.constants;
const salted = Buffer.from("Tj+Dx26S7fGBHs3JCAN08Y8yfhUwDZDNR8lyyWdAsL/0FBlbkQjyqriiu0RH2l8JntamY6S57jDWM9zNcPeTsHPzhaVAi/NKaP6uLRl5DV7BIFmIZ4eaYGg5TW2MFWio15FPt/DcOSorILpxZpKJdDLW3m0ddM5090FcxBNZpu4SWkAQQ5UA25q88UnNG/7tC8wxc/lHkolWWcpsrs/QICiUnrQzYTDVzY7wpGUTrdb399ZZ1/espEm1FJLR22y0dIvN9DsP3pVyF689wnrXrCs8q7TOwNLzmRBFaWDCqjG7XPLtEHwcXtrkMx5w0GCBMJ1rTtvurg4RnIoquSXeTw==", "base64");
console.log(crypto.verify("sha256", Buffer.from("data"), { key: publicKey, padding }, salted), crypto.verify("sha256", Buffer.from("data"), publicKey, salted), crypto.verify("sha256", Buffer.from("data"), { key: publicKey, padding }, crypto.sign("sha256", Buffer.from("data"), { key, padding, saltLength: 32 })));
console.log(crypto.privateDecrypt(key, Buffer.from("IQ/neXaZC4JvY4hNYmcY9kOSaPqoHryXRgTdzXwKH/ZNKHb19EVrdQxr6Xs8Q8jFzfNgf8YsKScNustDbR/wdAqMEbzDvHPbEZCnpqmpVkmnNmm6aS6FZeS0/HSrZEKWmRwXZ+SYOcEbLiW1OjSWQ4N2zoa7yRbMabK1ORTj78vjPBfruzVrfp8Z6sepfxISGJDHwjmBSjateiDpbzoou4XOkbT6jap/Hab+3Cwfr9paW7DFIl9mgD3xCqMTSii5LwbMpWvdjtDFw5AIdeB4lgftgGcXaUfMbvbCZ2399RNeWHRk4aK32Uns8oD30uq4tCDR6KTsJABVIxoX7jvMyg==", "base64")).toString(), crypto.privateDecrypt({ key, oaepHash: "sha256" }, crypto.publicEncrypt({ key: publicKey, oaepHash: "sha256" }, Buffer.from("back"))).toString());
const pair = crypto.generateKeyPairSync("rsa", { modulusLength: 1024, publicKeyEncoding: { type: "spki", format: "der" } });
console.log(pair.publicKey instanceof Buffer, pair.privateKey.asymmetricKeyDetails.modulusLength);
const later = await new Promise((resolve, reject) => crypto.generateKeyPair("rsa", { modulusLength: 1024 }, (error, ...halves) => (error ? reject(error) : resolve(halves))));
const promised = await promisify(crypto.generateKeyPair)("ed25519");
console.log(later.map((half) => half.type), promised.publicKey.asymmetricKeyType);
for (const wrong of ["", "not a key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", undefined]) try { crypto.createPrivateKey(wrong); } catch (e) { console.log(e.code); }
//> Ro8rLyDrWnwHM2IYL8797AvAL9oy/2UpdhG/6nUdT1W1kNvE3Juzbp0kRODfEnEo5VEWWINc6aOJsPkWSj7bHdrESi/yMIc3G7tqYzKV3sOMrTTEyZHj7d3IGX2GD3HTz9J1MvXo0vEoMiqLvhstk7GoUFdnZNkK71RSZFcDKn3XBdpxey6Sus6fYoGRnJ/SzWjhDdLqc2E0z0OHGxBNHMo3+Y1lNPBALsveRWSTjGVSoigcSII3wKoNH1QC4h0IDjdLxChgqXBL+FW1pxChODvPIFeZmIp2kMeknwMUyOPj3En6mlSKtm3j0fpK1DuUsWXOOsQ5XAk4kMoyH3Axsg==
//> private rsa { modulusLength: 2048, publicExponent: 65537n }
//> -----BEGIN PRIVATE KEY----- true IYd7DHOh
//> true false
//> true false true
//> a secret back
//> true 1024
//> ["public", "private"] ed25519
//> ERR_OSSL_UNSUPPORTED
//> ERR_OSSL_UNSUPPORTED
//> ERR_OSSL_UNSUPPORTED
//> ERR_INVALID_ARG_TYPE

//# curves: signatures in DER and of a fixed length
import crypto from "node:crypto";
const data = Buffer.from("data");
const pem = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeu+EII0hV2CORQBIBjIuJf4f6ZDt
aaCBGcFbrnRw5x70dMOdZhnL18bUIMZ/2DB4ixEXAUkR3FNw0TloxyEsPA==
-----END PUBLIC KEY-----`;
const signature = Buffer.from("30440220617e05e94ec316769fe3eec63deb10b46b3df1e4539535b82c83ed173c68e17c02207fbebd846f49067ef990a856aede4d5ae1b5ab2d54ecf03c01e89069a1c67bc3", "hex");
console.log(crypto.verify("sha256", data, pem, signature), crypto.verify("sha256", Buffer.from("x"), pem, signature), crypto.verify("sha256", data, pem, signature.subarray(1)));
const key = crypto.createPrivateKey(`-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIBCPu8TOQHb/VAfl6VolMFaqYzS/u9tRJcZxjnZbSQBEoAoGCCqGSM49
AwEHoUQDQgAEeu+EII0hV2CORQBIBjIuJf4f6ZDtaaCBGcFbrnRw5x70dMOdZhnL
18bUIMZ/2DB4ixEXAUkR3FNw0TloxyEsPA==
-----END EC PRIVATE KEY-----`);
console.log(key.asymmetricKeyType, key.asymmetricKeyDetails.namedCurve, crypto.verify("sha256", data, pem, crypto.sign("sha256", data, key)));
const good = [];
for (const namedCurve of crypto.getCurves()) {
  await new Promise((turn) => setTimeout(turn));
  const { publicKey, privateKey } = crypto.generateKeyPairSync("ec", { namedCurve });
  for (let n = 0; n < 8; n += 1) good.push(crypto.verify("sha512", data, publicKey, crypto.sign("sha512", data, privateKey)));
  const fixed = crypto.sign("sha384", data, { key: privateKey, dsaEncoding: "ieee-p1363" });
  good.push(crypto.verify("sha384", data, { key: publicKey, dsaEncoding: "ieee-p1363" }, fixed), crypto.createPublicKey({ key: publicKey.export({ format: "jwk" }), format: "jwk" }).equals(publicKey));
}
console.log(good.length, good.every(Boolean));
const ed = crypto.createPrivateKey(`-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIHGmtfXglI3w/2XGpYYUFoqOGfZDjp6BrQRvA/gRVdAk
-----END PRIVATE KEY-----`);
console.log(crypto.sign(null, data, ed).toString("hex") === "bad1931588950f544fab0f9a48a491262f675107204c8d5efd1430df5d560b57e3ef0b39110490cda89413157c02846fa10e0dfb28d0c1830c7b96d24a1e260c", crypto.verify(null, data, crypto.createPublicKey(ed), Buffer.from("bad1931588950f544fab0f9a48a491262f675107204c8d5efd1430df5d560b57e3ef0b39110490cda89413157c02846fa10e0dfb28d0c1830c7b96d24a1e260c", "hex")));
//> true false false
//> ec prime256v1 true
//> 30 true
//> true true

//# ciphers, and derivations
import crypto from "node:crypto";
const cipher = crypto.createCipheriv("aes-256-gcm", Buffer.alloc(32, 7), Buffer.alloc(12, 1)).setAAD(Buffer.from("aad"));
console.log(cipher.update("te", "utf8", "hex") + cipher.update("xt", "utf8", "hex") + cipher.final("hex"), cipher.getAuthTag().toString("hex"));
const open = (tag) => {
  const decipher = crypto.createDecipheriv("AES-256-GCM", Buffer.alloc(32, 7), Buffer.alloc(12, 1)).setAAD(Buffer.from("aad")).setAuthTag(Buffer.from(tag, "hex"));
  return Buffer.concat([decipher.update("0284f1c3", "hex"), decipher.final()]).toString();
};
console.log(open("00f9a3577aedca930487e057441821c4"));
try { open("00000000000000000000000000000000"); } catch (e) { console.log(e.message); }
const cbc = crypto.createCipheriv("aes-128-cbc", Buffer.alloc(16, 7), Buffer.alloc(16, 1));
console.log(cbc.update("text", "utf8", "base64") + cbc.final("base64"));
const ctr = () => crypto.createCipheriv("aes-192-ctr", crypto.createSecretKey(Buffer.alloc(24, 7)), Buffer.alloc(16, 255));
const stream = ctr();
const there = Buffer.concat([stream.update("there"), stream.final()]);
const back = ctr();
console.log(Buffer.concat([back.update(there), back.final()]).toString());
for (const wrong of [["aes-128-gcm", Buffer.alloc(15), Buffer.alloc(12)], ["aes-128-cbc", Buffer.alloc(16), Buffer.alloc(12)], ["des", Buffer.alloc(8), Buffer.alloc(8)]]) try { crypto.createCipheriv(...wrong); } catch (e) { console.log(e.code); }
console.log(crypto.pbkdf2Sync("password", "salt", 1000, 32, "sha512").toString("hex"));
console.log(await new Promise((resolve, reject) => crypto.pbkdf2("password", "salt", 100_000, 8, "sha256", (error, made) => (error ? reject(error) : resolve(made.length)))));
console.log(Buffer.from(crypto.hkdfSync("sha256", "key", "salt", "info", 32)).toString("hex"));
//> 0284f1c3 00f9a3577aedca930487e057441821c4
//> text
//> Unsupported state or unable to authenticate data
//> p16r6RevGRqwsuBwn9FJpw==
//> there
//> ERR_CRYPTO_INVALID_KEYLEN
//> ERR_CRYPTO_INVALID_IV
//> ERR_CRYPTO_UNKNOWN_CIPHER
//> afe6c5530785b6cc6b1c6453384731bd5ee432ee549fd42fb6695779ad8a1c5b
//> 8
//> 9ca0d662557439e3b83365f2da4626d35da195c6d9d1779f09838cf9e408966e

//# scrypt: the figures of RFC 7914, with a callback in slices, and what it cannot have
import crypto from "node:crypto";
import { promisify } from "node:util";
console.log(crypto.scryptSync("", "", 64, { N: 16, r: 1, p: 1 }).toString("hex"));
console.log((await promisify(crypto.scrypt)("password", "NaCl", 64, { cost: 128, blockSize: 8, parallelization: 3 })).toString("hex").slice(0, 32));
console.log((await promisify(crypto.scrypt)("password", Buffer.from("salt"), 16, { N: 1024, r: 1 })).toString("hex"));
for (const options of [{ N: 3 }, { N: 1 }, { r: 0 }, { N: 2 ** 20 }, { p: 2 ** 20 }]) {
  try { crypto.scryptSync("", "", 1, options); } catch (e) { console.log(e.code, e.message); }
}
try { crypto.scryptSync("", "", 1e9); } catch (e) { console.log(e.code); }
//> 77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906
//> 5ff825ba97e6776135e2f82a66965553
//> ef5fbdcf3c25403ea9e7e547b2811174
//> ERR_CRYPTO_INVALID_SCRYPT_PARAMS scrypt cannot have these parameters: N must be a power of two and more than 1, and is 3
//> ERR_CRYPTO_INVALID_SCRYPT_PARAMS scrypt cannot have these parameters: N must be a power of two and more than 1, and is 1
//> ERR_CRYPTO_INVALID_SCRYPT_PARAMS scrypt cannot have these parameters: 128 times r times p must be from 128 to 1048576
//> ERR_CRYPTO_INVALID_SCRYPT_PARAMS scrypt cannot have these parameters: they need 1073741824 bytes, and `maxmem` is 33554432
//> ERR_CRYPTO_INVALID_SCRYPT_PARAMS scrypt cannot have these parameters: 128 times r times p must be from 128 to 1048576
//> ERR_OUT_OF_RANGE

//# ECDH: the forms of a point, and the secret that both sides have
import crypto, { createECDH, ECDH } from "node:crypto";
const [one, other] = [createECDH("prime256v1"), createECDH("P-256")];
one.setPrivateKey("0000000000000000000000000000000000000000000000000000000000000007", "hex");
other.setPrivateKey(Buffer.from([9]));
console.log(one.getPublicKey("hex", "compressed"), one.getPublicKey("hex", "hybrid").slice(0, 4), one.getPublicKey().length);
console.log(one.computeSecret(other.getPublicKey(null, "compressed"), undefined, "hex"));
console.log(other.computeSecret(one.getPublicKey("base64", "hybrid"), "base64").equals(one.computeSecret(other.getPublicKey())), one instanceof ECDH);
console.log(ECDH.convertKey(one.getPublicKey("hex", "compressed"), "prime256v1", "hex", "hex", "uncompressed") === one.getPublicKey("hex"));
for (const name of crypto.getCurves()) {
  const [a, b] = [createECDH(name), createECDH(name)];
  console.log(a.generateKeys().length, a.computeSecret(b.generateKeys()).equals(b.computeSecret(a.getPublicKey())));
}
for (const wrong of [() => createECDH("nope"), () => createECDH("prime256v1").getPublicKey(), () => one.computeSecret(Buffer.alloc(65, 4)), () => one.getPublicKey("hex", "nope"), () => one.setPrivateKey(Buffer.alloc(32))]) {
  try { wrong(); } catch (e) { console.log(e.code); }
}
//> 028e533b6fa0bf7b4625bb30667c01fb607ef9f8b8a80fef5b300628703187b2a3 068e 65
//> 6a9501d85bf5dc802a1f28a08acc7d8fdf53c8af01a7cd3832a290825d8bdac1
//> true true
//> true
//> 65 true
//> 97 true
//> 133 true
//> ERR_FEATURE_UNAVAILABLE_ON_PLATFORM
//> ERR_CRYPTO_ECDH_INVALID_KEY
//> ERR_CRYPTO_ECDH_INVALID_PUBLIC_KEY
//> ERR_CRYPTO_ECDH_INVALID_FORMAT
//> ERR_CRYPTO_INVALID_KEYTYPE

//# diffieHellman on two keys of one curve; secret keys that are generated; keys of crypto.subtle
import crypto, { diffieHellman, generateKeyPairSync, generateKeySync, KeyObject } from "node:crypto";
for (const [type, options] of [["x25519", {}], ["ec", { namedCurve: "P-384" }]]) {
  const [one, other] = [generateKeyPairSync(type, options), generateKeyPairSync(type, options)];
  const secret = diffieHellman({ privateKey: one.privateKey, publicKey: other.publicKey });
  console.log(secret.length, secret.equals(diffieHellman({ privateKey: other.privateKey, publicKey: one.publicKey })));
}
try { diffieHellman({ privateKey: generateKeyPairSync("x25519").privateKey, publicKey: generateKeyPairSync("ed25519").publicKey }); } catch (e) { console.log(e.code); }
console.log(generateKeySync("aes", { length: 256 }).symmetricKeySize, generateKeySync("hmac", { length: 100 }).symmetricKeySize);
console.log((await new Promise((done) => crypto.generateKey("aes", { length: 128 }, (error, key) => done(key)))).type);
const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
const signed = crypto.sign("sha256", Buffer.from("x"), { key: KeyObject.from(pair.privateKey), dsaEncoding: "ieee-p1363" });
console.log(await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, pair.publicKey, signed, Buffer.from("x")));
console.log(KeyObject.from(pair.publicKey).export({ format: "jwk" }).crv, KeyObject.from(await crypto.subtle.importKey("raw", Buffer.from("key"), { name: "HMAC", hash: "SHA-256" }, true, ["sign"])).export().toString());
for (const wrong of [() => KeyObject.from(pair.privateKey).export({ format: "jwk" }), () => KeyObject.from({}), () => generateKeySync("aes", { length: 100 })]) {
  try { wrong(); } catch (e) { console.log(e.code); }
}
//> 32 true
//> 48 true
//> ERR_CRYPTO_INCOMPATIBLE_KEY
//> 32 12
//> secret
//> true
//> P-256 key
//> ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE
//> ERR_INVALID_ARG_TYPE
//> ERR_OUT_OF_RANGE

//# the key of a certificate; more digests; what a cipher is like
import crypto from "node:crypto";
const certificate = `-----BEGIN CERTIFICATE-----
MIIBezCCASGgAwIBAgIUHZEO0iMTgT/dMDxSEAiUmC54RvswCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHZXhhbXBsZTAgFw0yNjExMjkwODE1MzNaGA8yMTI2MTEwNTA4
MTUzM1owEjEQMA4GA1UEAwwHZXhhbXBsZTBZMBMGByqGSM49AgEGCCqGSM49AwEH
A0IABAHsKubQBFEWxulbNMyM55hhkjAZrEDKwYlKUJyiumo53YPyiMRvr9EnFQQr
0ry7tKbTHUrc60R+howvS3iHyeajUzBRMB0GA1UdDgQWBBRDPqglWPNAInQj+J55
yRlsm3gKyTAfBgNVHSMEGDAWgBRDPqglWPNAInQj+J55yRlsm3gKyTAPBgNVHRMB
Af8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIQDUmrMqMY48Kv6ozG/lczJHrnU4
B6WRo1nIi3LV9O4xWwIgPbfOoa6qyiVjxRl9h76NCqb8uE3IsmCkWt8Qbxyb+AU=
-----END CERTIFICATE-----`;
console.log(crypto.createPublicKey(certificate).asymmetricKeyType, crypto.verify("sha256", Buffer.from("data"), certificate, Buffer.from("MEQCICDHTKtqEKKFfhCkAoUmT7//9kJsGsgMDwkKaTBe7GuLAiA7DjWR/yx/cSEK3P6eadWosygzDHIdo9r6ls4lfbratA==", "base64")));
try { crypto.createPublicKey("-----BEGIN CERTIFICATE-----\nMIIBezCCASGg\n-----END CERTIFICATE-----"); } catch (e) { console.log(e.code); }
console.log(crypto.createHash("sha224").update("x").digest("hex"));
console.log(crypto.createHash("sha512-256").update("x").digest("base64"), crypto.createHmac("SHA-224", "k").update("x").digest("hex"));
try { crypto.createSign("sha224"); } catch (e) { console.log(e.code); }
console.log(crypto.getCipherInfo("AES-256-GCM"), crypto.getCipherInfo("aes-128-cbc"), crypto.getCipherInfo("nope"), crypto.getCipherInfo("aes-128-cbc", { keyLength: 5 }));
//> ec true
//> ERR_OSSL_UNSUPPORTED
//> 54a2f7f92a5f975d8096af77a126edda7da60c5aa872ef1b871701ae
//> ah22wd1IH3qrKtucJishDtzKNWJOxkwp/8poV7HjAlM= f94414e3c2466adc25ed98f7f5399dc79c2f46c6e7ed9b44db814070
//> ERR_CRYPTO_INVALID_DIGEST
//> { mode: "gcm", name: "aes-256-gcm", ivLength: 12, keyLength: 32 } { mode: "cbc", name: "aes-128-cbc", blockSize: 16, ivLength: 16, keyLength: 16 } undefined undefined

//# GCM and CTR give what they have at once, however it is cut; in an encoding, whole characters
import crypto from "node:crypto";
const [key, text] = [Buffer.alloc(32, 7), Buffer.from("a text of some blocks, which is cut here and there: äöü".repeat(3))];
const cut = (cipher, sizes) => {
  const pieces = [];
  for (let at = 0, n = 0; at < text.length; at += sizes[n % sizes.length], n += 1) pieces.push(cipher.update(text.subarray(at, at + sizes[n % sizes.length])));
  return Buffer.concat(pieces);
};
for (const [name, iv] of [["aes-256-gcm", Buffer.alloc(12, 1)], ["aes-256-ctr", Buffer.alloc(16, 255)], ["aes-256-gcm", Buffer.alloc(12, 255)]]) {
  const whole = crypto.createCipheriv(name, key, iv);
  const sealed = Buffer.concat([whole.update(text), whole.final()]);
  for (const sizes of [[1], [7, 30], [16], [64, 1]]) {
    const cipher = crypto.createCipheriv(name, key, iv);
    const pieces = cut(cipher, sizes);
    if (!pieces.equals(sealed) || cipher.final().length > 0) console.log("not the same", name, sizes);
    if (name === "aes-256-gcm" && !cipher.getAuthTag().equals(whole.getAuthTag())) console.log("another tag", sizes);
  }
  const back = crypto.createDecipheriv(name, key, iv);
  if (name === "aes-256-gcm") back.setAuthTag(whole.getAuthTag());
  let read = "";
  for (const byte of sealed) read += back.update(Uint8Array.of(byte), undefined, "utf8");
  console.log(read + back.final("utf8") === text.toString(), crypto.createHash("sha1").update(sealed).digest("hex"));
}
const encoded = crypto.createCipheriv("aes-256-ctr", key, Buffer.alloc(16));
console.log(encoded.update("a", "utf8", "base64") + encoded.update("bcde", "utf8", "base64") + encoded.final("base64"));
const long = crypto.createCipheriv("aes-256-gcm", key, Buffer.alloc(16, 1));
console.log(long.update("text", "utf8", "hex") + long.final("hex"), long.getAuthTag().toString("hex"));
//> true 81c1c7cce2e673a279eba58de1aa460c370cf1d9
//> true 5fd539e5409f8a25745ae008c10380024c91ee3f
//> true 186e3adadc0277be8d56f44fd644f87cd29d59db
//> ay+N44I=
//> e9c5bc33 adae1e127b880fd661116320aeba327e
