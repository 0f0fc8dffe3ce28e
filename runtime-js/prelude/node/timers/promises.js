// node:timers/promises.

export default function timersPromises() {
  const aborted = (signal) => Object.assign(new Error("The operation was aborted", { cause: signal.reason }), { name: "AbortError", code: "ABORT_ERR" });

  /** A promise of `value` once `start` calls back, unless the signal aborts before. */
  function later(start, stop, value, { signal } = {}) {
    if (signal?.aborted) return Promise.reject(aborted(signal));
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        stop(handle);
        reject(aborted(signal));
      };
      const handle = start(() => {
        signal?.removeEventListener("abort", onAbort);
        resolve(value);
      });
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  const sleep = (delay = undefined, value = undefined, options = undefined) =>
    later((done) => setTimeout(done, delay), clearTimeout, value, options);

  async function* interval(delay = undefined, value = undefined, options = undefined) {
    for (;;) yield await sleep(delay, value, options);
  }

  return {
    setTimeout: sleep,
    setInterval: interval,
    setImmediate: (value = undefined, options = undefined) => later((done) => setImmediate(done), clearImmediate, value, options),
    scheduler: { wait: (delay, options) => sleep(delay, undefined, options), yield: () => sleep(0) },
  };
}
