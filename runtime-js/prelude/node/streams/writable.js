// Node's Writable.

export default function writableStreams(native, tools) {
  const { coded, wrongType } = tools.part("node/errors");
  const { Stream, soon, baseState, highWaterMarkOf, construct, destroy, fail, bytesAs } = tools.part("node/streams/common");
  const { nameOf } = tools.part("node/encodings");
  const { Buffer } = tools.builtin("buffer");
  const nothing = () => {};

  function Writable(options = undefined) {
    if (!(this instanceof Writable) && !this?._writableState && !isDuplex(this)) return new Writable(options);
    Stream.call(this, options);
    this._writableState = writableState(options, this, false);
    takeOptions(this, options);
    construct(this, () => {
      if (!this._writableState.writing) clearBuffer(this, this._writableState);
      finishIfDone(this, this._writableState);
    });
    return undefined;
  }
  Object.setPrototypeOf(Writable.prototype, Stream.prototype);
  Object.setPrototypeOf(Writable, Stream);
  /** A Duplex descends from Readable, and is a Writable all the same. */
  Object.defineProperty(Writable, Symbol.hasInstance, {
    value(value) {
      if (Function.prototype[Symbol.hasInstance].call(this, value)) return true;
      return this === Writable && Boolean(value?._writableState?.isWritable);
    },
  });
  const isDuplex = (value) => tools.loaded("node/streams/duplex") && value instanceof tools.part("node/streams/duplex").Duplex;

  function writableState(options, stream, duplex) {
    const objectMode = Boolean(options?.objectMode || (duplex && options?.writableObjectMode));
    return {
      ...baseState(options, stream, objectMode, highWaterMarkOf(options, "writableHighWaterMark", objectMode)),
      isWritable: true,
      writable: true,
      buffered: [],
      corked: 0,
      writing: false,
      writeSize: 0,
      writeCallback: null,
      clearing: false,
      pending: 0,
      needDrain: false,
      ending: false,
      ended: false,
      finished: false,
      finalCalled: false,
      prefinished: false,
      whenFinished: [],
      decodeStrings: options?.decodeStrings !== false,
      defaultEncoding: options?.defaultEncoding ?? "utf8",
    };
  }

  function takeOptions(stream, options) {
    for (const name of ["write", "writev", "destroy", "final", "construct"]) {
      if (typeof options?.[name] === "function") stream[`_${name}`] = options[name];
    }
    if (options?.signal) tools.part("node/streams/ending").addAbortSignal(options.signal, stream);
  }

  // --- writing --------------------------------------------------------------------------------------------------

  /** True when more may come, false when it should wait, an error when it cannot be written. */
  function write(stream, given, encodingOrCallback, callbackOrNothing) {
    const state = stream._writableState;
    const callback = (typeof encodingOrCallback === "function" ? encodingOrCallback : callbackOrNothing) ?? nothing;
    let encoding = (typeof encodingOrCallback === "function" ? undefined : encodingOrCallback) || state.defaultEncoding;
    if (encoding !== "buffer" && !nameOf(encoding)) throw coded(TypeError, "ERR_UNKNOWN_ENCODING", `there is no encoding ${encoding}`);
    let chunk = given;
    if (chunk === null) throw coded(TypeError, "ERR_STREAM_NULL_VALUES", "null cannot be written");
    if (!state.objectMode) {
      if (typeof chunk === "string") {
        if (state.decodeStrings) {
          chunk = Buffer.from(chunk, encoding);
          encoding = "buffer";
        }
      } else if (chunk instanceof Uint8Array) {
        chunk = bytesAs(chunk);
        encoding = "buffer";
      } else throw wrongType("chunk", "a string, a Buffer or a Uint8Array", chunk);
    }
    const error = state.ending
      ? coded(Error, "ERR_STREAM_WRITE_AFTER_END", "the stream has ended: nothing more can be written")
      : state.destroyed && coded(Error, "ERR_STREAM_DESTROYED", "the stream was destroyed: nothing more can be written");
    if (error) {
      soon(callback, error);
      fail(stream, error, true);
      return error;
    }
    state.pending += 1;
    return writeOrHold(stream, state, chunk, encoding, callback);
  }

  const sizeOf = (state, chunk) => (state.objectMode ? 1 : chunk.length);

  function writeOrHold(stream, state, chunk, encoding, callback) {
    const size = sizeOf(state, chunk);
    state.length += size;
    const more = state.length < state.highWaterMark;
    if (!more) state.needDrain = true;
    if (state.writing || state.corked > 0 || state.errored || !state.constructed) state.buffered.push({ chunk, encoding, callback });
    else hand(stream, state, size, callback, (done) => stream._write(chunk, encoding, done));
    return more && !state.errored && !state.destroyed;
  }

  /** Gives something to the stream's own method, and goes on when that calls back. */
  function hand(stream, state, size, callback, act) {
    state.writing = true;
    state.writeSize = size;
    state.writeCallback = callback;
    state.sync = true;
    let called = false;
    act((error) => {
      if (called) {
        fail(stream, coded(Error, "ERR_MULTIPLE_CALLBACK", "the callback of a write was called twice"));
        return;
      }
      called = true;
      onWritten(stream, state, error);
    });
    state.sync = false;
  }

  function onWritten(stream, state, error) {
    const { sync, writeCallback: callback } = state;
    state.writing = false;
    state.writeCallback = null;
    state.length -= state.writeSize;
    state.writeSize = 0;
    if (error) {
      state.errored ??= error;
      if (stream._readableState && !stream._readableState.errored) stream._readableState.errored = error;
      const tell = () => {
        state.pending -= 1;
        callback(error);
        failHeld(state);
        fail(stream, error);
      };
      if (sync) soon(tell);
      else tell();
      return;
    }
    if (state.buffered.length > 0) clearBuffer(stream, state);
    if (sync) soon(afterWrite, stream, state, callback);
    else afterWrite(stream, state, callback);
  }

  function afterWrite(stream, state, callback) {
    if (!state.ending && !stream.destroyed && state.length === 0 && state.needDrain) {
      state.needDrain = false;
      stream.emit("drain");
    }
    state.pending -= 1;
    callback(null);
    if (state.destroyed) failHeld(state);
    finishIfDone(stream, state);
  }

  /** What waits will never be written. */
  function failHeld(state) {
    if (state.writing) return;
    const gone = () => state.errored ?? coded(Error, "ERR_STREAM_DESTROYED", "the stream was destroyed before this was written");
    for (const { chunk, callback } of state.buffered.splice(0)) {
      state.length -= sizeOf(state, chunk);
      callback(gone());
    }
    for (const callback of state.whenFinished.splice(0)) callback(gone());
  }

  function clearBuffer(stream, state) {
    if (state.corked > 0 || state.clearing || state.destroyed || !state.constructed || state.buffered.length === 0) return;
    state.clearing = true;
    if (state.buffered.length > 1 && stream._writev) {
      const held = state.buffered.splice(0);
      state.pending -= held.length - 1;
      const callback = (error) => {
        for (const one of held) one.callback(error);
      };
      const chunks = Object.assign(held.map(({ chunk, encoding }) => ({ chunk, encoding })), { allBuffers: held.every(({ encoding }) => encoding === "buffer") });
      hand(stream, state, held.reduce((sum, { chunk }) => sum + sizeOf(state, chunk), 0), callback, (done) => stream._writev(chunks, done));
    } else {
      while (state.buffered.length > 0 && !state.writing) {
        const { chunk, encoding, callback } = state.buffered.shift();
        hand(stream, state, sizeOf(state, chunk), callback, (done) => stream._write(chunk, encoding, done));
      }
    }
    state.clearing = false;
  }

  // --- ending ---------------------------------------------------------------------------------------------------

  function end(chunkOrCallback = undefined, encodingOrCallback = undefined, callbackOrNothing = undefined) {
    const state = this._writableState;
    const given = [chunkOrCallback, encodingOrCallback, callbackOrNothing];
    const callback = given.find((value) => typeof value === "function");
    const [chunk, encoding] = given.map((value) => (typeof value === "function" ? undefined : value));
    let error;
    if (chunk !== undefined && chunk !== null) {
      const result = write(this, chunk, encoding);
      if (result instanceof Error) error = result;
    }
    if (state.corked > 0) {
      state.corked = 1;
      this.uncork();
    }
    if (!error) {
      if (!state.errored && !state.ending) {
        state.ending = true;
        finishIfDone(this, state, true);
        state.ended = true;
      } else if (state.finished) error = coded(Error, "ERR_STREAM_ALREADY_FINISHED", "the stream has finished already");
      else if (state.destroyed) error = coded(Error, "ERR_STREAM_DESTROYED", "the stream was destroyed");
    }
    if (callback) {
      if (error ?? state.errored) soon(callback, error ?? state.errored);
      else if (state.finished) soon(callback);
      else state.whenFinished.push(callback);
    }
    return this;
  }

  const isDone = (state) =>
    state.ending && !state.destroyed && state.constructed && state.length === 0 && !state.errored && state.buffered.length === 0 &&
    !state.finished && !state.writing && !state.errorEmitted && !state.closeEmitted;

  function finishIfDone(stream, state, sync = false) {
    if (!isDone(state)) return;
    prefinish(stream, state);
    if (state.pending > 0) return;
    if (sync) {
      state.pending += 1;
      soon(() => {
        state.pending -= 1;
        if (isDone(state)) finish(stream, state);
      });
    } else if (isDone(state)) finish(stream, state);
  }

  function prefinish(stream, state) {
    if (state.prefinished || state.finalCalled) return;
    if (typeof stream._final !== "function") {
      state.prefinished = true;
      stream.emit("prefinish");
      return;
    }
    state.finalCalled = true;
    state.pending += 1;
    let called = false;
    const done = (error) => {
      if (called) return;
      called = true;
      state.pending -= 1;
      if (error) {
        for (const callback of state.whenFinished.splice(0)) callback(error);
        fail(stream, error, true);
      } else if (isDone(state)) {
        state.prefinished = true;
        stream.emit("prefinish");
        state.pending += 1;
        soon(() => {
          state.pending -= 1;
          finish(stream, state);
        });
      }
    };
    state.sync = true;
    try {
      stream._final(done);
    } catch (error) {
      done(error);
    }
    state.sync = false;
  }

  function finish(stream, state) {
    if (state.finished || state.destroyed) return;
    state.finished = true;
    for (const callback of state.whenFinished.splice(0)) callback(null);
    stream.emit("finish");
    const other = stream._readableState;
    if (state.autoDestroy && (!other || (other.autoDestroy && (other.endEmitted || other.readable === false)))) stream.destroy();
  }

  const members = {
    write(chunk, encoding, callback) { return write(this, chunk, encoding, callback) === true; },
    end,
    cork() { this._writableState.corked += 1; },
    uncork() {
      const state = this._writableState;
      if (state.corked === 0) return;
      state.corked -= 1;
      if (!state.writing) clearBuffer(this, state);
    },
    setDefaultEncoding(encoding) {
      const name = nameOf(encoding);
      if (!name) throw coded(TypeError, "ERR_UNKNOWN_ENCODING", `there is no encoding ${encoding}`);
      this._writableState.defaultEncoding = name;
      return this;
    },
    _write(chunk, encoding, callback) {
      if (!this._writev) throw coded(Error, "ERR_METHOD_NOT_IMPLEMENTED", "a Writable needs a method _write");
      this._writev([{ chunk, encoding }], callback);
    },
    _writev: null,
    destroy(error = undefined, callback = undefined) {
      const state = this._writableState;
      if (!state.destroyed && (state.buffered.length > 0 || state.whenFinished.length > 0)) soon(failHeld, state);
      return destroy.call(this, error, callback);
    },
    _destroy(error, callback) { callback(error); },
  };
  Object.assign(Writable.prototype, members, {
    pipe() { fail(this, coded(Error, "ERR_STREAM_CANNOT_PIPE", "a Writable cannot be read, and so not piped")); },
  });

  const views = {
    writable: (state) => state.writable !== false && !state.destroyed && !state.errored && !state.ending && !state.ended,
    writableLength: (state) => state.length,
    writableHighWaterMark: (state) => state.highWaterMark,
    writableObjectMode: (state) => state.objectMode,
    writableCorked: (state) => state.corked,
    writableEnded: (state) => state.ending,
    writableFinished: (state) => state.finished,
    writableNeedDrain: (state) => !state.destroyed && !state.ending && state.needDrain,
    writableAborted: (state) => (state.destroyed || Boolean(state.errored)) && !state.finished,
    destroyed: (state) => state.destroyed,
    closed: (state) => state.closed,
    errored: (state) => state.errored,
  };
  const descriptors = Object.fromEntries(
    Object.entries(views).map(([name, of]) => {
      const get = function () { return this._writableState ? of(this._writableState) : false; };
      const settable = { writable: "writable", destroyed: "destroyed" }[name];
      const set = settable && function (value) { if (this._writableState) this._writableState[settable] = Boolean(value); };
      return [name, { get, set, enumerable: false, configurable: true }];
    }),
  );
  Object.defineProperties(Writable.prototype, descriptors);

  return { Writable, writableState, takeWritableOptions: takeOptions, writableMembers: members, writableViews: descriptors, clearBuffer, finishIfDone };
}
