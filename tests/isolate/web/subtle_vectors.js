// crypto.subtle against what others computed: published examples (the GCM specification, RFC 7515, RFC 7914), and keys,
// signatures and secrets that OpenSSL made.

//# a token signed with a PKCS #8 key in PEM, as a GitHub App does it (the key and the token of RFC 7515, A.2)
const pem = `
-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCh+BYK4uPJtGXO
jS1lYmM2K5J9vinh8CR3/BYlzJChNuOL2TSXxbbqY913EeZ8dCn5VrD7io8ImtxL
aYk8wTM/U+3QGbh3hCUv7JFP5IV3aVlL6kKA0ywPVb9ilE8TA5a8bpvfbr3SvaNn
juygxmj3AbONv/s4yDQs4v5tJ/reSlpIdJed1LnPmt7Ex1sFhSwsD174pcF1A5L5
ROjtZMEQxrZHYJqkeDrrnGya11UxMFBji4NmXG9veoKjlnAqH2QbgtPr8jkiGUkf
toaHLFcW9Qr4NY2ai50Xw0Byj3+H2JoY2PyrZ62EWQwuz3WTOTY8BwNNb2BvniHg
VFbK5emhAgMBAAECggEAEq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyW
PEAeP88vLNO97IjlA7/GQ5sLKMgvfTeXZx9SE+7YwVol2NXOoAJe46sui395IW/G
O+pWJ1O0BkTGoVEn2bKVRUCgu+GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzj
kn439X0M/V51gfpRLI9JYanrC4D4qAdGcopV/0ZHHzQlBjudU2QvXt4ehNYTCBr6
XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl/x/jTj3ccPDVZFD9pIuhLhBOneufuBiB
4cS98l2SR/RQyGWSeWjnczT0QU91p1DhOVRuOopznQKBgQDgHMQQ60imZV1URk0K
pLttoLhyt3SmqdEf/kgHePDdtzEafpAu+cS191R2JiuoF2yzWXnwFDcqGigp5BNr
0AHQfD8/Lk8l1Mk09jxxCfui5nYooNyac8YFjm3vItzVCVDnEd3BbVWG8qf6deqE
lMGAg+C2V0L4oNXnP7LZcPAZRwKBgQC5A8R+CZW2MvRTLLHzwZkUXV866cff7tx6
kqa0finGG0KgeqlaZPxgCZnFp7AeAcCMtiynVlJ7vMVgePsLq6XtON4tB5kP9jAP
rq3rbAOal78eUH5OcED6eNuCV8ixEu1eWcPNCS/l1OW1EnXUEoEHKl54Xrrz2uNw
kgMTP1FZ1wKBgAcCn1dwJKufzBWQxWQp1vsM5fggqPN1qGb5y0MAk3g7/Ls5bkUp
5u9SN0Ai3Ya6hNnvWJMb7sXQX6U/zyO2M/hTip7tUeh7CXgwo59dkpN75gJLVds2
9+DAncu3KXU4f2Fa+7bLNrur53k8KwPOq2bbuTG69QtV7Jr5MR0AHWKNAoGBAIf/
evpitUf+4JYbLpvNXWcY052Mpz22aR84mY3nh3F2LF2mjMJDpTg7FmuyPcVw6EcG
yoAe9fa65iNqCq+jdw6PVNGo2hxfjSiZ8IIzHdsPXI89//pMjZcQK9r+CCoRjaZj
OYiIDktVWZzmevJuv6WywUqd57LE3Zar3dLSIkx1AoGAIYd7DHOhrWvxkwPQsRM2
tOgrjbcrfvtQJipd+DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd/QJQ3
ydy5cY7YIBi87w93IKLEdfnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp/gh6A56
03k2+ZQwVK0JKSHuLFkuQ3U=
-----END PRIVATE KEY-----
`;
const der = Uint8Array.fromBase64(pem.replace(/-----[^-]+-----/g, ""));
const rs256 = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
const key = await crypto.subtle.importKey("pkcs8", der, rs256, true, ["sign"]);
const token = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const signature = await crypto.subtle.sign("RSASSA-PKCS1-v1_5", key, new TextEncoder().encode(token));
const base64url = { alphabet: "base64url", omitPadding: true };
console.log(new Uint8Array(signature).toBase64(base64url));
const { n, e, dp, qi, alg } = await crypto.subtle.exportKey("jwk", key);
console.log(n.slice(0, 12), e, dp.slice(-12), qi.slice(-12), alg, key.algorithm.modulusLength, key.algorithm.hash);
const verifier = await crypto.subtle.importKey("jwk", { kty: "RSA", n, e }, rs256, true, ["verify"]);
console.log(await crypto.subtle.verify("RSASSA-PKCS1-v1_5", verifier, signature, new TextEncoder().encode(token)), await crypto.subtle.verify("RSASSA-PKCS1-v1_5", verifier, signature, new TextEncoder().encode(token + " ")));
const pss = await crypto.subtle.importKey("spki", await crypto.subtle.exportKey("spki", verifier), { name: "RSA-PSS", hash: "SHA-256" }, false, ["verify"]);
const salted = Uint8Array.fromHex("1b7b66672a936f0d151b37a9721e1f624bd03d9751d04c1469b9e2b467cee8256734743ef7a18bc97dddb495ec0061977309305cec51dca88a1bd4e3abd6c49a712f18fc94bb82f971fca67270c5b29e4fe9de79d281153e46f3dc41803475c68e9c0d49492122b206d1415333a6eefe94c0964b823d673954966c82698155bb623e8ffef5f04a64f220c0a615fefd1e780de517a35ddaeebb608455165f0000cdadc3809d9bcf6129c5c2e76a802e957b3a4063f3bb300cdb39ad0c685c372be34e9ec500e1de53da2cfab1e2b76608466f112e799f18640855dcc46bed8712341b9ceb760a75afb1747e0ea232a8676f0c8a72b22829dd28efd8eb407f97a6");
const data = new TextEncoder().encode("data");
console.log(await crypto.subtle.verify({ name: "RSA-PSS", saltLength: 32 }, pss, salted, data), await crypto.subtle.verify({ name: "RSA-PSS", saltLength: 31 }, pss, salted, data));
const oaep = await crypto.subtle.importKey("pkcs8", der, { name: "RSA-OAEP", hash: "SHA-1" }, false, ["decrypt"]);
const sealed = Uint8Array.fromHex("648c8fe6de4ee8900cb48a08d0f65a72bdfbd5fa7cca1cac9022be0b0eecf9113f1eeea90d2053a5c08e765e111e025501ea70b33c63badce71d4edf454fccdfd47bf54ee7c08593e9ee566aad21ccb8f8b6ec2b2ca81c99327b6f44c4e1cf2a7546835ea32cff4501c8cea786e2faa732df6681c9a5cd585f45f79fa810872e493449ed819655f29f7c34bfbf74ac2293bfc81d4c4613a39648bae330eb2b28c7c7f3d32b330754573d4cc2f0bc9620f1405e0162005d56c8dbdb7491bb7ae66599b6f89db408df99beaaec95f25dd988d2cf244a14cecd6f86299489711b64ddd7263fbc98b082f2d4086a462e7bf69f5ddadef96690e039251ec4fac3322d");
const opened = await crypto.subtle.decrypt({ name: "RSA-OAEP", label: new TextEncoder().encode("label") }, oaep, sealed);
console.log(new TextDecoder().decode(opened));
//> cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw
//> ofgWCuLjybRl AQAB smvkxHQAdYo0 JKSHuLFkuQ3U RS256 2048 { name: "SHA-256" }
//> true false
//> true false
//> a secret

