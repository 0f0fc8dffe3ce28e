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

    surround(path, variant, file);
    const texts = [];
    for (const script of ["resources/testharness.js", ...scripts, path]) texts.push([script, (await file(script)).text]);
    const ended = new Promise((resolve) => {
      run(texts.shift());
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

/** What a worker has besides the globals of an isolate. */
function surround(path, variant, file) {
  const define = (name, value) => Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
  define("GLOBAL", { isWindow: () => false, isWorker: () => true, isShadowRealm: () => false });
  define("location", new URL(`https://web-platform.test/${path}${variant}`));
  define("isSecureContext", true);
  define("importScripts", () => {});
  const fetched = globalThis.fetch;
  // Files of the checkout are there, as the server of the tests would give them; all else is the real one's.
  define("fetch", async (input, init) => {
    const url = input instanceof Request ? input.url : new URL(`${input}`, location.href).href;
    if (!url.startsWith("https://web-platform.test/")) return fetched(input, init);
    const { text, hex } = await file(new URL(url).pathname.slice(1));
    const types = { json: "application/json", txt: "text/plain", js: "text/javascript" };
    const type = types[url.split(".").pop()];
    return new Response(text ?? Uint8Array.fromHex(hex), { headers: type ? { "content-type": type } : {} });
  });
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
