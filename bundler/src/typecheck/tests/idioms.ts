// What authors write every day, as they write it: none of it may be called an error. Nobody runs it.

import { defineProcessor } from "millrace";
import { createHash, createHmac, randomUUID, randomBytes, timingSafeEqual } from "node:crypto";
import { EventEmitter } from "node:events";
import { Buffer } from "node:buffer";
import { setTimeout as sleep } from "node:timers/promises";
import path from "node:path";
import * as url from "node:url";
import assert from "node:assert";
import { promisify, inspect } from "node:util";
import { Readable } from "node:stream";

interface Message { role: "user" | "assistant"; content: string }
type State = { messages: Message[]; counts: Record<string, number>; last?: string };

async function idioms(signal: AbortSignal) {
  await new Promise((resolve) => setTimeout(resolve, 10));
  await new Promise<void>((resolve) => setTimeout(resolve, 10));
  await new Promise((r) => setImmediate(r));
  const timer: ReturnType<typeof setTimeout> = setTimeout(() => {}, 5);
  clearTimeout(timer);
  let interval: ReturnType<typeof setInterval> | undefined;
  interval = setInterval(() => {}, 1000);
  clearInterval(interval);
  setTimeout(console.log, 5, "a", 1);
  await sleep(5);
  const response = await fetch("https://example.com/a", {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${process.env.KEY}` },
    body: JSON.stringify({ a: 1 }),
    signal: AbortSignal.any([signal, AbortSignal.timeout(1000)]),
  });
  if (!response.ok) throw new Error(`HTTP ${response.status} ${response.statusText}`, { cause: response });
  const json = (await response.json()) as { choices: { message: { content: string } }[] };
  json.choices[0]?.message.content.trim();
  const data = await response.json();
  data.anything.goes;
  for await (const chunk of response.body!) { new TextDecoder().decode(chunk, { stream: true }); }
  const reader = response.body?.getReader();
  while (reader) { const { done, value } = await reader.read(); if (done) break; value.length; }
  const decoder = response.body!.pipeThrough(new TextDecoderStream());
  for await (const text of decoder) text.toUpperCase();
  response.headers.get("retry-after")?.length;
  for (const [name, value] of response.headers) name + value;
  Object.fromEntries(response.headers.entries());
  const headers = new Headers({ a: "b" }); headers.set("x", "y"); headers.append("x", "z");
  const request = new Request("https://a.b", { method: "PUT", body: new Uint8Array([1]) });
  await request.text();
  const u = new URL("/a?b=c", "https://x.y"); u.searchParams.set("q", "1"); u.searchParams.get("q")?.length; u.toString();
  const params = new URLSearchParams({ a: "1" }); params.append("b", "2"); [...params.entries()];
  const form = new FormData(); form.append("file", new Blob(["x"], { type: "text/plain" }), "x.txt"); form.get("file");
  await fetch("https://example.com", { method: "POST", body: form });
  await fetch(new URL("https://example.com"), { body: params, method: "POST", redirect: "manual" });
  const bytes = new TextEncoder().encode("x");
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  Array.from(new Uint8Array(digest)).map((b) => b.toString(16).padStart(2, "0")).join("");
  const key = await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
  const signature = await crypto.subtle.sign("HMAC", key, bytes);
  btoa(String.fromCharCode(...new Uint8Array(signature)));
  atob("aGk=");
  crypto.randomUUID(); crypto.getRandomValues(new Uint8Array(8));
  createHash("sha256").update("x").digest("hex"); createHmac("sha256", "k").update(bytes).digest("base64");
  randomBytes(8).toString("hex"); randomUUID(); timingSafeEqual(Buffer.from("a"), Buffer.from("b"));
  Buffer.from("aGk=", "base64").toString("utf8"); Buffer.concat([Buffer.alloc(2), bytes]); Buffer.byteLength("x");
  structuredClone({ a: new Map([[1, 2]]) });
  queueMicrotask(() => {});
  performance.now(); performance.timeOrigin;
  const controller = new AbortController(); controller.abort(new Error("x")); controller.signal.addEventListener("abort", () => {}, { once: true });
  controller.signal.throwIfAborted(); controller.signal.reason;
  const target = new EventTarget(); target.addEventListener("x", (event) => event.type); target.dispatchEvent(new CustomEvent("x", { detail: { a: 1 } }));
  const socket = new WebSocket("wss://a.b", ["p"]); socket.onmessage = (event) => JSON.parse(event.data); socket.addEventListener("message", (e) => { String(e.data); }); socket.addEventListener("close", (e) => e.code); socket.onerror = () => {}; socket.send("x"); socket.close(1000, "bye"); socket.readyState === WebSocket.OPEN;
  const source = new EventSource("https://a.b"); source.onmessage = (e) => JSON.parse(e.data); source.addEventListener("ping", (e) => e.data); source.close();
  const stream = new ReadableStream<string>({ start(controller) { controller.enqueue("a"); controller.close(); }, async pull(c) { c.desiredSize; }, cancel(reason) { reason; } });
  await stream.pipeTo(new WritableStream({ write(chunk) { chunk.length; } }));
  const [a, b] = new ReadableStream<Uint8Array>().tee(); a.locked; b.locked;
  const transform = new TransformStream<string, number>({ transform(chunk, controller) { controller.enqueue(chunk.length); }, flush(controller) { controller.terminate(); } });
  transform.readable; transform.writable.getWriter().write("x");
  new Response(stream.pipeThrough(new TextEncoderStream()));
  new Response("x", { status: 201, headers: { a: "b" } }).clone(); Response.json({ a: 1 });
  await new Response(new Blob(["a"]).stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer();
  const channel = new MessageChannel(); channel.port1.onmessage = (e) => e.data; channel.port2.postMessage(1);
  new URLPattern({ pathname: "/a/:id" }).exec("https://x.y/a/1")?.pathname.groups.id;
  try { JSON.parse("{"); } catch (error) { if (error instanceof SyntaxError) error.message; else if (error instanceof DOMException && error.name === "AbortError") throw error; }
  try { await fetch("x"); } catch (e: any) { e.code; console.error("failed", e?.message ?? e); }
  console.log("a", { b: 1 }); console.warn("x"); console.error(new Error("x")); console.debug(1); console.info(1); console.table([1]); console.time("a"); console.timeEnd("a");
  const emitter = new EventEmitter(); emitter.on("x", (value: number) => value); emitter.emit("x", 1); emitter.once("y", () => {});
  path.join("a", "b"); path.basename("a/b.ts", ".ts"); url.fileURLToPath("file:///a");
  assert(bytes.length > 0); assert.equal(1, 1); assert.deepStrictEqual({ a: 1 }, { a: 1 });
  inspect({ a: 1 }, { depth: 3 }); promisify((cb: (e: Error | null, v: number) => void) => cb(null, 1))();
  Readable.from(["a", "b"]).on("data", (chunk) => chunk); for await (const part of Readable.from(["a"])) part;
  process.env.A ?? "b"; process.nextTick(() => {}); process.version; process.platform; globalThis.fetch; navigator.userAgent;
  new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" }).format(3); new Date().toLocaleDateString("en-US", { weekday: "long" }); new Intl.DateTimeFormat("en", { timeZone: "UTC" }).format(new Date());
  Object.groupBy([1, 2], (n) => (n % 2 ? "odd" : "even")); [3, 1].toSorted((x, y) => x - y); [1].at(-1); "a".replaceAll("a", "b"); Array.fromAsync([1]); Promise.withResolvers<number>().promise; [1, 2].findLast((n) => n > 1); new Set([1]).union(new Set([2])); Promise.try(() => 1); Error.captureStackTrace?.({});
  const results = await Promise.allSettled([fetch("a"), fetch("b")]); results.filter((r) => r.status === "rejected").map((r) => r.reason);
  
  const map = new Map<string, Message[]>(); (map.get("a") ?? []).push({ role: "user", content: "x" });
  const ref = new WeakRef({}); ref.deref(); 1n ** 64n; Symbol.asyncIterator;
  await using disposable = { async [Symbol.asyncDispose]() {} }; disposable;
  if (import.meta.url) import.meta.main;
  reportError(new Error("x"));
  const file = new File(["a"], "a.txt", { lastModified: 1 }); await file.text(); file.name; file.size; (await file.arrayBuffer()).byteLength;
  globalThis.setTimeout(() => {}); self.queueMicrotask(() => {}); global.process;
}

export default defineProcessor<State>(() => ({
  slug: "idioms",
  initialState: { messages: [], counts: {} },
  reduce({ event, state }) {
    if (event.type === "message-added") return { ...state, messages: [...state.messages, event.payload as Message] };
    const { type, payload: { text = "" } = {} } = event;
    state.counts[type] = (state.counts[type] ?? 0) + text.length;
    return { ...state, last: event.createdAt };
  },
  async afterAppend({ event, state, prevState, append, read, logger, signal, stream }) {
    await idioms(signal);
    logger.info("x", { a: state.messages.length, b: prevState.last });
    for await (const old of read({ afterOffset: "start", beforeOffset: event.offset })) old.payload.text;
    const stored = await append({ type: "pong", payload: { of: event.offset }, metadata: { a: 1 }, idempotencyKey: `x-${event.offset}` });
    stored.offset + 1;
    await append({ path: "./child", event: { type: "task-given", payload: { path: stream.path, cause: event.source?.cause?.offset } } });
    await append({ event: { type: "x" } });
    event.metadata?.foo; event.payload.deep?.er; event.streamPath; event.idempotencyKey?.length; new Date(event.createdAt).getTime();
  },
}));
