// node:zlib, node:crypto, and the web's compression streams.

//# round trips, at once and in pieces
import zlib from "node:zlib";
import { promisify } from "node:util";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
const data = Buffer.from("hello ".repeat(20000));
for (const [pack, unpack] of [["gzip", "gunzip"], ["deflate", "inflate"], ["deflateRaw", "inflateRaw"], ["gzip", "unzip"]]) {
  const packed = zlib[`${pack}Sync`](data, { level: 9 });
  const asked = await promisify(zlib[unpack])(await promisify(zlib[pack])(data));
  const streamed = await buffer(Readable.from([data.subarray(0, 7), data.subarray(7)]).pipe(zlib[`create${pack[0].toUpperCase()}${pack.slice(1)}`]()).pipe(zlib[`create${unpack[0].toUpperCase()}${unpack.slice(1)}`]()));
  console.log(pack, packed.length < 1000, zlib[`${unpack}Sync`](packed).equals(data), asked.equals(data), streamed.equals(data));
}
console.log(zlib.gunzipSync(Buffer.concat([zlib.gzipSync("a"), zlib.gzipSync("b")])).toString(), zlib.crc32("hello").toString(16));
//> gzip true true true true
//> deflate true true true true
//> deflateRaw true true true true
//> gzip true true true true
//> ab 3610a686

//# what others packed
import { gunzipSync, inflateSync } from "node:zlib";
console.log(gunzipSync(Buffer.from("H4sIAAAAAAAAA0tMSgYAwkEkNQMAAAA=", "base64")).toString(), inflateSync(Buffer.from("eJxLTEoGAAJNASc=", "base64")).toString());
//> abc abc

//# what is broken is refused
import zlib from "node:zlib";
const attempts = [
  () => zlib.gunzipSync(Buffer.from("no gzip at all")),
  () => zlib.inflateSync(Buffer.from("nope")),
  () => zlib.gunzipSync(zlib.gzipSync("abc".repeat(100)).subarray(0, 15)),
  () => { const packed = zlib.gzipSync("abc"); packed[packed.length - 6] ^= 1; zlib.gunzipSync(packed); },
  () => zlib.inflateSync(zlib.deflateSync("x".repeat(1000)), { maxOutputLength: 10 }),
];
for (const attempt of attempts) try { attempt(); } catch (e) { console.log(e.code, e.message); }
//> Z_DATA_ERROR the data does not begin as gzip does
//> Z_DATA_ERROR the data is not compressed as it should be
//> Z_BUF_ERROR the compressed data ends too early
//> Z_DATA_ERROR the checksum of the data is wrong
//> ERR_BUFFER_TOO_LARGE more than 10 bytes came out

//# the web's own streams
const packed = await new Response(new Blob(["text ".repeat(1000)]).stream().pipeThrough(new CompressionStream("deflate-raw"))).bytes();
console.log(packed.length < 100, (await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"))).text()).length);
await new Response(new Blob(["x"]).stream().pipeThrough(new DecompressionStream("gzip"))).text().catch((e) => console.log(e.name));
try { new CompressionStream("br"); } catch (e) { console.log(e.message); }
//> true 5000
//> TypeError
//> there is no compression format "br": there are deflate, deflate-raw and gzip

//# digests, keyed and plain, and randomness
import crypto, { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
console.log(createHash("md5").update("abc").digest("hex"), createHash("sha1").update("a").update(Buffer.from("bc")).digest("base64"));
console.log(createHmac("sha256", "key").update("data").digest("hex"), crypto.hash("sha1", "abc"));
const first = createHash("sha512").update("a");
console.log(first.copy().update("b").digest("hex").slice(0, 8), first.digest("hex").slice(0, 8), randomBytes(5).length, crypto.randomInt(3, 4), timingSafeEqual(Buffer.from("a"), Buffer.from("a")), crypto.webcrypto === globalThis.crypto);
try { createHash("ripemd160"); } catch (e) { console.log(e.message); }
//> 900150983cd24fb0d6963f7d28e17f72 qZk+NkcGgWq6PiVxeFDCbJzQ2J0=
//> 5031fe3d989c6d1537a013fa6e739da23463fdaec3b70137d828e36ace221bd0 a9993e364706816aba3e25717850c26c9cd0d89d
//> 2d408a07 1f40fc92 5 3 true true
//> there is no digest ripemd160: processors have md5, sha1, sha224, sha256, sha384, sha512 and sha512-256
