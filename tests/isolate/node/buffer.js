// node:buffer and node:string_decoder.

//# every encoding, there and back
const text = "héllo €😀";
for (const encoding of ["utf8", "hex", "base64", "base64url", "latin1", "ascii", "utf16le"]) {
  const bytes = Buffer.from(text);
  const shown = bytes.toString(encoding);
  console.log(encoding, /^[ -~é€😀]*$/u.test(shown) ? JSON.stringify(shown) : shown.length, Buffer.from(shown, encoding).equals(bytes), Buffer.byteLength(text, encoding));
}
console.log(["YQ==YQ==", "ab*c d", "_-8"].map((s) => Buffer.from(s, "base64").toString("hex")), ["abz", "ab1"].map((s) => Buffer.from(s, "hex").toString("hex")));
//> utf8 "héllo €😀" true 14
//> hex "68c3a96c6c6f20e282acf09f9880" true 4
//> base64 "aMOpbGxvIOKCrPCfmIA=" true 6
//> base64url "aMOpbGxvIOKCrPCfmIA" true 6
//> latin1 14 true 9
//> ascii 14 false 9
//> utf16le 7 true 18
//> ["61", "69b71d", "ffef"] ["ab", "ab"]

//# numbers of every kind
const bytes = Buffer.alloc(16);
const calls = [["UInt8", 250], ["Int16LE", -300], ["UInt16BE", 60000], ["Int32BE", -70000], ["UInt32LE", 4000000000], ["FloatLE", 1.5], ["DoubleBE", -0.1], ["BigInt64LE", -7n], ["BigUInt64BE", 2n ** 64n - 1n]];
console.log(calls.map(([name, value]) => [bytes[`write${name}`](value, 1), bytes[`read${name}`](1) === value]));
console.log(bytes.writeIntBE(-2, 0, 6), bytes.readIntBE(0, 6), bytes.readUIntLE(0, 3), bytes.readUint8(5));
for (const attempt of [() => bytes.writeUInt8(256), () => bytes.readInt32LE(13), () => bytes.readInt8("1"), () => Buffer.alloc(1).readDoubleLE()]) {
  try { attempt(); } catch (e) { console.log(e.name, e.code); }
}
//> [[2, true], [3, true], [3, true], [5, true], [5, true], [5, true], [9, true], [9, true], [9, true]]
//> 6 -2 16777215 254
//> RangeError ERR_OUT_OF_RANGE
//> RangeError ERR_OUT_OF_RANGE
//> TypeError ERR_INVALID_ARG_TYPE
//> RangeError ERR_BUFFER_OUT_OF_BOUNDS

//# a slice is a view, and a Buffer
const whole = Buffer.from("abcdef");
const part = whole.slice(1, -1);
part[0] = 0x5a;
console.log(whole.toString(), part.toString(), part instanceof Buffer, part.buffer === whole.buffer, whole.subarray(-2).toString(), whole.map((byte) => byte) instanceof Buffer);
console.log(whole, [Buffer.isBuffer(part), Buffer.isBuffer(new Uint8Array(1))], JSON.stringify(Buffer.from("hi")));
//> aZcdef Zcde true true ef true
//> <Buffer 61 5a 63 64 65 66> [true, false] {"type":"Buffer","data":[104,105]}

//# searching, comparing, copying, filling
const bytes = Buffer.from("hello world");
console.log(bytes.indexOf("o"), bytes.indexOf("o", 5), bytes.lastIndexOf("o"), bytes.indexOf(0x77), bytes.includes(Buffer.from("wor")), bytes.indexOf("zz"));
console.log(Buffer.compare(Buffer.from("a"), Buffer.from("b")), bytes.equals(new Uint8Array(bytes)), Buffer.concat([Buffer.from("ab"), Buffer.from("cd")], 3).toString());
const into = Buffer.alloc(6, "-");
console.log(bytes.copy(into, 1, 6), into.toString(), Buffer.alloc(5).fill("ab").toString(), Buffer.from([1, 2, 3, 4]).swap16().toString("hex"), into.write("€€", 2), into.toString("hex"));
//> 4 7 7 6 true -1
//> -1 true abc
//> 5 -world ababa 02010403 3 2d77e282ac64

//# text that comes in pieces
import { StringDecoder } from "node:string_decoder";
const decoder = new StringDecoder("utf8");
const bytes = Buffer.from("a€😀");
console.log([...bytes].map((byte) => decoder.write(Buffer.of(byte))), decoder.end(Buffer.of(0xe2)));
const base64 = new StringDecoder("base64");
console.log(base64.write(Buffer.from("ab")) + base64.write(Buffer.from("cd")) + base64.end());
//> ["a", "", "", "€", "", "", "", "😀"] �
//> YWJjZA==
