// What Node's readable and writable streams share: how they are destroyed, and how errors come out.

export default function streamCommon(native, tools) {
  const { coded } = tools.part("node/errors");
  const EventEmitter = tools.builtin("events");

  /** Soon, behind what runs now: as process.nextTick. */
  const soon = (callback, ...values) => tools.microtask(() => callback(...values));

  const statesOf = (stream) => [stream._readableState, stream._writableState].filter(Boolean);

  /** The least that both kinds of state begin with. */
  function baseState(options, stream, objectMode, highWaterMark) {
    return {
      objectMode,
      highWaterMark,
      length: 0,
      sync: true,
      constructed: typeof stream._construct !== "function" && typeof options?.construct !== "function",
      destroyed: false,
      errored: null,
      errorEmitted: false,
      closed: false,
      closeEmitted: false,
      autoDestroy: options?.autoDestroy !== false,
      emitClose: options?.emitClose !== false,
    };
  }

  let defaults = { bytes: 65536, objects: 16 };
  function highWaterMarkOf(options, name, objectMode) {
    const given = options?.highWaterMark ?? options?.[name];
    if (given === undefined || given === null) return objectMode ? defaults.objects : defaults.bytes;
    if (!Number.isInteger(given) || given < 0) throw coded(TypeError, "ERR_INVALID_ARG_VALUE", `"${name}" must be an integer from 0 up, and is ${given}`);
    return given;
  }

  // --- construction -----------------------------------------------------------------------------------------

  /** Runs `_construct`, if there is one; nothing is read or written before it has called back. */
  function construct(stream, then) {
    if (typeof stream._construct !== "function") return;
    for (const state of statesOf(stream)) state.constructed = false;
    soon(() => {
      const done = (error) => {
        for (const state of statesOf(stream)) state.constructed = true;
        if (error) destroy.call(stream, error);
        else soon(then);
        stream.emit(CONSTRUCTED);
      };
      try {
        stream._construct(done);
      } catch (error) {
        done(error);
      }
    });
  }
  const CONSTRUCTED = Symbol("constructed");

  // --- the end ----------------------------------------------------------------------------------------------

  function destroy(error = undefined, callback = undefined) {
    const states = statesOf(this);
    if (states.some((state) => state.destroyed)) {
      callback?.(error);
      return this;
    }
    for (const state of states) {
      if (error) state.errored ??= error;
      state.destroyed = true;
    }
    if (states.some((state) => !state.constructed)) this.once(CONSTRUCTED, () => close(this, error, callback));
    else close(this, error, callback);
    return this;
  }

  function close(stream, error, callback) {
    let called = false;
    const done = (failure) => {
      if (called) return;
      called = true;
      for (const state of statesOf(stream)) {
        if (failure) state.errored ??= failure;
        state.closed = true;
      }
      callback?.(failure ?? null);
      soon(() => {
        if (failure) emitError(stream, failure);
        emitClose(stream);
      });
    };
    try {
      stream._destroy(error ?? null, done);
    } catch (thrown) {
      done(thrown);
    }
  }

  function emitError(stream, error) {
    const states = statesOf(stream);
    if (states.some((state) => state.errorEmitted)) return;
    for (const state of states) state.errorEmitted = true;
    stream.emit("error", error);
  }

  function emitClose(stream) {
    const states = statesOf(stream);
    for (const state of states) state.closeEmitted = true;
    if (states.some((state) => state.emitClose)) stream.emit("close");
  }

  /** An error of the stream's own work: it ends the stream, or is only told when that does not end by itself. */
  function fail(stream, error, sync = false) {
    const states = statesOf(stream);
    if (states.some((state) => state.destroyed)) return;
    if (states.some((state) => state.autoDestroy)) {
      stream.destroy(error);
      return;
    }
    for (const state of states) state.errored ??= error;
    if (sync) soon(emitError, stream, error);
    else emitError(stream, error);
  }

  // --- the oldest of streams ----------------------------------------------------------------------------------

  function Stream(options = undefined) {
    EventEmitter.call(this, options);
  }
  Object.setPrototypeOf(Stream.prototype, EventEmitter.prototype);
  Object.setPrototypeOf(Stream, EventEmitter);
  Stream.prototype.pipe = function pipe(target, options = undefined) {
    const onData = (chunk) => {
      if (target.writable && target.write(chunk) === false) this.pause?.();
    };
    const onDrain = () => this.resume?.();
    this.on("data", onData);
    target.on("drain", onDrain);
    if (options?.end !== false && !target._isStdio) {
      this.on("end", () => target.end());
      this.on("close", () => target.destroy?.());
    }
    target.emit("pipe", this);
    return target;
  };

  const bytesAs = (chunk) => (tools.builtin("buffer").Buffer.isBuffer(chunk) ? chunk : tools.builtin("buffer").Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));

  return {
    Stream, soon, baseState, highWaterMarkOf, construct, destroy, fail, bytesAs,
    getDefaultHighWaterMark: (objectMode) => (objectMode ? defaults.objects : defaults.bytes),
    setDefaultHighWaterMark(objectMode, value) {
      defaults = { ...defaults, [objectMode ? "objects" : "bytes"]: value };
    },
  };
}
