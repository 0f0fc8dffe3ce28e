// Blob, File, FormData, Request, Response, and fetch as far as it goes.

//# a Response reads its body once, in each form
console.log(await new Response("é").text(), await new Response("[1]").json(), await new Response("ab").bytes(), (await new Response("ab").arrayBuffer()).byteLength);
const once = new Response("x");
await once.text();
console.log(once.bodyUsed, await once.text().catch((e) => e.message));
console.log(await new Response().text() === "", new Response().body);
//> é [1] Uint8Array(2) [97, 98] 2
//> true the body was used already, or its stream is locked
//> true null

//# bodies say their type
const types = ["x", new URLSearchParams({ a: "1 2" }), new Blob(["b"], { type: "Text/CSV" }), new Uint8Array(1), new FormData()].map((body) => new Response(body).headers.get("content-type"));
for (const type of types) console.log(type?.replace(/boundary=.*/, "boundary=…"));
console.log(new Response("x", { headers: { "content-type": "a/b" } }).headers.get("content-type"));
console.log(await new Response(new URLSearchParams({ a: "1 2" })).text());
//> text/plain;charset=UTF-8
//> application/x-www-form-urlencoded;charset=UTF-8
//> text/csv
//> undefined
//> multipart/form-data; boundary=…
//> a/b
//> a=1+2

//# a body of a stream is streamed
const response = new Response(ReadableStream.from([new TextEncoder().encode("a"), new TextEncoder().encode("b")]));
const copy = response.clone();
console.log(await response.text(), await copy.text(), response.bodyUsed);
console.log(await new Response(ReadableStream.from(["text"])).text().catch((e) => e.message));
const used = new ReadableStream();
used.getReader();
try { new Response(used); } catch (e) { console.log(e.message); }
//> ab ab true
//> a body's stream must give Uint8Arrays
//> the stream is used or locked already, and cannot be a body

//# the body as a stream of bytes
const reader = new Response("hello").body.getReader({ mode: "byob" });
console.log((await reader.read(new Uint8Array(3))).value, (await reader.read(new Uint8Array(3))).value, (await reader.read(new Uint8Array(3))).done);
//> Uint8Array(3) [104, 101, 108] Uint8Array(2) [108, 111] true

//# Response has its statics, and its rules
const made = Response.json({ a: 1 }, { status: 201, statusText: "Made" });
console.log(made.status, made.ok, made.statusText, made.headers.get("content-type"), await made.json());
const moved = Response.redirect("https://a/b?c", 307);
console.log(moved.status, [...moved.headers], Response.error().type);
for (const attempt of [() => new Response("x", { status: 204 }), () => new Response("", { status: 99 }), () => Response.redirect("x"), () => Response.json(undefined), () => Response.error().headers.set("a", "b")]) {
  try { attempt(); } catch (e) { console.log(`${e.name}: ${e.message}`); }
}
//> 201 true Made application/json { a: 1 }
//> 307 [["location", "https://a/b?c"]] error
//> TypeError: a response with status 204 has no body
//> RangeError: the status of a Response must be from 200 to 599, and is 99
//> TypeError: Invalid URL: x
//> TypeError: the data cannot be written as JSON
//> TypeError: these headers cannot be changed

//# Request takes a URL or a Request
const first = new Request("HTTP://EXAMPLE.com/a", { method: "post", headers: { x: "1" }, body: "b", signal: AbortSignal.abort("no") });
console.log(first.method, first.url, first.headers.get("content-type"), first.signal.aborted, first.redirect, first.duplex);
const second = new Request(first, { headers: { y: "2" } });
console.log(second.method, [...second.headers], await second.text(), first.bodyUsed, second.signal.reason);
console.log(await new Request("http://a/", { method: "PUT", body: "q" }).clone().text());
//> POST http://example.com/a text/plain;charset=UTF-8 true follow half
//> POST [["y", "2"]] b true no
//> q