//# signatures of the curves (RFC 7515, A.3 and A.4; then OpenSSL's), and secrets that two keys share
const from = (hex) => Uint8Array.fromHex(hex);
const hex = (buffer) => new Uint8Array(buffer).toHex();
const base64url = (text) => Uint8Array.fromBase64(text, { alphabet: "base64url" });
const es256 = await crypto.subtle.importKey("jwk", { kty: "EC", crv: "P-256", x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" }, { name: "ECDSA", namedCurve: "P-256" }, false, ["verify"]);
const es512 = await crypto.subtle.importKey("jwk", { kty: "EC", crv: "P-521", x: "AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk", y: "ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2" }, { name: "ECDSA", namedCurve: "P-521" }, false, ["verify"]);
for (const [hash, key, signature, text] of [
  ["SHA-256", es256, "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q", "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"],
  ["SHA-512", es512, "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn", "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA"],
]) console.log(await crypto.subtle.verify({ name: "ECDSA", hash }, key, base64url(signature), new TextEncoder().encode(text)), await crypto.subtle.verify({ name: "ECDSA", hash }, key, base64url(signature), new TextEncoder().encode(text.slice(1))));
for (const { curve: namedCurve, spki, signatures, pkcs8, peer } of [
  { curve: "P-256", spki: "3059301306072a8648ce3d020106082a8648ce3d03010703420004edc8170a2f3855cc74d975c371373f4e7970d642534feaca2cd14800b67139e1faaa920965440536a2f3d53bb8ab16526f08eefae2da25d91727635a0ee39b3a", signatures: { "SHA-256": "1544fd15252c2062f1834ee565318275def53041206af359a559e105bda19fafc0377b04845983a9d8fe4d26a4c0e66838fac69bbd14f11835817065258f61bd", "SHA-512": "8f7b00de0b2d4b92c1b272101239591088a3a63bc37b088089a88f0380cea35d41e2e482f2031db45458fde36b4b02efae1d2eb8a9868c05c82fba0cd0cac6e1" }, pkcs8: "308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b02010104203f3a7c1f03a86a54b11307ae69409aafdae7c7e784c7d3cf8c72f2b6be34b995a14403420004b4d58951ba7fc2e622aaac79042b1ac2713809641bdcbbf11a93ad08d63adfd826f54b21523ecc019b5bd28e62e681b51df32daaa89a0f1432bcc84c7aadecc9", peer: "04bfd13722da0ec085d596206540a73ef96cd79a65c29c3b9f40c2354c327a035dbb17b9774002afd1399cf6a18dfec1deb80f43ded3c83f76e15a7d04e657df86" },
  { curve: "P-384", spki: "3076301006072a8648ce3d020106052b81040022036200044859dfc7761fd8c941a89457790767ac6102df64a4559416e283315fa19eabf929aa096ac250b75b5ad623d2e31bdf53d9d458d7726833e16df9704f8888c7d6ce6fd12aa2798299ba4e914c603f12911700fd865d594c1925d4c31a7cfa3b54", signatures: { "SHA-256": "f320727328d2b2c1049ebaf1500c33b86ee76810304c62aa76d677c1ea8cf0a3e66fa9438ebc999765b080048792be86b91761c73a92aa8d0f9c683de26827fa11ed1d94e74f2b5ec14ee6206f0c18a5db45160bf1cfccb1b2d0aed43eac7b5f", "SHA-512": "77850428abc06e2f44c1f33a59a14b37fcb4cfb61b9540eab79b9c3b2ebd95a5ab65ca54a7023d8a05d51c88a53ef288abf9b9366a6eb23939720b24263e7264f90fa8081bcb7d4b4358307d1921cf254253d2522d698a77c527ca2a76edada1" }, pkcs8: "3081b6020100301006072a8648ce3d020106052b8104002204819e30819b02010104307161eef4b9df70688e6b3580acd6c0f3f5ba9128f4a0b2308060768434ae57d75568684a9377e44a7153b783ae54b163a16403620004003fe9630a2e14ad50463a38c43ff66c1506b85d82148b04c14f5676ae18e445740d953ac33239968873e3b15c71add313937e8d0b69d4bc318a1279eb7215bb77a13a9407dd907aa6cdc8d6b287931d45baf73463f1b7ef697c77f47252dac1", peer: "04d138f1917ba2896e20114aa368e5de3a7d076387dfa20c1b9495298dcd0ffc1d52939f1a1545cdf8bcc94833e3371bd4f7e13952ac217b62284e73c6d16930a883c683d66b6567a3270ba1184b1bdb0188761719cbdfb24b9af00c847872bb4b" },
  { curve: "P-521", spki: "30819b301006072a8648ce3d020106052b8104002303818600040142aab1bdef30c21453b9ff7fdfa37cdd82c967261d2c4a6b6ce3730d23fa13e6bd5fc64b8863e955b28a110c3188b45498b3717bbea1c5532c9d3dc3029fc85a4d003b1c2086e1f31d2486946812857b1ae6982e171397a08c277a3fa880fafd247b9fb1c164694be21be25fec3cb69d88b8cfb7078adb9172c8b609b08911a75d4afb", signatures: { "SHA-256": "00b3f6136ff9de473ab690ca6ac633ef9c9f0161f53cef8d28f8a216bc780422c59250482f13b3ed9fa2efdb32a2d4c5721216745b523726b11a6d82a2e4c530381d0146ca50c83a92cfa468bfc198614cb3369deef1f644fbb989de5c4dacc147893d2d018e27444292594b365dfe836b76c0a5daae71e0dab1b5ba6837cf96c0156476", "SHA-512": "01364d780391c80eaecd010493846465c8703f3fe4dc301ca2721b633100aaf9ae4be41a2a3f20a2f520dfd405888a17c5b3b58fdaab6fbd5360ae79db5e9c6b4135011bd64a036b0a574ae547e8be18f3ff391310fab22b8899d10d9ec2b94b3c1aa5c4d6ae3324f4f632464ac057f9c24db394af7cf19288f44756e3f722ffc2d58cf6" }, pkcs8: "3081ee020100301006072a8648ce3d020106052b810400230481d63081d302010104420179362594a6c38961ff54f871128ab09deb766a37ccfd4ed82a630f445a1b666ce43de39d0d6c8f26a800ed8df1cc64d4da8d205b45d77197f61bbdf388cbc9e995a18189038186000401802a1ecf568713cd7223d2ca0f64dac0dd12886df35448b08c90ac54fc4e2bf877eae4eeed9cd0834f21fcfba141aa32ff0a1b49de87a0757d659ac1cdd512d12e0123427996622382872c7d8a3e7524363b0efbbe103ca7d0a15a1b369348b540f20f243621b88db1735b5929faf7320b4e3d25878051a07d335c5a999cc411fcbd20", peer: "0400b3d177870e19b1e061bf2da4d8020771f0ac1f4aae17c9bbc8d56d6ca055c64ce356d2f05eb40d35a362b21d5ed716985c5ce5acdfa19eda4d2aa0d7ebd2cf92e800f829294158ef0b7a5b9eac4b04b0f1347947227294852547438fd1db60ee02e4c70d50d186ae69cbe15a86997213bec0b2559301585ac2b28659a796f8553e797b" },
]) {
  const verifier = await crypto.subtle.importKey("spki", from(spki), { name: "ECDSA", namedCurve }, true, ["verify"]);
  const good = [];
  for (const hash of ["SHA-256", "SHA-512"]) good.push(await crypto.subtle.verify({ name: "ECDSA", hash }, verifier, from(signatures[hash]), new TextEncoder().encode("data")));
  const ecdh = { name: "ECDH", namedCurve };
  const own = await crypto.subtle.importKey("pkcs8", from(pkcs8), ecdh, true, ["deriveBits"]);
  const other = await crypto.subtle.importKey("raw", from(peer), ecdh, true, []);
  console.log(good, hex(await crypto.subtle.exportKey("spki", verifier)) === spki, hex(await crypto.subtle.exportKey("pkcs8", own)) === pkcs8);
  console.log(hex(await crypto.subtle.deriveBits({ name: "ECDH", public: other }, own, null)));
}
const own = await crypto.subtle.importKey("pkcs8", from("302e020100300506032b656e0422042030ca9174d153683d3c5dfe8f92e872c58d857da3e3254f1a06c50feff9636577"), "X25519", true, ["deriveBits"]);
const other = await crypto.subtle.importKey("spki", from("302a300506032b656e032100dfebed87f2119fcddfb6fd491538ae752113ea285bfebccd6064562edf9c563b"), { name: "X25519" }, true, []);
console.log(hex(await crypto.subtle.deriveBits({ name: "X25519", public: other }, own, 256)));
//> true false
//> true false
//> [true, true] true true
//> 7b1ff77fe01e9f005cc0d75c989c5cf0326d3822a9f6b2087884277e51c19d16
//> [true, true] true true
//> cef32a5bcfdcc599b45ae37d83bbf8ec46bcf59a818b0630e331d82c03ddbdd9562fa4d912dc196eab525d3ee52fd38d
//> [true, true] true true
//> 0172619946518b454198c70f1fe8d5eeee88366f1b2974a2cf24d84ac9594def8f3aceaa37022fa5bd94642ff34e4929caf0c1f70375d4bc5284a44a8838d74ac001
//> 2a68e7d6c669baf6a1c67e5ad12c891def21ead271c2ee1b1eb4755bb6235011

//# AES-GCM with an iv of any length and a short tag (the specification's case 6), and PBKDF2 with SHA-256 (RFC 7914)
const from = (hex) => Uint8Array.fromHex(hex);
const hex = (buffer) => new Uint8Array(buffer).toHex();
const key = await crypto.subtle.importKey("raw", from("feffe9928665731c6d6a8f9467308308"), "AES-GCM", false, ["encrypt", "decrypt"]);
const gcm = {
  name: "AES-GCM",
  iv: from("9313225df88406e555909c5aff5269aa6a7a9538534f7da1e4c303d2a318a728c3c0c95156809539fcf0e2429a6b525416aedbf5a0de6a57a637b39b"),
  additionalData: from("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
};
const plain = from("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
const sealed = await crypto.subtle.encrypt(gcm, key, plain);
console.log(hex(sealed));
console.log(hex(await crypto.subtle.encrypt({ ...gcm, tagLength: 96 }, key, plain)) === hex(sealed).slice(0, -8), hex(await crypto.subtle.decrypt({ ...gcm, tagLength: 96 }, key, sealed.slice(0, -4))) === hex(plain));
for (const wrong of [{ ...gcm, tagLength: 100 }, { ...gcm, additionalData: undefined }, { name: "AES-GCM" }]) await crypto.subtle.decrypt(wrong, key, sealed).catch((e) => console.log(e.name));
const password = await crypto.subtle.importKey("raw", new TextEncoder().encode("passwd"), "PBKDF2", false, ["deriveBits"]);
console.log(hex(await crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt: new TextEncoder().encode("salt"), iterations: 1 }, password, 512)));
//> 8ce24998625615b603a033aca13fb894be9112a5c3a211a8ba262a3cca7e2ca701e4a9a4fba43c90ccdcb281d48c7c6fd62875d2aca417034c34aee5619cc5aefffe0bfa462af43c1699d050
//> true true
//> OperationError
//> OperationError
//> TypeError
//> 55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783
