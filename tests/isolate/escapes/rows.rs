//! The attempts. Whoever thinks of another adds a line.

pub struct Row {
    pub name: &'static str,
    pub module: String,
    pub ends: Ends,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// Nothing fails.
    Well,
    /// Some failure has this in it.
    Failed(&'static str),
    /// It fails, and its worker may be replaced.
    WithItsWorker,
    /// As the engine likes it, in its own isolate.
    Either,
}

use Ends::{Either, Failed, Well, WithItsWorker};

const TIMEOUT: Ends = Failed("timeout");
const MEMORY: Ends = Failed("out-of-memory");
const STACK: Ends = Failed("stack-overflow");

pub fn rows() -> Vec<Row> {
    let acting = ACTING.iter().map(|&(name, body, ends)| Row { name, module: acts("", body), ends });
    let prepared =
        PREPARED.iter().map(|&(name, top, body, ends)| Row { name, module: acts(top, body), ends });
    let whole = MODULES.iter().map(|&(name, module, ends)| Row { name, module: module.to_string(), ends });
    acting.chain(prepared).chain(whole).collect()
}

/// `body` in `afterAppend`, behind `top`. Whatever reaches what it must not appends `escaped`.
fn acts(top: &str, body: &str) -> String {
    format!(
        "{top}\nexport default {{ async afterAppend({{ append, read, event, state, signal, logger, stream }}) {{\nconst escaped = (what) => append({{ type: 'escaped', payload: {{ what: String(what) }} }});\n{body}\n}} }};"
    )
}

/// What runs in `afterAppend`.
const ACTING: &[(&str, &str, Ends)] = &[
    // --- code out of text, and what the host has left lying about ---
    ("constructor.constructor", "try { (() => {}).constructor.constructor('return this')(); await escaped(1) } catch {}", Well),
    (
        "constructors of all kinds of functions",
        "for (const f of [async () => {}, function* () {}, async function* () {}]) { try { Object.getPrototypeOf(f).constructor('return 1')(); await escaped(f) } catch {} }",
        Well,
    ),
    ("indirect eval", "try { (0, globalThis.eval)('1'); await escaped(1) } catch {}", Well),
    ("a timer of text", "try { setTimeout('globalThis.x = 1', 0); await escaped(1) } catch {}", Well),
    (
        "globals of other hosts",
        "for (const name of ['std', 'os', 'bjson', 'scriptArgs', 'print', 'load', 'gc', 'native', 'host', 'millrace', 'Deno', 'Bun', 'Worker', 'Module', '__dirname']) if (name in globalThis) await escaped(name)",
        Well,
    ),
    (
        "a walk over all that can be reached",
        "const seen = new Set(); const queue = [globalThis, append, read, event, state, signal, logger, stream, import.meta, require('buffer'), require('util'), require('stream'), read()];
        while (queue.length > 0) { const at = queue.pop(); if (at === null || typeof at !== 'object' && typeof at !== 'function' || seen.has(at) || ArrayBuffer.isView(at)) continue; seen.add(at);
          if (['logLinesMax', 'setBuiltins', 'setEnvironment', 'utf8Encode', 'inflater'].some((name) => Object.hasOwn(at, name))) return escaped(Reflect.ownKeys(at).map(String));
          queue.push(Object.getPrototypeOf(at)); for (const key of Reflect.ownKeys(at)) { try { const d = Object.getOwnPropertyDescriptor(at, key); queue.push(d.value, d.get, d.set, at[key]) } catch {} } }",
        Either,
    ),
    ("process", "for (const name of ['exit', 'kill', 'abort', 'binding', 'dlopen', 'chdir', 'setuid']) { try { process[name](0, 9) } catch {} }", Either),
    ("the environment of the host", "for (const name of Object.keys(process.env)) if (name !== 'KEY') await escaped(name)", Well),
    // --- modules ---
    (
        "module specifiers",
        r#"for (const name of ['file:///etc/passwd', '/etc/passwd', '../../../../etc/passwd', './../../x', 'node:fs', 'fs', 'node:child_process', 'node:worker_threads', 'node:vm', 'node:net', 'std', 'qjs:std', 'qjs:os', 'bjson', 'millrace:core', 'millrace:globals', 'core', 'node:millrace', 'data:text/javascript,export default 1', 'http://127.0.0.1/x.js', '', '.', '..', '/', 'native', '__proto__', 'constructor']) { try { await import(name); await escaped(name) } catch {} }"#,
        Well,
    ),
    ("modules by attribute", "for (const type of ['json', 'text', 'bytes']) { try { await import('/etc/passwd', { with: { type } }); await escaped(type) } catch {} }", Well),
    ("require", "for (const name of ['fs', 'child_process', 'vm', '/etc/passwd', './x', 'millrace:core', 'constructor', '__proto__']) { try { require(name); await escaped(name) } catch {} }", Well),
    ("a specifier that is no text", "try { await import({ toString() { throw new Error('specifier') } }) } catch (e) { if (e.message !== 'specifier') throw e }", Well),
    // --- what is handed to the host ---
    ("an event with traps", "await append(new Proxy({ type: 'a' }, { get() { throw new Error('trapped') }, has() { throw new Error('trapped') } }))", Failed("trapped")),
    ("an event that is a proxy of everything", "const all = new Proxy(function () {}, { get: (t, k) => k === 'toJSON' || typeof k === 'symbol' ? undefined : all, has: () => true, ownKeys: () => ['prototype'], getPrototypeOf: () => all, apply: () => all }); try { await append(all) } catch {} try { for await (const x of read(all)); } catch {} console.log(all); logger.error(all)", Either),
    ("an event with a toJSON without an end", "await append({ type: 'a', toJSON() { for (;;); } })", TIMEOUT),
    ("an event with a getter without an end", "await append({ get type() { for (;;); } })", TIMEOUT),
    ("a path with a toString", "try { await append({ event: { type: 'a' }, path: { toString: () => '/x' } }); await escaped(1) } catch {}", Well),
    ("types without an end", "try { for await (const x of read({ types: { [Symbol.iterator]: function* () { for (;;) yield 't' } } })); } finally {}", Either),
    ("a million types", "for await (const x of read({ types: new Array(1e5).fill('t') })); ", Failed("limit")),
    ("reads by the hundred", "const all = []; for (let n = 0; n < 300; n += 1) { const it = read()[Symbol.asyncIterator](); all.push(it.next()) } await Promise.all(all)", Failed("limit")),
    ("a read that is left open", "const it = read()[Symbol.asyncIterator](); await it.next(); it.next(); it.return()", Well),
    ("appends by the thousand", "for (let n = 0; n < 300; n += 1) append({ type: 'never', payload: { never: 1 } })", Failed("limit")),
    ("a huge event", "await append({ type: 'a', payload: { text: 'x'.repeat(6e6) } })", Either),
    ("a forged this", "await append.call({ hook: { call: 1, offset: 99, ordinal: 7 } }, { type: 'a' }); await Reflect.apply(append, undefined, [{ type: 'b' }])", Well),
    ("forged messages", "for (const name of ['settled', 'append', 'log', 'timer', 'part', 'group', 'fire', 'settle', 'react', 'load', 'prepare', 'describe']) { if (typeof globalThis[name] === 'function' && globalThis[name].name !== 'forged') await escaped(name); globalThis[name] = function forged() { return escaped(name) } } await append({ type: 'a' }); setTimeout(() => {}, 1)", Well),
    ("lines without an end", "for (let n = 0; n < 1e5; n += 1) console.log(n)", Either),
    ("a line without an end", "console.log('x'.repeat(5e6), new Array(1e5).fill({ a: { b: { c: [1] } } }))", Either),
    ("a line of getters", "console.log({ get a() { throw new Error('a') }, [Symbol.toStringTag]: 'x', toString() { throw new Error('b') }, get [Symbol.iterator]() { throw new Error('c') } })", Either),
    ("a line that contains itself", "const a = []; a.push(a, new Map([[a, a]]), new Set([a])); a.a = a; console.log(a); console.error(Object.assign(new Error('x'), { cause: a, a }))", Well),
    // --- what is thrown ---
    ("a thrown getter", "throw { get message() { throw 1 }, get stack() { throw 2 }, get name() { throw 3 } }", Failed("afterAppend")),
    ("a thrown proxy", "throw new Proxy(new Error('x'), { get() { throw new Error('y') }, getPrototypeOf() { throw new Error('z') } })", Failed("afterAppend")),
    ("a thrown loop", "const e = new Error('x'); Object.defineProperty(e, 'message', { get() { for (;;); } }); throw e", TIMEOUT),
    ("a thrown chain", "const e = new Error('x'); e.cause = e; throw new AggregateError([e, e], 'all', { cause: e })", Failed("afterAppend")),
    ("a thrown nothing", "throw undefined", Failed("afterAppend")),
    ("a thrown symbol", "throw Symbol('x')", Failed("afterAppend")),
    ("a huge message", "throw new Error('x'.repeat(4e6))", Either),
    ("a stack of one's own", "const e = new Error('x'); e.stack = '    at f (processor.js:1:1)\\n'.repeat(1e5); throw e", Failed("afterAppend")),
    ("prepareStackTrace without an end", "Error.prepareStackTrace = () => { for (;;); }; throw new Error('x')", Either),
    ("prepareStackTrace that throws", "Error.prepareStackTrace = () => { throw new Error('again') }; throw new Error('x')", Either),
    ("prepareStackTrace for frames", "Error.prepareStackTrace = (e, frames) => frames; const { stack } = new Error('x'); for (const frame of Array.isArray(stack) ? stack : []) for (const name of ['getThis', 'getFunction', 'getTypeName']) if (frame[name]?.()) await escaped(name)", Either),
    ("stackTraceLimit", "Error.stackTraceLimit = Infinity; (function f(n) { if (n === 0) throw new Error('deep'); f(n - 1) })(500)", Either),
    // --- stack ---
    ("recursion", "(function f() { f() })()", STACK),
    ("recursion in a getter", "const o = { get a() { return this.a } }; o.a", STACK),
    ("recursion in toJSON", "const o = { toJSON() { return JSON.stringify(o) } }; JSON.stringify(o)", STACK),
    ("recursion in a trap", "const p = new Proxy({}, { has: (t, k) => k in p }); 'a' in p", STACK),
    ("recursion in toPrimitive", "const o = { [Symbol.toPrimitive]: () => `${o}` }; `${o}`", STACK),
    ("recursion in handlers", "(function f() { try { f() } catch { f() } finally { f() } })()", Either),
    ("recursion in a sort", "(function f() { [2, 1].sort(f); return 0 })()", STACK),
    ("recursion in a replacer", "(function f() { 'a'.replace('a', f); return '' })()", STACK),
    ("recursion in an iterator", "const o = { [Symbol.iterator]: () => [...o] }; [...o]", STACK),
    ("recursion in instanceof", "const o = { [Symbol.hasInstance]: () => 1 instanceof o }; 1 instanceof o", STACK),
    ("proxies of proxies", "let p = {}; for (let n = 0; n < 1e5; n += 1) p = new Proxy(p, {}); p.x", Either),
    ("a long chain of prototypes", "let o = {}; for (let n = 0; n < 1e5; n += 1) o = Object.create(o); o.missing", Either),
    ("a deep regular expression", "try { new RegExp('('.repeat(1e5) + ')'.repeat(1e5)) } catch {}", Either),
    ("a deep structuredClone", "let a = {}; for (let n = 0; n < 1e5; n += 1) a = { a }; structuredClone(a)", Either),
    // --- promises ---
    ("a thenable that is its own value", "await { then(done) { done(this) } }", TIMEOUT),
    ("a thenable that throws", "await { get then() { throw new Error('then') } }", Failed("then")),
    ("a thenable that answers twice", "await { then(done, fail) { done(1); fail(2); done(3); throw 4 } }", Well),
    ("a thenable returned", "return { then(done) { for (;;); } }", TIMEOUT),
    ("a flood of promises", "const all = []; for (;;) all.push(Promise.resolve().then(() => {}))", MEMORY),
    ("a flood of rejections", "for (let n = 0; n < 1e3; n += 1) Promise.reject(new Error('x'))", Failed("unhandled-rejection")),
    ("a flood of microtasks", "const again = () => queueMicrotask(again); again()", TIMEOUT),
    ("a flood of timers", "for (;;) setTimeout(() => {}, 0)", Failed("limit")),
    ("a timer that sets two", "const twice = () => { setTimeout(twice, 0); setTimeout(twice, 0) }; twice(); await new Promise((done) => setTimeout(done, 100))", Either),
    ("an async generator left open", "async function* all() { try { yield 1; yield 2 } finally { await new Promise(() => {}) } } for await (const one of all()) break", Failed("never ends")),
    ("async generators by the thousand", "async function* all() { for (;;) yield await null } const open = []; for (let n = 0; n < 1e4; n += 1) { const it = all(); await it.next(); open.push(it) }", Either),
    ("waiting for oneself", "const p = new Promise((done) => setTimeout(() => done(), 1)); let q; q = p.then(() => q); await q", Failed("afterAppend")),
    ("waiting for an array buffer", "try { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); await escaped(1) } catch {}", Well),
    ("a finalizer without an end", "const registry = new FinalizationRegistry(() => { for (;;); }); for (let n = 0; n < 100; n += 1) registry.register({ n }, n); await new Promise((done) => setTimeout(done, 10))", Either),
    // --- numbers, texts, arrays ---
    ("a huge array-like", "Array.from({ length: 2 ** 32 })", Either),
    ("a huge array-like of arguments", "Math.max.apply(null, { length: 2 ** 31 })", Either),
    ("a huge array", "const a = []; a.length = 2 ** 32 - 1; a.indexOf(1); a.join('x')", Either),
    ("a huge array cloned", "const a = []; a.length = 2 ** 32 - 1; structuredClone(a)", Either),
    ("a huge array as JSON", "const a = []; a.length = 2 ** 32 - 1; JSON.stringify(a)", Either),
    ("a huge array concatenated", "const a = { length: 2 ** 53 - 1, [Symbol.isConcatSpreadable]: true }; [].concat(a, a)", WithItsWorker),
    ("a huge template", "String.raw({ raw: { length: 2 ** 53 - 1 } })", WithItsWorker),
    ("a reversal that cannot be interrupted", "Array.prototype.reverse.call({ length: 2 ** 53 - 1 })", WithItsWorker),
    ("a species", "class A extends Array { static get [Symbol.species]() { return function () { return new Proxy([], { defineProperty() { for (;;); } }) } } } new A(1, 2, 3).map((x) => x)", TIMEOUT),
    ("a species of promises", "class P extends Promise { static get [Symbol.species]() { throw new Error('species') } } P.resolve(1).then(() => {})", Failed("species")),
    ("a sort that moves its buffer", "const b = new ArrayBuffer(4096, { maxByteLength: 8192 }); const v = new Uint8Array(b); v.sort(() => { try { b.resize(1) } catch {} return -1 }); const c = new ArrayBuffer(64); new Uint8Array(c).sort(() => { c.transfer(); return 1 })", Either),
    ("bytes that shrink while they are read", "const b = new ArrayBuffer(4096, { maxByteLength: 8192 }); const v = new Uint8Array(b, 1024); const w = new Uint8Array(b, 0, 4096); b.resize(8); for (const view of [v, w]) { try { if (new TextDecoder().decode(view).length > 8) await escaped(1) } catch {} try { if (Buffer.from(view).toString('hex').length > 16) await escaped(2) } catch {} }", Well),
    ("a view set from itself", "const b = new ArrayBuffer(8, { maxByteLength: 1e6 }); const v = new Uint8Array(b); try { v.set({ get length() { b.resize(4); return 8 }, 7: 1 }) } catch {}", Either),
    ("a BigInt bomb", "let b = 3n; for (;;) b *= b", Either),
    ("a BigInt power", "2n ** (2n ** 40n)", Either),
    ("a BigInt as text", "(7n ** 300000n).toString(); BigInt('9'.repeat(1e6))", WithItsWorker),
    ("a regex bomb", "/^(a|a)*$/.test('a'.repeat(60) + 'b')", TIMEOUT),
    ("a regex that remembers much", "/(.*)*x\\1/.test('a'.repeat(1e5))", Either),
    ("a regex with a huge count", "try { new RegExp('(?:a{1,65535}){1,65535}').test('a'.repeat(1e5)) } catch {}", Either),
    ("a text that doubles", "let s = 'x'; for (;;) s += s", Either),
    ("a padded text", "let s = ''; for (;;) s += 'x'.padEnd(2 ** 20) + s.length", MEMORY),
    ("a normalised text", "'\\u0344'.repeat(2e6).normalize('NFD').normalize('NFC')", Either),
    ("a date out of range", "new Date(8.64e15 + 1).toISOString()", Failed("RangeError")),
    // --- memory ---
    ("a buffer that grows", "const b = new ArrayBuffer(8, { maxByteLength: 2 ** 32 }); b.resize(2 ** 31)", Either),
    ("buffers that are transferred", "let b = new ArrayBuffer(1e6); for (;;) b = b.transfer(b.byteLength * 2)", Either),
    ("typed arrays", "const all = []; for (;;) all.push(new Float64Array(1e5))", MEMORY),
    ("shared buffers", "const all = []; for (;;) all.push(new SharedArrayBuffer(1e6))", Either),
    ("Buffers", "const all = []; for (;;) all.push(Buffer.alloc(1e6))", MEMORY),
    ("a huge Buffer", "Buffer.alloc(2 ** 33)", Either),
    ("huge randomness", "crypto.getRandomValues(new Uint8Array(1e7))", Either),
    ("a map that grows", "const m = new Map(); for (let n = 0; ; n += 1) m.set(n, [n])", MEMORY),
    ("weak references", "const all = []; for (;;) all.push(new WeakRef({}))", MEMORY),
    ("an encoder", "const all = []; const text = '\\uffff'.repeat(1e6); for (;;) all.push(new TextEncoder().encode(text))", MEMORY),
    ("a huge URL", "for (let n = 0; n < 50; n += 1) try { new URL('http://' + 'é'.repeat(1e6) + '/?' + 'x'.repeat(1e6)) } catch {}", Either),
    ("URL parameters", "const all = new URLSearchParams(); for (;;) all.append('x'.repeat(1e5), 'y')", MEMORY),
    ("memory that a catch hides", "const all = []; for (;;) try { all.push(new Uint8Array(1e7)) } catch {}", MEMORY),
    // --- JSON ---
    ("__proto__ in JSON", "if ({}.polluted || structuredClone(event).polluted || Object.assign({}, JSON.parse('{\"__proto__\":{\"polluted\":1}}').x).polluted || event.polluted) await escaped(1); await append({ type: 'a', payload: event.payload })", Well),
    ("deep JSON", "JSON.parse('['.repeat(1e6))", Failed("afterAppend")),
];

/// What stands at the top of the module first: built-in objects, changed so that the prelude must stumble.
const PREPARED: &[(&str, &str, &str, Ends)] = &[
    // --- what is loaded behind the script relies on nothing that it may have replaced ---
    (
        "a map of its own",
        "Array.prototype.map = function () { const all = []; all.length = 4294967295; return all }",
        "await append({ type: 'a' })",
        Well,
    ),
    (
        "names by the gigabyte",
        "Object.keys = () => Array(1e5).fill('x'.repeat(1e6)); Object.getOwnPropertyDescriptor = () => ({ get() {} })",
        "await append({ type: 'a' })",
        Well,
    ),
    (
        "a form without an end",
        "",
        "const { flat } = Array.prototype; Array.prototype.flat = function () { const all = []; all.length = 4294967295; return all }; try { String(new URLSearchParams('a=b')); await escaped(1) } catch (e) { if (!(e instanceof RangeError)) throw e } finally { Array.prototype.flat = flat }",
        Well,
    ),
    (
        "types of its own",
        "Array.from = () => { const all = []; all.length = 4294967295; return all }",
        "try { for await (const x of read({ types: ['a'] })); await escaped(1) } catch {}",
        Well,
    ),
    (
        "setters for what the host sets",
        "let host; for (const name of ['append', 'read', 'simulate', 'isOver', 'addMember', 'context', 'hookOf', 'timer', 'cancelTimer', 'pull', 'push', 'random', 'appendsPerHookMax', 'timersMax']) Object.defineProperty(Object.prototype, name, { configurable: true, set(value) { if (typeof value === 'function' || typeof value === 'number') host = this; Object.defineProperty(this, name, { value, writable: true, configurable: true, enumerable: true }) } })",
        "setTimeout(() => {}, 0); crypto.randomUUID(); await append({ type: 'a' }); if (host) await escaped('what the host sets')",
        Well,
    ),
    (
        "an heir in nobody's hook",
        "let heir, seen; Object.defineProperty(Object.prototype, 'state', { configurable: true, set() {}, get() { if (typeof this === 'object' && this !== null && Object.hasOwn(this, 'dropped')) seen = this } }); const ticking = setInterval(() => { try { heir?.state } catch {} }, 1)",
        "heir = Object.create(arguments[0]); await new Promise((done) => setTimeout(done, 20)); clearInterval(ticking); if (seen) await escaped('a hook')",
        Well,
    ),
    (
        "collections that tell",
        "const caught = []; for (const type of [Map, WeakMap, Set, WeakSet]) for (const name of ['get', 'set', 'has', 'add', 'delete']) { const own = type.prototype[name]; if (own) type.prototype[name] = function (...given) { caught[caught.length] = [this, ...given]; return own.apply(this, given) } }",
        "await append({ type: 'a' }); setTimeout(() => {}, 1); new URL('http://a/'); new TextEncoder().encode('a'); console.log({ a: 1 }); const names = ['logLinesMax', 'ordinal', 'utf8Encode', 'urlParse', 'hook']; for (const values of caught) for (const value of values) if (value !== null && typeof value === 'object' && names.some((name) => name in value)) return escaped(Object.keys(value))",
        Well,
    ),
    (
        "setters on Object.prototype",
        "for (const name of ['hook', 'resolve', 'reject', 'failure', 'call', 'offset', 'ordinal', 'value', 'code', 'message', 'event', 'state', 'lines', 'native']) Object.defineProperty(Object.prototype, name, { set(value) { globalThis.caught ??= value }, get() {}, configurable: true })",
        "try { await append({ type: 'a' }) } catch {} if (globalThis.caught) await escaped(typeof globalThis.caught)",
        Either,
    ),
    (
        "then that tells nobody",
        "Promise.prototype.then = function () { return this }",
        "await append({ type: 'a' })",
        Either,
    ),
    (
        "then that loops",
        "Promise.prototype.then = function () { for (;;); }",
        "await append({ type: 'a' })",
        TIMEOUT,
    ),
    (
        "a Promise of one's own",
        "globalThis.Promise = class { constructor(run) { run((v) => v, (e) => e) } static try(f, ...a) { return f(...a) } static resolve() { return new Promise(() => {}) } static allSettled() { return new Promise(() => {}) } then(f) { return this } }",
        "await append({ type: 'a' })",
        Either,
    ),
    (
        "allSettled that returns at once",
        "Promise.allSettled = () => 1; Promise.try = () => { throw new Error('try') }",
        "append({ type: 'never' })",
        Either,
    ),
    (
        "JSON that lies",
        "JSON.parse = () => { throw new Error('parse') }; JSON.stringify = () => '{}'; globalThis.JSON = null",
        "await append({ type: 'a', payload: state })",
        Well,
    ),
    (
        "toJSON on every object",
        "Object.prototype.toJSON = function () { return 'gotcha' }",
        "await append({ type: 'a' })",
        Failed("load"),
    ),
    (
        "toJSON that throws",
        "Object.prototype.toJSON = function () { throw new Error('no JSON') }",
        "await append({ type: 'a' })",
        Failed("load"),
    ),
    (
        "arrays that do not iterate",
        "Array.prototype[Symbol.iterator] = function () { throw new Error('no') }; Array.prototype.map = Array.prototype.push = Array.prototype.filter = Array.prototype.some = null",
        "console.log('a'); await append({ type: 'a' })",
        Either,
    ),
    (
        "arrays that iterate without an end",
        "Array.prototype[Symbol.iterator] = function* () { for (;;) yield 'reduce' }",
        "await append({ type: 'a' })",
        Either,
    ),
    (
        "texts that are none",
        "String.prototype.toWellFormed = () => ({}); String.prototype.includes = () => false; String.prototype.split = () => [null]; globalThis.String = () => { throw new Error('no') }",
        "console.log('a'); await append({ type: 'a' }); for await (const e of read()) break",
        Either,
    ),
    (
        "functions without call",
        "Function.prototype.call = Function.prototype.apply = Function.prototype.bind = function () { throw new Error('no') }",
        "await append({ type: 'a' }); console.log('a'); setTimeout(() => {}, 1)",
        Either,
    ),
    (
        "Reflect and Object that tell",
        "const caught = []; for (const from of [Object, Reflect]) for (const name of ['defineProperty', 'keys', 'hasOwn', 'freeze', 'get', 'construct', 'getOwnPropertyDescriptor']) { const own = from[name]; if (own) from[name] = (...given) => { caught[caught.length] = given; return own(...given) } }",
        "await append({ type: 'a' }); console.log({ a: 1 }); new Headers({ a: 'b' }); process.version; for (const given of caught) for (const value of given) if (value !== null && typeof value === 'object' && ('logLinesMax' in value || 'ordinal' in value || 'utf8Encode' in value)) return escaped(Object.keys(value))",
        Well,
    ),
    (
        "errors of one's own",
        "globalThis.Error = globalThis.TypeError = globalThis.RangeError = function () { return { get stack() { for (;;); } } }",
        "append(1); setTimeout(1)",
        Either,
    ),
    (
        "instanceof that lies",
        "Object.defineProperty(Error, Symbol.hasInstance, { value: () => true }); Object.defineProperty(AggregateError, Symbol.hasInstance, { value: () => true })",
        "throw null",
        Failed("afterAppend"),
    ),
    (
        "no globals",
        "for (const name of Reflect.ownKeys(globalThis)) { try { delete globalThis[name] } catch {} }",
        "await append({ type: 'a' }); throw 1",
        Either,
    ),
    (
        "a frozen world",
        "for (const name of Reflect.ownKeys(globalThis)) { try { Object.freeze(globalThis[name]); Object.freeze(globalThis[name].prototype) } catch {} } Object.freeze(globalThis)",
        "await append({ type: 'a' }); console.log(new URL('http://a/').href)",
        Either,
    ),
    (
        "an iterator that tells",
        "const next = Object.getPrototypeOf(new Map().values()).next; const caught = []; Object.getPrototypeOf(new Map().values()).next = function () { const one = next.apply(this); caught[caught.length] = one.value; return one }",
        "await append({ type: 'a' }); signal; for (const value of caught) if (value && typeof value === 'object' && 'logLinesMax' in value) return escaped(1)",
        Well,
    ),
];

/// Modules with another shape.
const MODULES: &[(&str, &str, Ends)] = &[
    ("a module that loops", "for (;;);", TIMEOUT),
    ("a module that waits for ever", "await new Promise(() => {}); export default {}", Failed("load")),
    ("a module that waits for itself", "await import('./processor.js'); export default {}", Either),
    ("a module that fills its memory", "const all = []; for (;;) all.push(new Array(1000))", MEMORY),
    (
        "a processor that is a proxy",
        "export default new Proxy({}, { get(target, name) { if (name === 'then') return undefined; if (name === 'concurrency') return undefined; return () => { for (;;); } }, has: () => true })",
        Failed("load"),
    ),
    (
        "a processor with getters",
        "export default { get reduce() { throw new Error('reduce') } }",
        Failed("reduce"),
    ),
    ("a processor that is a thenable", "export default { then(done) { done({}) } }", Failed("load")),
    ("a definition that loops", "export default () => { for (;;); }", TIMEOUT),
    (
        "an initial state with traps",
        "export default { initialState: new Proxy({}, { ownKeys() { throw new Error('keys') } }) }",
        Failed("keys"),
    ),
    ("an initial state that is huge", "export default { initialState: 'x'.repeat(2 ** 24) }", Either),
    (
        "reduce returns a thenable",
        "export default { reduce: () => ({ then(done) { done() } }), afterAppend() {} }",
        Failed("reduce"),
    ),
    (
        "reduce returns a proxy",
        "export default { reduce: () => new Proxy({}, { get() { throw new Error('trap') } }), afterAppend() {} }",
        Failed("trap"),
    ),
    (
        "reduce returns itself",
        "export default { reduce({ state }) { state.state = state; return state }, afterAppend() {} }",
        Failed("reduce"),
    ),
    (
        "reduce returns something deep",
        "export default { reduce() { let a = {}; for (let n = 0; n < 1e5; n += 1) a = { a }; return a }, afterAppend() {} }",
        Failed("reduce"),
    ),
    (
        "reduce acts",
        "export default { reduce() { for (const f of [() => fetch('http://127.0.0.1/'), () => setTimeout(() => {}, 1), () => queueMicrotask(() => {})]) { let threw = false; try { f() } catch { threw = true } if (!threw) throw new Error('acted') } }, afterAppend() {} }",
        Well,
    ),
    (
        "reduce keeps append for itself",
        "let kept; export default { reduce() { if (kept) kept({ type: 'escaped' }) }, async afterAppend({ append }) { kept = append } }",
        Failed("reduce"),
    ),
    (
        "state grows with each event",
        "export default { initialState: [], reduce({ state }) { state.push('x'.repeat(5e6)) }, afterAppend() {} }",
        Either,
    ),
    (
        "onCaughtUp and parallel hooks that never end",
        "export default { concurrency: 'parallel', afterAppend: () => new Promise(() => {}) }",
        TIMEOUT,
    ),
];