//# Request refuses what it must
const attempts = [
  () => new Request("/relative"),
  () => new Request("http://u:p@a/"),
  () => new Request("http://a/", { method: "GET", body: "x" }),
  () => new Request("http://a/", { method: "TRACE" }),
  () => new Request("http://a/", { method: "A B" }),
  () => new Request("http://a/", { method: "POST", body: new ReadableStream() }),
  () => new Request("http://a/", { mode: "navigate" }),
  () => new Request("http://a/", { signal: {} }),
];
for (const attempt of attempts) try { attempt(); } catch (e) { console.log(`${e.name}: ${e.message}`); }
//> TypeError: Invalid URL: /relative
//> TypeError: the URL of a Request cannot have a user name or a password
//> TypeError: a GET request has no body
//> TypeError: the method of a Request cannot be TRACE
//> TypeError: "A B" is not a valid method
//> TypeError: a Request whose body is a stream needs `duplex: "half"`
//> TypeError: the mode of a Request cannot be "navigate"
//> TypeError: the signal of a Request must be an AbortSignal

//# blobs and files
const blob = new Blob(["a€", new Uint8Array([98]), new Blob(["c"])], { type: "Text/Plain" });
console.log(blob.size, blob.type, await blob.text(), await blob.slice(1, -1, "x/y").text(), blob.slice(-1).size);
const file = new File(["x"], "n.txt", { lastModified: 5 });
console.log(file.name, file.lastModified, file instanceof Blob, String(file), (await file.bytes()).length);
console.log((await Array.fromAsync(new Blob(["x".repeat(70000)]).stream())).map((chunk) => chunk.length));
const copy = structuredClone({ file });
console.log(copy.file.name, copy.file !== file, await copy.file.text());
//> 6 text/plain a€bc €b 1
//> n.txt 5 true [object File] 1
//> [65536, 4464]
//> n.txt true x

//# forms, there and back
const form = new FormData();
form.append("a", "1\n2");
form.append('q"', "ü");
form.append("f", new Blob(["body"], { type: "text/x" }), "na\"me.txt");
form.append("f", new File([""], "empty"));
const response = new Response(form);
const back = await response.formData();
for (const [name, value] of back) console.log(name, typeof value === "string" ? JSON.stringify(value) : [value.name, value.type, value.size]);
console.log(await (await new Response("a=1&b=%C3%BC&a=", { headers: { "content-type": "application/x-www-form-urlencoded" } }).formData()).getAll("a"));
console.log(await new Response("x").formData().catch((e) => e.message));
console.log(await new Response("--b\r\nx", { headers: { "content-type": "multipart/form-data; boundary=b" } }).formData().catch((e) => e.message));
//> a "1\r\n2"
//> q" "ü"
//> f ["na\"me.txt", "text/x", 4]
//> f ["empty", "application/octet-stream", 0]
//> ["1", ""]
//> formData needs a content-type of a form; it is text/plain
//> the body is not a form of parts: the headers of a part do not end

//# a form keeps its order and its rules
const form = new FormData();
form.append("a", 1);
form.append("b", 2);
form.append("a", 3);
form.set("a", "x");
console.log([...form], form.has("b"), form.get("c"));
form.delete("a");
console.log([...form.keys()]);
try { form.append("a", "text", "name"); } catch (e) { console.log(e.name); }
form.set("z", new Blob(["1"]));
console.log(form.get("z").name, form.get("z") instanceof File);
//> [["a", "x"], ["b", "2"]] true null
//> ["b"]
//> TypeError
//> blob true

//# fetch checks what it is given, and says what its host says
for (const attempt of [() => fetch("http://a/"), () => fetch(new Request("https://a/")), () => fetch("nope"), () => fetch("http://a/", { signal: AbortSignal.abort() }), () => fetch("ftp://a/"), () => fetch("data:x"), () => fetch("data:;base64,#")]) {
  await attempt().catch((e) => console.log(`${e.name}: ${e.message}`));
}
//> TypeError: fetch failed: the cases have no network
//> TypeError: fetch failed: the cases have no network
//> TypeError: Invalid URL: nope
//> AbortError: This operation was aborted
//> TypeError: fetch failed: it knows no URLs that begin with ftp:
//> TypeError: fetch failed: the data: URL is not one

//# data: URLs need none
const answer = await fetch("data:text/plain;charset=utf-8,h%C3%A9llo#fragment");
console.log(answer.status, answer.headers.get("content-type"), await answer.text(), await (await fetch("data:;base64,aGk=")).text());
//> 200 text/plain;charset=utf-8 héllo hi
