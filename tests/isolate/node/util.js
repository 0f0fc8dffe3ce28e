// node:util, node:assert, node:querystring, node:path, node:url.

//# format and inspect
import util, { format, inspect } from "node:util";
console.log(format("%s is %d and %i, %j %%", "a", "1.5", "2.9", { b: 1 }, "more"), format("%s"), format(1, "x"));
console.log(inspect({ a: { b: { c: { d: 1 } } } }), inspect({ a: { b: { c: { d: 1 } } } }, { depth: null }), inspect([1, 2, 3], { maxArrayLength: 1 }));
console.log(inspect({ [inspect.custom]: (depth) => `custom ${depth}` }), `${inspect(Buffer.from("a"))}`, util.stripVTControlCharacters("\u001b[31mred\u001b[0m"));
//> a is 1.5 and 2, {"b":1} % more %s 1 x
//> { a: { b: { c: [Object] } } } { a: { b: { c: { d: 1 } } } } [1, … 2 more]
//> custom 2 <Buffer 61> red

//# promises and callbacks
import { promisify, callbackify, inherits, deprecate, types } from "node:util";
console.log(await promisify((n, done) => done(null, n + 1))(1), await promisify((done) => done(new Error("no")))().catch((e) => e.message));
await new Promise((done) => callbackify(async (n) => n * 2)(4, (...values) => done(console.log(values))));
console.log(types.isMap(new Map()), types.isMap({ [Symbol.toStringTag]: "Map" }), types.isAsyncFunction(async () => {}), types.isTypedArray(Buffer.alloc(1)), types.isUint8Array(new Int8Array(1)));
//> 2 no
//> [null, 8]
//> true false true true false

//# equality, strict and loose
import assert from "node:assert";
import strict from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
const same = (one, other) => {
  try { assert.deepEqual(one, other); return [isDeepStrictEqual(one, other), true]; } catch { return [isDeepStrictEqual(one, other), false]; }
};
console.log(same({ a: 1 }, { a: "1" }), same([1, , 3], [1, undefined, 3]), same(new Map([[{ k: 1 }, new Set([1])]]), new Map([[{ k: 1 }, new Set([1])]])), same(new Date(1), new Date(2)), same(NaN, NaN), same(0, -0));
for (const attempt of [() => assert(0), () => strict.equal(1, "1", "told"), () => assert.throws(() => {}), () => assert.throws(() => { throw new TypeError("x"); }, /x/), () => assert.match("abc", /z/)]) {
  try { attempt(); console.log("passed"); } catch (e) { console.log(e.name, e.code, e.message); }
}
await assert.rejects(async () => { throw new Error("r"); }, { message: "r" });
//> [false, true] [false, false] [true, true] [false, false] [true, true] [false, true]
//> AssertionError ERR_ASSERTION 0 is not truthy
//> AssertionError ERR_ASSERTION told
//> AssertionError ERR_ASSERTION nothing was thrown
//> passed
//> AssertionError ERR_ASSERTION "abc" does not match /z/

//# paths of both kinds
import path, { win32 } from "node:path";
console.log(path.join("/a", "..", "b/./c/"), path.resolve("a", "/b", "../c"), path.relative("/a/b/c", "/a/d"), path.basename("/x/y.tar.gz", ".gz"), path.extname(".bashrc") === "", path.dirname("/a"));
console.log(path.parse("/data/u/f.txt"), path.format({ dir: "/a", base: "b" }), path.normalize("./a//../../b"), path.isAbsolute("a"));
console.log(win32.join("C:\\a", "..", "b"), win32.resolve("C:\\a", "D:\\b"), win32.relative("C:\\A\\b", "c:\\a\\c"), win32.parse("C:\\x\\y.z").root, win32.normalize("C:/a//b"));
//> /b/c/ /c ../../d y.tar true /
//> { root: "/", dir: "/data/u", base: "f.txt", ext: ".txt", name: "f" } /a/b ../b false
//> C:\b D:\b ..\c C:\ C:\a\b

//# URLs, old and new, and queries
import url from "node:url";
import querystring from "node:querystring";
const old = url.parse("http://u:p@HOST.com:8080/p/a?q=1&q=2#h", true);
console.log(old.host, old.auth, old.pathname, old.query.q, old.hash, old.href);
console.log(url.resolve("/one/two", "../three"), url.resolve("http://a/b/c", "//d/e"), url.format({ protocol: "http", host: "a", pathname: "b", query: { c: [1, 2] } }));
console.log(url.fileURLToPath("file:///a%20b"), url.pathToFileURL("/a b?#").href, url.domainToASCII("bücher.de"), url.domainToUnicode("xn--bcher-kva.de"));
console.log(querystring.parse("a=1&b=%20x+y&a=2"), querystring.stringify({ a: [1, "x y"], b: true, c: null }));
//> host.com:8080 u:p /p/a ["1", "2"] #h http://u:p@host.com:8080/p/a?q=1&q=2#h
//> /three http://d/e http://a/b?c=1&c=2
//> /a b file:///a%20b%3F%23 xn--bcher-kva.de bücher.de
//> Object: null prototype { a: ["1", "2"], b: " x y" } a=1&a=x%20y&b=true&c=
