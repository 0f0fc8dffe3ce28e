// How streams end: `finished`, `addAbortSignal`, and `pipeline`.

export default function ending(native, tools) {
  const { coded, wrongType, mustBe } = tools.part("node/errors");
  const { soon } = tools.part("node/streams/common");

  const abortError = (signal) =>
    Object.assign(new Error("The operation was aborted", { cause: signal?.reason }), { name: "AbortError", code: "ABORT_ERR" });
  const premature = () => coded(Error, "ERR_STREAM_PREMATURE_CLOSE", "the stream was closed before its end");

  const isNodeStream = (value) => Boolean(value && (value._readableState || value._writableState || (typeof value.pipe === "function" && typeof value.on === "function")));
  const isReadable = (value) => Boolean(value?._readableState) || (typeof value?.pipe === "function" && !value?._writableState);
  const isWritable = (value) => Boolean(value?._writableState) || (typeof value?.write === "function" && typeof value?.on === "function");
  const isIterable = (value) => typeof (value?.[Symbol.asyncIterator] ?? value?.[Symbol.iterator]) === "function" && typeof value !== "string";

  /** Calls back once when the stream has come to its end, well or not. Gives what stops it from listening. */
  function finished(stream, optionsOrCallback, callbackOrNothing = undefined) {
    const options = typeof optionsOrCallback === "function" ? {} : (optionsOrCallback ?? {});
    const callback = typeof optionsOrCallback === "function" ? optionsOrCallback : callbackOrNothing;
    mustBe("function", "callback", callback);
    if (!isNodeStream(stream)) throw wrongType("stream", "a stream", stream);
    const { _readableState: readable, _writableState: writable } = stream;
    const reads = options.readable ?? isReadable(stream);
    const writes = options.writable ?? isWritable(stream);
    let over = false;
    const done = (error = undefined) => {
      if (over) return;
      over = true;
      callback.call(stream, error);
    };
    const readEnded = () => !reads || !readable || readable.endEmitted || readable.readable === false;
    const writeEnded = () => !writes || !writable || writable.finished || writable.writable === false;
    const onError = (error) => done(error);
    const onEnd = () => writeEnded() && done();
    const onFinish = () => readEnded() && done();
    const onClose = () => {
      const error = readable?.errored ?? writable?.errored;
      if (error) done(error);
      else if (!readEnded() || !writeEnded()) done(premature());
      else done();
    };
    const onAbort = () => done(abortError(options.signal));
    const listeners = { end: onEnd, finish: onFinish, close: onClose, ...(options.error === false ? {} : { error: onError }) };
    for (const [type, listener] of Object.entries(listeners)) stream.on(type, listener);
    if (options.signal?.aborted) soon(onAbort);
    else options.signal?.addEventListener("abort", onAbort);

    const error = readable?.errored ?? writable?.errored;
    if (readable?.closeEmitted || writable?.closeEmitted) soon(onClose);
    else if (error && (readable?.errorEmitted || writable?.errorEmitted)) soon(onError, error);
    else if ((readable || writable) && readEnded() && writeEnded() && (!reads || readable) && (!writes || writable)) soon(done);

    return () => {
      over = true;
      for (const [type, listener] of Object.entries(listeners)) stream.removeListener(type, listener);
      options.signal?.removeEventListener("abort", onAbort);
    };
  }

  function addAbortSignal(signal, stream) {
    if (signal === null || typeof signal !== "object" || !("aborted" in signal)) throw wrongType("signal", "an AbortSignal", signal);
    if (!isNodeStream(stream)) throw wrongType("stream", "a stream", stream);
    const onAbort = () => stream.destroy(abortError(signal));
    if (signal.aborted) onAbort();
    else {
      signal.addEventListener("abort", onAbort);
      finished(stream, () => signal.removeEventListener("abort", onAbort));
    }
    return stream;
  }

  // --- pipelines --------------------------------------------------------------------------------------------------

  const finishing = (stream, options = {}) => new Promise((resolve, reject) => finished(stream, options, (error) => (error ? reject(error) : resolve())));

  /** Writes all that an iterable gives. */
  async function pump(iterable, target, end) {
    let failure;
    const stop = finished(target, { readable: false }, (error) => (failure = error ?? premature()));
    try {
      for await (const chunk of iterable) {
        if (failure) throw failure;
        if (!target.write(chunk)) await drained(target);
      }
    } finally {
      stop();
    }
    if (end) target.end();
    await finishing(target, { readable: false });
  }

  function drained(target) {
    return new Promise((resolve, reject) => {
      const stop = finished(target, { readable: false }, (error) => {
        target.removeListener("drain", onDrain);
        reject(error ?? premature());
      });
      const onDrain = () => {
        stop();
        resolve();
      };
      target.once("drain", onDrain);
    });
  }

  /** Joins all, and resolves with what the last one gives. */
  async function run(steps, { signal, end = true }) {
    const streams = steps.filter(isNodeStream);
    const controller = new AbortController();
    const destroyAll = (error) => {
      for (const stream of streams) if (!stream.destroyed && !(stream.readableEnded && stream.writableFinished !== false)) stream.destroy?.(error);
    };
    const onAbort = () => {
      controller.abort(signal.reason);
      destroyAll(abortError(signal));
    };
    if (signal?.aborted) onAbort();
    else signal?.addEventListener("abort", onAbort, { once: true });

    const waits = [];
    let current;
    let value;
    for (const [at, step] of steps.entries()) {
      const last = at === steps.length - 1;
      if (typeof step === "function") {
        const made = at === 0 ? step({ signal: controller.signal }) : step(current, { signal: controller.signal });
        if (last && typeof made?.then === "function") value = Promise.resolve(made);
        else if (isIterable(made) || isNodeStream(made)) current = made;
        else throw coded(TypeError, "ERR_INVALID_RETURN_VALUE", "a step of a pipeline must give an iterable, or at its end a promise");
      } else if (isNodeStream(step)) {
        if (at > 0 && isNodeStream(current)) {
          current.pipe(step, { end: end || !last });
          waits.push(finishing(step, { readable: last ? false : undefined, writable: !last || end }));
        } else if (at > 0) waits.push(pump(current, step, end || !last));
        if (at === 0) waits.push(finishing(step, { writable: false }));
        current = step;
      } else if (at === 0 && isIterable(step)) current = step;
      else throw wrongType("stream", "a stream, an iterable or a function", step);
    }
    if (value) waits.push(value);
    // The first failure ends all, as soon as it comes.
    try {
      await Promise.all(waits.map((wait) => wait.catch((error) => {
        destroyAll(error);
        throw error;
      })));
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
    return value;
  }

  function pipelinePromise(...given) {
    const steps = given.flat();
    const last = steps.at(-1);
    const options = last !== null && typeof last === "object" && !isNodeStream(last) && !isIterable(last) ? steps.pop() : {};
    if (steps.length < 2) return Promise.reject(coded(TypeError, "ERR_MISSING_ARGS", "a pipeline needs a source and a target"));
    return run(steps, options);
  }

  function pipeline(...given) {
    const callback = given.pop();
    mustBe("function", "the last argument", callback);
    const steps = given.flat();
    if (steps.length < 2) throw coded(TypeError, "ERR_MISSING_ARGS", "a pipeline needs a source and a target");
    run(steps, {}).then(
      (value) => soon(callback, undefined, value),
      (error) => soon(callback, error),
    );
    return steps.at(-1);
  }

  return { finished, finishing, addAbortSignal, pipeline, pipelinePromise, isNodeStream, isReadable, isWritable };
}
