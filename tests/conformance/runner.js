// The shim: what a test of the web platform expects around it. The event names a file of tests; it and its scripts are
// read from the checkout and run as classic scripts, and what came of each test is appended.

export default {
  async afterAppend({ event, read, append, signal }) {
    const { path, variant, scripts } = event.payload;
    const report = reporting(append);
    signal.addEventListener("abort", () => report.end("the file took too long"));

    async function file(name) {
      for await (const { payload } of read({ path: name })) return payload;
      throw new TypeError(`there is no file ${name}`);
    }

    surround(path, variant);
    const harness = await file("resources/testharness.js");
    const texts = [];
    for (const script of scripts) texts.push([script, shared((await file(script)).text)]);
    texts.push([path, (await file(path)).text]);
    const ended = new Promise((resolve) => {
      run(["testharness.js", harness.text]);
      globalThis.add_result_callback((test) => report.add(test));
      globalThis.add_completion_callback((tests, status) => resolve(status));
      try {
        for (const text of texts) run(text);
      } catch (error) {
        resolve({ status: 1, message: `${error?.name}: ${error?.message}` });
      }
    });
    const status = await ended;
    await report.end(status.status === 0 || status.status === 3 ? undefined : `${status.message}`);
  },
};

const globalEval = eval;
const run = ([name, text]) => globalEval(`${text}\n//# sourceURL=${name}`);

/** A script's own constants, and when it is strict all else too, would be gone with its `eval`: the next ones need them. */
function shared(text) {
  const loose = text.replace(/^['"]use strict['"];?/m, "");
  return loose.replace(/^(?:const|let) /gm, "var ").replace(/^class (\w+)/gm, "var $1 = class $1");
}

/** What a worker has besides the globals of an isolate. */
function surround(path, variant) {
  const define = (name, value) => Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
  define("GLOBAL", { isWindow: () => false, isWorker: () => true, isShadowRealm: () => false });
  const location = Object.fromEntries(["href", "origin", "protocol", "host", "hostname", "port", "pathname", "search", "hash"].map((part) => [part, new URL(`https://web-platform.test/${path}${variant}`)[part]]));
  define("location", { ...location, toString: () => location.href });
  define("isSecureContext", true);
  define("importScripts", () => {});
  // The tests make their shared buffers with what they find in every browser.
  if (typeof SharedArrayBuffer === "function" && typeof WebAssembly === "undefined") {
    define("WebAssembly", { Memory: class { buffer = new SharedArrayBuffer(0); } });
  }
  // An isolate has no address that a relative URL could be relative to; the tests take theirs for granted.
  const { Request, Response, fetch } = globalThis;
  const absolute = (input) => (input instanceof Request ? input : URL.parse(`${input}`, location.href)?.href ?? input);
  define("Request", new Proxy(Request, {
    construct: (target, [input, ...rest], self) => Reflect.construct(target, input === undefined && rest.length === 0 ? [] : [absolute(input), ...rest], self),
  }));
  const { redirect } = Response;
  Response.redirect = (url, ...rest) => redirect.call(Response, absolute(url), ...rest);
  define("fetch", (input, init) => fetch(absolute(input), init));
}

/** Results are told in batches, and those of a file that never ends are not lost. */
function reporting(append) {
  let tests = [];
  let over = false;
  const flush = (ended, trouble) => append({ type: "result", payload: { tests: tests.splice(0), ended, trouble } });
  return {
    add(test) {
      if (over) return;
      tests.push({ name: String(test.name).toWellFormed(), failure: test.status === 0 ? undefined : `${test.message ?? "did not pass"}`.toWellFormed() });
      if (tests.length === 200) flush(false);
    },
    end(trouble) {
      if (over) return undefined;
      over = true;
      return flush(true, trouble);
    },
  };
}
